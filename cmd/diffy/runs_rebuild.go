package main

import (
	"context"
	"log/slog"
	"path/filepath"

	"diffy/pkg/pack"
	"diffy/pkg/pipeline"

	"github.com/spf13/cobra"
)

func (a *app) runsRebuild() *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use: "rebuild [RUN]", Short: "Make result and report of a run again from its evidence", Args: arguments(0, 1),
		Long: "Read the evidence of a run again, hold it against its digests, and make facts, result and report\n" +
			"from it, with this diffy's rules and the baselines and suppressions of now. The evidence is not\n" +
			"touched; the earlier result is replaced. Without --fail-on it ends with 0 or 20.",
		Example: "  diffy runs rebuild web-prod-202611240312-1f3a",
	}
	o.flags(cmd)
	return a.aboutRun(cmd, &o, runArchive.rebuild)
}

func (r runArchive) rebuild(ctx context.Context, run pipeline.Run, o output) error {
	if e, err := r.execution(ctx, run.ID); err != nil {
		return err
	} else if e != nil && !e.Over() {
		return usage("wait for it: diffy runs show "+run.ID+" --follow", "run %s is under way", run.ID)
	}
	queries, err := pack.Load()
	if err != nil {
		return failed(err)
	}
	h := pipeline.Rebuild{Analyze: pipeline.Analyze{Pack: queries, Version: version, Now: now, Log: slog.New(slog.DiscardHandler)}}
	if h.Objects, err = r.objects(ctx, run.ID); err != nil {
		return err
	}
	if r.in != nil {
		h.Baselines, h.Suppressions, h.Runs = r.in.known, r.in.known, r.in.runs
	} else {
		h.Baselines, h.Suppressions, h.Runs = r.app.table(), r.app.table(), r.app.table()
	}
	shown := r.app.progress()
	h.Progress = func(done, total int) { shown.step("reading evidence", done, total) }
	_, err = h.Handle(ctx, pipeline.RunIn{Run: run.ID})
	shown.done()
	if err != nil {
		return r.failed(err)
	}
	if r.in != nil {
		return r.app.deliverRun(ctx, r.in, run.ID, o)
	}
	dir, err := r.app.table().Folder(ctx, run.ID)
	if err != nil {
		return failed(err)
	}
	result, err := resultOf(run, dir)
	if err != nil {
		return err
	}
	r.app.say("run %s: %s", run.ID, filepath.Join(dir, "report.html"))
	return r.app.deliver(result, o)
}
