package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"diffy/pkg/local"
	"diffy/pkg/pipeline"
	"diffy/pkg/triage"

	"github.com/spf13/cobra"
)

// ask is what the triage command was asked for.
type ask struct {
	request   triage.Request
	pivots    []string
	source    string // --local
	baselines []string
	group     string
	output
}

func (a *app) triage() *cobra.Command {
	var q ask
	cmd := &cobra.Command{
		Use:   "triage --local DIR",
		Short: "Run the whole pipeline on this machine: collect, compare, rank, report",
		Long: "Run a triage with the pipeline's own handlers on this machine, without AWS. The hosts are the\n" +
			"recorded snapshots in DIR, or this machine itself (localhost, through osqueryi).\n\n" +
			"Without --baseline the stored baseline of the group is used when there is one: --group names it.",
		Example: "  diffy triage --local evidence/ --out out/\n" +
			"  diffy triage --local evidence/ --group web-prod --suspect web-7\n" +
			"  diffy triage --local localhost --baseline clean/web-1",
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.runTriage(cmd.Context(), q)
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.source, "local", "", "recorded snapshots in this `DIR`, or localhost")
	f.StringVar(&q.group, "group", "local", "the group's `NAME` in the result")
	f.StringArrayVar(&q.request.Suspects, "suspect", nil, "mark this `HOST`; it is always kept; may be repeated")
	f.StringArrayVar(&q.pivots, "pivot", nil, "look for `KIND=VALUE` on every host; may be repeated ("+pivotKinds()+")")
	f.StringArrayVar(&q.baselines, "baseline", nil, "a `PATH` of clean hosts, or a version of the group's baseline, auto, or none; may be repeated")
	f.StringSliceVar(&q.request.Tiers, "tier", nil, "core, ext (slow queries), sens (personal data)")
	f.StringVar(&q.request.Incident, "incident", "", "the incident's `ID`")
	f.IntVar(&q.request.MaxHosts, "max-hosts", 0, "collect at most so many hosts (default 1000)")
	q.flags(cmd)
	f.Lookup("out").Usage = "leave the run's files in this `DIR`, evidence and manifest too (default: in $DIFFY_HOME)"
	_ = cmd.RegisterFlagCompletionFunc("pivot", completePivots)
	return cmd
}

func (a *app) runTriage(ctx context.Context, q ask) error {
	if err := q.check(ctx, a); err != nil {
		return err
	}
	shown := a.progress()
	run, dir, result, err := local.Run(ctx, local.Options{
		Source: q.source, Out: q.folder, Home: a.home(), Baselines: q.baselines, Request: q.request, Group: q.group, Version: version,
		Now: now, ID: func() string { return strings.ToLower(rand.Text()[:4]) },
		Skipped:  func(path, reason string) { a.say("%s skipped: %s", path, reason) },
		Progress: shown.step,
	})
	shown.done()
	if run == "" { // it has not begun: what it was given cannot be used
		return &exit{code: exitUsage, err: err}
	}
	if err = cmp.Or(err, a.table().KeepFolder(ctx, run, dir)); err != nil {
		return failed(err)
	}
	a.say("run %s: %s", run, filepath.Join(dir, "report.html"))
	q.folder = "" // it is all there
	return a.deliver(result, q.output)
}

// check looks at what the flags say before anything is read.
func (q *ask) check(ctx context.Context, a *app) error {
	if err := q.output.check(); err != nil {
		return err
	}
	if q.source == "" {
		return usage("diffy triage --local DIR, or diffy triage --local localhost", "there is nothing to triage")
	}
	if _, err := os.Stat(q.source); q.source != local.Localhost && err != nil {
		return usage("--local takes a folder of recorded snapshots, or localhost", "read %s: %w", q.source, bare(err))
	}
	var err error
	if q.request.Pivots, err = parsePivots(q.pivots); err != nil {
		return err
	}
	return q.sortBaselines(ctx, a)
}

// sortBaselines tells PATHs from versions: what is there on disk is a PATH, and
// anything else has to be a version of the group's own baseline.
func (q *ask) sortBaselines(ctx context.Context, a *app) error {
	var paths []string
	for _, b := range q.baselines {
		if _, err := os.Stat(b); err == nil {
			paths = append(paths, b)
			continue
		}
		if q.request.Baseline != "" {
			return usage("give one version, or PATHs", "baselines %s and %s are two versions", q.request.Baseline, b)
		}
		if err := q.version(ctx, a, b); err != nil {
			return err
		}
	}
	if q.request.Baseline != "" && len(paths) > 0 {
		return usage("give one version, or PATHs", "baseline %s is a version and %s a PATH", q.request.Baseline, paths[0])
	}
	q.baselines = paths
	return nil
}

// version takes a version of the group's baseline, also in the form NAME[@VERSION]
// that other commands take.
func (q *ask) version(ctx context.Context, a *app, asked string) error {
	version := strings.TrimPrefix(asked, q.group+"@")
	if asked == q.group {
		version = "auto"
	}
	if version == "auto" || version == "none" {
		q.request.Baseline = version
		return nil
	}
	versions, err := a.table().Versions(ctx, q.group)
	if err != nil {
		return failed(err)
	}
	if slices.ContainsFunc(versions, func(v pipeline.Version) bool { return v.Version == version }) {
		q.request.Baseline = version
		return nil
	}
	if others, err := a.files().stored(ctx, asked); err == nil && len(others) > 0 {
		return usage("--group "+quoted(others[0].Group)+" says that these hosts are of that group, and compares with its baseline",
			"baseline %s is not of the group %s", asked, q.group)
	}
	hint := "group " + q.group + " has no stored baseline: give a PATH, or diffy baseline create " + quoted(q.group) + " PATH…"
	if len(versions) > 0 {
		hint = "versions of " + q.group + " are " + some(versionNames(versions))
	}
	return usage(hint, "baseline %q is neither a PATH nor a version of group %s", asked, q.group)
}
