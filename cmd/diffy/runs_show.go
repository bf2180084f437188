package main

import (
	"context"
	"fmt"

	"diffy/pkg/cloud"
	"diffy/pkg/pipeline"

	"github.com/spf13/cobra"
)

func (a *app) runsShow() *cobra.Command {
	var o output
	var follow bool
	cmd := &cobra.Command{
		Use: "show [RUN]", Short: "Show the result of a run again, or how far it is", Args: arguments(0, 1),
		Example: "  diffy runs show\n  diffy runs show --follow\n  diffy runs show web-prod-202611240312-1f3a --format csv -o findings.csv",
	}
	o.formatFlags(cmd)
	cmd.Flags().BoolVar(&follow, "follow", false, "follow a run that is under way to its end, as diffy triage does")
	return a.aboutRun(cmd, &o, func(r runArchive, ctx context.Context, run pipeline.Run, o output) error {
		return r.show(ctx, run, follow, o)
	})
}

// show shows a result, or how far the run is, or why it has none.
func (r runArchive) show(ctx context.Context, run pipeline.Run, follow bool, o output) error {
	e, err := r.execution(ctx, run.ID)
	if err != nil {
		return err
	}
	underWay := e != nil && !e.Over()
	if underWay && follow {
		if err := r.app.follow(ctx, r.in, run.ID); err != nil {
			return err
		}
		return r.app.deliverRun(ctx, r.in, run.ID, o)
	}
	if underWay {
		return r.showProgress(ctx, run)
	}
	result, err := r.result(ctx, run)
	switch {
	case err != nil:
		return err
	case result == nil:
		return r.noResult(run, e)
	}
	if run.Status != pipeline.Succeeded && run.Reason != "" {
		r.app.say("run %s is %s%s", run.ID, run.Status, reason(run))
	}
	return r.app.show(result, o)
}

// noResult says why a run of the account has no result.
func (r runArchive) noResult(run pipeline.Run, e *cloud.Execution) error {
	switch {
	case e != nil && e.Error == pipeline.StoppedByPerson:
		return &exit{
			code: exitFailed, err: fmt.Errorf("run %s was stopped, and nobody has had it analysed", run.ID),
			hint: "diffy runs stop " + run.ID + " analyses what it has collected",
		}
	case e != nil && e.Status != succeeded:
		return runFailed(run.ID, *e)
	}
	return &exit{
		code: exitFailed, err: fmt.Errorf("run %s has no result: it is %s%s", run.ID, run.Status, reason(run)),
		hint: "results go with time, evidence stays longer: diffy runs rebuild " + run.ID,
	}
}

// showProgress says how far a run is that is under way.
func (r runArchive) showProgress(ctx context.Context, run pipeline.Run) error {
	watch := pipeline.Watch{Objects: r.in.objects, Run: run.ID}
	p, err := watch.Look(ctx)
	if err != nil {
		return failedInAWS(err)
	}
	at, collected := "finding the hosts", ""
	if p.Key != "" {
		at, collected = stage(p), fmt.Sprintf("%d of %d: %s", p.Ended, p.Asked, seen(p))
	}
	err = r.app.fields(
		[2]string{"run", run.ID}, [2]string{"group", run.GroupKey}, [2]string{"incident", run.Incident},
		[2]string{"started", minute(run.Started)}, [2]string{"status", at}, [2]string{"collected", collected},
	)
	r.app.say("it is under way: diffy runs show %s --follow, diffy runs stop %s", run.ID, run.ID)
	return err
}
