package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"diffy/pkg/detect"
	"diffy/pkg/pack"
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
	against   references // in place of what baselines names
	output
}

var methodNames = []string{string(triage.ByBaseline), string(triage.ByCluster)}

func (a *app) analyze() *cobra.Command {
	var q analysis
	cmd := &cobra.Command{
		Use:   "analyze PATH…",
		Short: "Compare the evidence of a group of hosts that is already there",
		Long: "Compare osquery evidence of a group of hosts with each other and with baselines. A PATH is one\n" +
			"host's snapshot (a log, or a folder of <query>.json) or a folder of such hosts; - is stdin.\n\n" +
			"A --baseline is the PATH of clean hosts, or the NAME of a stored baseline (diffy baseline list):\n" +
			"its approved versions, else its latest, or the one of NAME@VERSION. What is there on disk is a\n" +
			"PATH. Several baselines are matched to the kinds of host that they fit.",
		Example: "  diffy analyze evidence/\n" +
			"  diffy analyze evidence/ --baseline clean/web-1 --format json -o result.json\n" +
			"  diffy analyze evidence/ --baseline web-prod --pivot sha256=5f2c… --out report/\n" +
			"  zcat web-1.log.gz | diffy analyze - --fail-on medium",
		Args: arguments(1, anyMore),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.paths = args
			return a.runAnalyze(cmd.Context(), q)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&q.baselines, "baseline", nil, "compare with clean hosts: a `PATH|NAME`; may be repeated")
	f.StringSliceVar(&q.methods, "method", nil, "baseline, cluster (default: analysis in diffy.yaml, else both; rules and pivots always)")
	f.StringArrayVar(&q.pivots, "pivot", nil, "look for `KIND=VALUE` on every host; may be repeated ("+pivotKinds()+")")
	f.StringArrayVar(&q.suspects, "suspect", nil, "mark this `HOST`; may be repeated")
	f.StringVar(&q.group, "group", "local", "the group's `NAME` in the result")
	q.flags(cmd)
	_ = cmd.RegisterFlagCompletionFunc("baseline", a.completeBaselines(cobra.ShellCompDirectiveDefault))
	_ = cmd.RegisterFlagCompletionFunc("method", cobra.FixedCompletions(methodNames, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("pivot", completePivots)
	return cmd
}

func (a *app) runAnalyze(ctx context.Context, q analysis) error {
	if len(q.methods) == 0 {
		s, err := a.settings()
		if err != nil {
			return err
		}
		q.methods = s.Analysis
	}
	in, err := q.input()
	if err != nil {
		return err
	}
	p, err := pack.Load()
	if err != nil {
		return failed(err)
	}
	in.Now = now()
	references := q.against
	if references.from.keeper == nil {
		if references, err = a.references(ctx, q.baselines); err != nil {
			return err
		}
	}
	hosts := &evidence{app: a, leave: references.paths}
	if in.Set, err = hosts.facts(ctx, p, without(q.paths, references.paths)); err != nil {
		return err
	}
	if err := q.known(in.Set.Place); err != nil {
		return err
	}
	baselines, notes, err := a.load(ctx, p, references)
	if err != nil {
		return err
	}
	in.Baselines, in.Notes = baselines, slices.Concat(hosts.lost, notes)
	if in.Suppressions, err = references.from.Suppressions(ctx, references.from.group(q.group)); err != nil {
		return references.from.failed(err)
	}
	result := detect.Run(in)
	result.Run = triage.RunInfo{
		ID: "local-" + in.Now.Format("20060102T1504"), Started: in.Now.Format(time.RFC3339), Finished: now().Format(time.RFC3339),
		Pack: p.Name, PackVersion: p.Version, DiffyVersion: version,
	}
	result.Run.Incident = result.Run.ID
	return a.deliver(result, q.output)
}

// input is what the flags say, checked before anything is read.
func (q *analysis) input() (detect.Input, error) {
	in := detect.Input{Group: q.group, Suspects: q.suspects}
	if err := q.check(); err != nil {
		return in, err
	}
	for _, m := range q.methods {
		if !slices.Contains(methodNames, m) {
			return in, usage("--method "+strings.Join(methodNames, ","), "unknown method %q", m)
		}
		in.Methods = append(in.Methods, triage.Method(m))
	}
	if n := count(slices.Concat(q.paths, q.baselines), stdin); n > 1 {
		return in, usage("name stdin once", "stdin (-) cannot be read %d times", n)
	}
	var err error
	in.Pivots, err = parsePivots(q.pivots)
	return in, err
}

// known demands that the suspects are among the hosts: a slip in a name must not
// look like a suspect without findings.
func (q *analysis) known(place func(host string) (uint32, bool)) error {
	for _, s := range q.suspects {
		if _, ok := place(s); !ok {
			return usage("name a suspect as the ranking does", "there is no evidence of suspect %q in %s", s, strings.Join(q.paths, ", "))
		}
	}
	return nil
}

func count(list []string, what string) (n int) {
	for _, s := range list {
		if s == what {
			n++
		}
	}
	return n
}
