package main

import (
	"context"

	"diffy/pkg/local"
	"diffy/pkg/triage"

	"github.com/spf13/cobra"
)

// ask is what the triage command was asked for.
type ask struct {
	request triage.Request
	selectors
	purpose   string
	pivots    []string
	baselines []string
	plan      bool

	source  string // --local
	group   string // names the hosts of source; empty: "local"
	retried string // folder of the run to retry, where that is not in $DIFFY_HOME

	collection string      // --collection
	program    *local.Exec // the one that collects, if one does
	output
}

func (a *app) triage() *cobra.Command {
	var q ask
	cmd := &cobra.Command{
		Use:   "triage --asg NAME",
		Short: "Run the whole pipeline: find a group of hosts, collect, compare, rank, report",
		Long: "Start a run in the account where diffy is deployed and follow it. The hosts are those of a group:\n" +
			"choose it in one way. Interrupting this command leaves the run going; diffy runs show comes back\n" +
			"to it. --plan shows what a run would do and starts none.\n\n" +
			"With --local the pipeline runs on this machine, without AWS. The hosts are then the recorded\n" +
			"snapshots in DIR, or this machine itself (localhost, through osqueryi), and --group names them.\n" +
			"With --collection exec a program of yours collects from the hosts that --instance names.\n\n" +
			"Without --baseline the stored baseline of the group is used when there is one.",
		Example: "  diffy triage --asg web-prod\n" +
			"  diffy triage --instance i-0a1b2c3d4e5f60718 --suspect i-0a1b2c3d4e5f60718 --pivot ip=203.0.113.9\n" +
			"  diffy triage --tag service=web --account 111122223333 --region eu-west-1 --plan\n" +
			"  diffy triage --retry web-prod-202611240312-1f3a\n" +
			"  diffy triage --local evidence/ --group web-prod --out out/\n" +
			"  diffy triage --local localhost --baseline clean/web-1\n" +
			"  diffy triage --collection exec --instance web-1 --instance web-2",
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.runTriage(cmd.Context(), q)
		},
	}
	q.selectors.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&q.source, "local", "", "run on this machine: recorded snapshots in this `DIR`, or localhost")
	addCollection(cmd, &q.collection)
	f.StringVar(&q.group, "group", "", "with --local or --collection exec: the group's `NAME` in the result (default local)")
	f.StringArrayVar(&q.request.Suspects, "suspect", nil, "mark this `HOST`; it is always kept; may be repeated")
	f.StringArrayVar(&q.pivots, "pivot", nil, "look for `KIND=VALUE` on every host; may be repeated ("+pivotKinds()+")")
	f.StringArrayVar(&q.baselines, "baseline", nil, "a version of the group's baseline, auto, or none; with --local also a `PATH` of clean hosts, may be repeated")
	f.StringVar(&q.request.Pack, "pack", "", "the `NAME` of the pack of queries (default linux-triage)")
	f.StringSliceVar(&q.request.Tiers, "tier", nil, "core, ext (slow queries), sens (personal data)")
	f.StringVar(&q.request.Incident, "incident", "", "the incident's `ID` (default: the run's)")
	f.IntVar(&q.request.MaxHosts, "max-hosts", 0, "examine at most so many hosts, the suspects always (default 1000)")
	f.StringVar(&q.purpose, "purpose", "", "triage, or baseline: store what the hosts are like as a new version")
	f.StringVar(&q.request.Retry, "retry", "", "ask only the hosts that this `RUN` did not examine whole; with --local also its folder")
	f.BoolVar(&q.plan, "plan", false, "show what a run would do, and start none")
	q.output.flags(cmd)
	f.Lookup("out").Usage = "leave the results in this `DIR`; with --local the run's evidence and manifest too (default: in $DIFFY_HOME)"
	_ = cmd.RegisterFlagCompletionFunc("pivot", completePivots)
	_ = cmd.RegisterFlagCompletionFunc("purpose", cobra.FixedCompletions([]string{string(triage.PurposeTriage), string(triage.PurposeBaseline)}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("tier", cobra.FixedCompletions([]string{"core", "ext", "sens"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) runTriage(ctx context.Context, q ask) error {
	if err := q.check(); err != nil {
		return err
	}
	if err := a.plug(&q); err != nil {
		return err
	}
	if q.source != "" || q.program != nil {
		return a.triageLocally(ctx, q)
	}
	return a.triageInAWS(ctx, q)
}

// check looks at what the flags say that means the same everywhere.
func (q *ask) check() error {
	err := q.output.check()
	if err == nil {
		q.request.Pivots, err = parsePivots(q.pivots)
	}
	if err == nil {
		err = q.selectors.put(&q.request)
	}
	q.request.Purpose = triage.Purpose(q.purpose)
	return err
}
