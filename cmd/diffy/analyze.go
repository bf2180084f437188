package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"diffy/pkg/detect"
	"diffy/pkg/pack"
	"diffy/pkg/report"
	"diffy/pkg/triage"

	"github.com/spf13/cobra"
)

// analysis is what the analyze command was asked for.
type analysis struct {
	paths     []string
	baselines []string
	methods   []string
	pivots    []string
	suspects  []string
	group     string
	format    string
	output    string
	folder    string
	failOn    string
}

func (a *app) analyze() *cobra.Command {
	var q analysis
	cmd := &cobra.Command{
		Use:   "analyze PATH…",
		Short: "Compare the evidence of a group of hosts that is already there",
		Long: "Compare osquery evidence of a group of hosts with each other and with baselines. A PATH is one\n" +
			"host's snapshot (a log, or a folder of <query>.json) or a folder of such hosts; - is stdin.",
		Example: "  diffy analyze evidence/\n  diffy analyze evidence/ --baseline clean/web-1 --format json -o result.json",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.paths = args
			return a.runAnalyze(cmd.Context(), q)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&q.baselines, "baseline", nil, "evidence of clean hosts to compare with: a `PATH`; may be repeated")
	f.StringSliceVar(&q.methods, "method", nil, "baseline, cluster (default: both; rules and pivots always)")
	f.StringArrayVar(&q.pivots, "pivot", nil, "look for `KIND=VALUE` on every host; may be repeated ("+pivotKinds()+")")
	f.StringArrayVar(&q.suspects, "suspect", nil, "mark this `HOST`; may be repeated")
	f.StringVar(&q.group, "group", "local", "the group's `NAME` in the result")
	addOutput(cmd, &q.format, &q.output, &q.folder, &q.failOn)
	_ = cmd.RegisterFlagCompletionFunc("method", cobra.FixedCompletions([]string{"baseline", "cluster"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// addOutput adds the flags that say where a result goes.
func addOutput(cmd *cobra.Command, format, output, folder, failOn *string) {
	f := cmd.Flags()
	f.StringVar(format, "format", "text", "what goes to stdout: "+strings.Join(formatNames(), ", "))
	f.StringVarP(output, "output", "o", "", "write to this `FILE` instead of stdout")
	f.StringVar(folder, "out", "", "also write result.json, report.html, findings.csv and timeline.jsonl to this `DIR`")
	f.StringVar(failOn, "fail-on", "high", "end with 10 at findings of this severity or above: high, medium, low, never")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formatNames(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions([]string{"high", "medium", "low", "never"}, cobra.ShellCompDirectiveNoFileComp))
}

func (a *app) runAnalyze(ctx context.Context, q analysis) error {
	if err := q.check(); err != nil {
		return err
	}
	in, err := q.input()
	if err != nil {
		return err
	}
	p, err := pack.Load()
	if err != nil {
		return failed(err)
	}
	started := now()
	hosts := &evidence{app: a, pack: p, leave: q.baselines}
	if in.Set, err = hosts.read(ctx, without(q.paths, q.baselines)); err != nil {
		return err
	}
	for _, path := range q.baselines {
		base := &evidence{app: a, pack: p}
		set, err := base.read(ctx, []string{path})
		if err != nil {
			return err
		}
		in.Baselines = append(in.Baselines, detect.Baseline{Name: filepath.Base(path), Created: base.created(), Set: set})
	}
	if len(in.Set.Hosts()) == 0 {
		return usage("a PATH is a snapshot log, a folder of <query>.json, or a folder of such hosts", "no host found in %s", strings.Join(q.paths, ", "))
	}
	in.Now = started
	result := detect.Run(in)
	result.Run = triage.RunInfo{
		ID: "local-" + started.Format("20060102T1504"), Started: started.Format(time.RFC3339), Finished: now().Format(time.RFC3339),
		Pack: p.Name, PackVersion: p.Version, DiffyVersion: version,
	}
	result.Run.Incident = result.Run.ID
	return a.deliver(result, q.format, q.output, q.folder, q.failOn)
}

// check looks at what the flags say before anything is read.
func (q *analysis) check() error {
	if !slices.Contains(formatNames(), q.format) {
		return usage("--format "+strings.Join(formatNames(), ", "), "unknown format %q", q.format)
	}
	if !slices.Contains([]string{"high", "medium", "low", "never"}, q.failOn) {
		return usage("--fail-on high, medium, low or never", "unknown severity %q", q.failOn)
	}
	for _, m := range q.methods {
		if m != string(triage.ByBaseline) && m != string(triage.ByCluster) {
			return usage("--method baseline,cluster", "unknown method %q", m)
		}
	}
	return nil
}

func (q *analysis) input() (detect.Input, error) {
	in := detect.Input{Group: q.group, Suspects: q.suspects}
	for _, m := range q.methods {
		in.Methods = append(in.Methods, triage.Method(m))
	}
	var err error
	in.Pivots, err = parsePivots(q.pivots)
	return in, err
}

func pivotKinds() string {
	names := make([]string, len(triage.PivotKinds))
	for i, k := range triage.PivotKinds {
		names[i] = string(k)
	}
	return strings.Join(names, ", ")
}

func parsePivots(texts []string) ([]triage.Pivot, error) {
	var out []triage.Pivot
	for _, text := range texts {
		kind, value, ok := strings.Cut(text, "=")
		if !ok || value == "" || !slices.Contains(triage.PivotKinds, triage.PivotKind(kind)) {
			return nil, usage("--pivot KIND=VALUE with one of "+pivotKinds(), "pivot %q has no known kind and value", text)
		}
		out = append(out, triage.Pivot{Kind: triage.PivotKind(kind), Value: value})
	}
	return out, nil
}

// formats write a result; text depends on the terminal and is not among them.
var formats = map[string]func(io.Writer, *triage.Result) error{
	"json": report.JSON, "csv": report.CSV, "html": report.HTML,
}

func formatNames() []string { return []string{"text", "json", "csv", "html"} }

// files are what a folder of results holds.
var files = []struct {
	name  string
	write func(io.Writer, *triage.Result) error
}{
	{"result.json", report.JSON}, {"report.html", report.HTML}, {"findings.csv", report.CSV}, {"timeline.jsonl", report.Timeline},
}

// deliver writes the result where it was asked for and ends with the code that
// says what was found.
func (a *app) deliver(r *triage.Result, format, output, folder, failOn string) error {
	if folder != "" {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return failed(err)
		}
		for _, f := range files {
			if err := writeFile(filepath.Join(folder, f.name), func(w io.Writer) error { return f.write(w, r) }); err != nil {
				return failed(err)
			}
		}
	}
	write := func(w io.Writer) error {
		if f, ok := formats[format]; ok {
			return f(w, r)
		}
		return report.Text(w, r, report.TextOptions{Width: a.width(), Color: output == "" && a.colour()})
	}
	var err error
	if output == "" {
		err = write(a.out)
	} else {
		err = writeFile(output, write)
	}
	if err != nil {
		return failed(err)
	}
	return verdict(r, failOn)
}

// writeFile writes a whole file or none.
func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".diffy-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	err = cmp.Or(write(f), f.Chmod(0o644), f.Close())
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return os.Rename(f.Name(), name)
}

// verdict is the exit code of a result.
func verdict(r *triage.Result, failOn string) error {
	if failOn != "never" && slices.ContainsFunc(r.Findings, func(f triage.Finding) bool { return f.Severity.AtLeast(triage.Severity(failOn)) }) {
		return &exit{code: exitFound}
	}
	if r.Group.Partial+r.Group.NotExamined > 0 {
		return &exit{code: exitPartial}
	}
	return nil
}
