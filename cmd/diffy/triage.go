package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"diffy/pkg/local"
	"diffy/pkg/triage"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
)

// ask is what the triage command was asked for.
type ask struct {
	request   triage.Request
	pivots    []string
	source    string // --local
	baselines []string
	group     string
	output    string
	format    string
	file      string
	failOn    string
}

func (a *app) triage() *cobra.Command {
	var q ask
	cmd := &cobra.Command{
		Use:   "triage --local DIR",
		Short: "Run the whole pipeline on this machine: collect, compare, rank, report",
		Long: "Run a triage with the pipeline's own handlers on this machine, without AWS. The hosts are the\n" +
			"recorded snapshots in DIR, or this machine itself (localhost, through osqueryi).",
		Example: "  diffy triage --local evidence/ --out out/\n  diffy triage --local localhost --baseline clean/web-1",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.runTriage(cmd.Context(), q)
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.source, "local", "", "recorded snapshots in this `DIR`, or localhost")
	f.StringVar(&q.group, "group", "", "the group's `NAME` in the result")
	f.StringArrayVar(&q.request.Suspects, "suspect", nil, "mark this `HOST`; it is always kept; may be repeated")
	f.StringArrayVar(&q.pivots, "pivot", nil, "look for `KIND=VALUE` on every host; may be repeated ("+pivotKinds()+")")
	f.StringArrayVar(&q.baselines, "baseline", nil, "a `PATH` of clean hosts, or a version of the group's baseline, or none; may be repeated")
	f.StringSliceVar(&q.request.Tiers, "tier", nil, "core, ext (slow queries), sens (personal data)")
	f.StringVar(&q.request.Incident, "incident", "", "the incident's `ID`")
	f.IntVar(&q.request.MaxHosts, "max-hosts", 0, "collect at most so many hosts (default 1000)")
	addOutput(cmd, &q.format, &q.file, &q.output, &q.failOn)
	_ = cmd.MarkFlagRequired("local")
	return cmd
}

func (a *app) runTriage(ctx context.Context, q ask) error {
	check := analysis{format: q.format, failOn: q.failOn}
	if err := check.check(); err != nil {
		return err
	}
	var err error
	if q.request.Pivots, err = parsePivots(q.pivots); err != nil {
		return err
	}
	if err := q.sortBaselines(); err != nil {
		return err
	}
	if _, err := os.Stat(q.source); q.source != local.Localhost && err != nil {
		return usage("--local takes a folder of recorded snapshots, or localhost", "read %s: no such file or folder", q.source)
	}
	bar := a.bar()
	run, dir, result, err := local.Run(ctx, local.Options{
		Source: q.source, Out: q.output, Home: a.home(), Baselines: q.baselines, Request: q.request, Group: q.group, Version: version,
		Now: now, ID: func() string { return strings.ToLower(rand.Text()[:4]) },
		Skipped: func(path, reason string) {
			fmt.Fprintf(a.err, "diffy: %s skipped: %s\n", harmless(path), harmless(reason))
		},
		Progress: bar.step,
	})
	bar.done()
	if err != nil {
		return failed(err)
	}
	fmt.Fprintf(a.err, "run %s: %s\n", harmless(run), filepath.Join(dir, "report.html"))
	return a.deliver(result, q.format, q.file, "", q.failOn)
}

// sortBaselines tells PATHs from versions: what is there on disk is a PATH.
func (q *ask) sortBaselines() error {
	var paths []string
	for _, b := range q.baselines {
		if _, err := os.Stat(b); err == nil {
			paths = append(paths, b)
			continue
		}
		if strings.ContainsRune(b, filepath.Separator) {
			return usage("a baseline is a PATH, a version, or none", "read baseline %s: no such file or folder", b)
		}
		if q.request.Baseline != "" {
			return usage("give one version, or PATHs", "baselines %s and %s are two versions", q.request.Baseline, b)
		}
		q.request.Baseline = b
	}
	if q.request.Baseline != "" && len(paths) > 0 {
		return usage("give one version, or PATHs", "baseline %s is a version and %s a PATH", q.request.Baseline, paths[0])
	}
	q.baselines = paths
	return nil
}

// home is where baselines, suppressions and runs are kept: $DIFFY_HOME, or
// diffy in the XDG data folder.
func (a *app) home() string {
	if dir := a.env("DIFFY_HOME"); dir != "" {
		return dir
	}
	if dir := a.env("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "diffy")
	}
	return filepath.Join(a.env("HOME"), ".local", "share", "diffy")
}

// steps shows how far a run is, on a terminal only, and only when it takes
// longer than a second.
type steps struct {
	app  *app
	what string
	bar  *progressbar.ProgressBar
}

func (a *app) bar() *steps { return &steps{app: a} }

func (s *steps) step(what string, done, total int) {
	f, ok := s.app.err.(*os.File)
	if !ok || !s.app.terminal(f) || total < 2 {
		return
	}
	if s.what != what {
		s.done()
		s.what = what
		s.bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(f), progressbar.OptionSetDescription(what),
			progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(time.Second))
	}
	_ = s.bar.Set(done) // a bar that cannot be drawn stops nothing
}

func (s *steps) done() {
	if s.bar != nil {
		_ = s.bar.Finish()
	}
}
