package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"diffy/pkg/local"
	"diffy/pkg/pipeline"
	"diffy/pkg/triage"

	"github.com/spf13/cobra"
)

// The ways to collect from hosts.
const (
	bySSM   = "ssm"   // a command of SSM
	byLocal = "local" // osqueryi on this machine
	byExec  = "exec"  // a program of one's own
)

var collections = []string{bySSM, byLocal, byExec}

// addCollection adds the flag that chooses one.
func addCollection(cmd *cobra.Command, how *string) {
	cmd.Flags().StringVar(how, "collection", "", "how hosts are reached: "+strings.Join(collections, ", ")+" (default: collection in diffy.yaml, else ssm)")
	_ = cmd.RegisterFlagCompletionFunc("collection", cobra.FixedCompletions(collections, cobra.ShellCompDirectiveNoFileComp))
}

// leastExecTime is less than any host could answer in.
const leastExecTime = time.Second

// execTime is how long the program has for one host; 0: as long as a host of AWS.
func (s *settings) execTime() (time.Duration, error) {
	if s.Exec.Timeout == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(s.Exec.Timeout)
	if err == nil && d < leastExecTime {
		err = errors.New("too short")
	}
	return d, err
}

// plug fills in what the settings say and the flags do not, and decides how hosts
// are reached.
func (a *app) plug(q *ask) error {
	s, err := a.settings()
	if err != nil {
		return err
	}
	how := cmp.Or(q.collection, s.Collection, bySSM)
	switch {
	case !slices.Contains(collections, how):
		return usage("--collection "+strings.Join(collections, ", "), "unknown collection %q", how)
	case q.source != "" && q.collection != "" && how != byLocal:
		return usage("leave out one of them", "--local and --collection %s contradict each other", how)
	case q.source != "":
		return nil
	case how == byLocal:
		q.source = local.Localhost
		return nil
	}
	q.request.Pack = cmp.Or(q.request.Pack, s.Payload)
	if how == byExec {
		if q.program, err = s.program(); err != nil {
			return err
		}
	} else if len(q.chosen()) == 0 {
		return nil // a retry is where the earlier run was
	}
	return s.place(&q.request.Target)
}

// program is the one that collects.
func (s *settings) program() (*local.Exec, error) {
	if len(s.Exec.Command) == 0 {
		return nil, usage("exec.command in diffy.yaml, or DIFFY_EXEC_COMMAND; docs/plugins.md says what it has to do", "no program is named that collects")
	}
	timeout, err := s.execTime()
	return &local.Exec{Command: s.Exec.Command, Timeout: timeout}, err
}

// checkProgram looks at what the flags say before a program is asked for hosts.
func (q *ask) checkProgram(ctx context.Context, a *app) error {
	switch chosen := q.chosen(); {
	case len(chosen) == 1 && len(q.request.Target.InstanceIDs) == 0:
		return usage("--instance NAME, once for each host; or --collection ssm", "--collection exec knows no groups: %s means nothing to it", flagNames(chosen)[0])
	case len(chosen) == 0 && q.request.Retry == "":
		return usage("--instance NAME, once for each host", "--collection exec needs the names of the hosts")
	case q.expand || q.only:
		return usage("leave out --expand and --only", "--collection exec knows no groups: the hosts are exactly those that are named")
	case q.plan:
		return usage("leave out --plan", "--plan says what would be asked of AWS, and --collection exec asks a program")
	}
	if err := q.retryLocal(ctx, a); err != nil {
		return err
	}
	q.program.Hosts = q.request.Target.InstanceIDs
	if q.request.Retry != "" && len(q.program.Hosts) == 0 {
		hosts, err := q.hostsOf(ctx, a)
		if err != nil {
			return err
		}
		q.program.Hosts = hosts
	}
	// The group is these hosts; --group names it.
	q.request.Target = triage.Target{Account: q.request.Target.Account, Region: q.request.Target.Region}
	q.request.Expand = nil
	q.group = cmp.Or(q.group, "local")
	return q.sortBaselines(ctx, a)
}

// hostsOf are the hosts of the run that is retried.
func (q *ask) hostsOf(ctx context.Context, a *app) ([]string, error) {
	dir := q.retried
	if dir == "" {
		var err error
		if dir, err = a.table().Folder(ctx, q.request.Retry); err != nil {
			return nil, failed(err)
		}
	}
	var plan pipeline.Plan
	if err := readPlan(dir, &plan); err != nil {
		return nil, failed(err)
	}
	hosts := make([]string, len(plan.Hosts))
	for i, h := range plan.Hosts {
		hosts[i] = h.ID
	}
	return hosts, nil
}
