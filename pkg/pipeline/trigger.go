package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"diffy/pkg/triage"
	"diffy/pkg/trigger"
)

// Trigger turns an event into runs: one for each group that a finding names.
type Trigger struct {
	Fleet      Fleet
	Locks      Locks
	Runs       Runs
	Executions Executions
	Publisher  Publisher
	Now        func() time.Time
	Log        *slog.Logger
}

const (
	maxRuns    = 5               // that one finding may start
	startLease = 5 * time.Minute // of a group's lock, until resolve has it extended
	inputLimit = 262_144         // bytes; Step Functions' limit for an execution's input
)

// accusedGroup is a group and those of its hosts that the finding names.
type accusedGroup struct {
	id, key string
	hosts   []string
}

// Handle decides what an event starts. An event that starts nothing is no error.
func (h Trigger) Handle(ctx context.Context, event json.RawMessage) (TriggerOut, error) {
	d, err := trigger.ParseEvent(event)
	if errors.Is(err, trigger.ErrUnknown) {
		d, err = trigger.Decision{Reason: err.Error()}, nil
	}
	out := TriggerOut{Runs: []string{}, Reason: d.Reason}
	switch {
	case err != nil:
		return out, errorf(BadRequest, "%w", err)
	case d.Sample != nil:
		err = h.tell(ctx, *d.Sample)
	case d.Request != nil:
		out, err = h.start(ctx, *d.Request, d.Reason)
	}
	h.Log.Info("triggered", "runs", len(out.Runs), "reason", out.Reason, "sample", d.Sample != nil)
	return out, err
}

// tell publishes what a sample would have started: that proves the way from
// GuardDuty to the channel without examining anybody.
func (h Trigger) tell(ctx context.Context, r triage.Request) error {
	m, err := sampleMessage(r)
	if err == nil {
		err = h.Publisher.Publish(ctx, m)
	}
	if err != nil {
		return fmt.Errorf("publish sample finding: %w", err)
	}
	return nil
}

func (h Trigger) start(ctx context.Context, r triage.Request, reason string) (TriggerOut, error) {
	out := TriggerOut{Runs: []string{}}
	reasons := []string{}
	if reason != "" {
		reasons = append(reasons, reason)
	}
	groups, err := h.groups(ctx, r)
	if err != nil {
		return out, err
	}
	for i, g := range groups {
		if i >= maxRuns {
			reasons = append(reasons, "not started, as a finding starts at most 5 runs: "+g.key)
			continue
		}
		run, holder, err := h.group(ctx, r, g)
		switch {
		case err != nil:
			return out, err
		case holder != run:
			reasons = append(reasons, fmt.Sprintf("%s is under triage already, by run %s", g.key, holder))
		default:
			out.Runs = append(out.Runs, run)
		}
	}
	out.Reason = strings.Join(reasons, "; ")
	return out, nil
}

// groups finds the group of each accused host, or the one that the target names.
func (h Trigger) groups(ctx context.Context, r triage.Request) ([]accusedGroup, error) {
	if len(r.Target.InstanceIDs) == 0 {
		g, err := h.Fleet.Group(ctx, r.Target, false)
		if err != nil {
			return nil, fmt.Errorf("find group of %s: %w", TargetKey(r.Target), err)
		}
		return []accusedGroup{{id: g.ID, key: g.Key}}, nil
	}
	var out []accusedGroup
	for _, id := range r.Target.InstanceIDs {
		one := r.Target
		one.InstanceIDs = []string{id}
		g, err := h.Fleet.Group(ctx, one, true)
		if err != nil {
			return nil, fmt.Errorf("find group of %s: %w", id, err)
		}
		i := slices.IndexFunc(out, func(a accusedGroup) bool { return a.id == g.ID })
		if i < 0 {
			i, out = len(out), append(out, accusedGroup{id: g.ID, key: g.Key})
		}
		out[i].hosts = append(out[i].hosts, id)
	}
	return out, nil
}

// group starts the run of one group, unless another run is at it: then holder is
// that one. The run's id is made of the group and the finding, so that the same
// event, delivered again, starts nothing more.
func (h Trigger) group(ctx context.Context, r triage.Request, g accusedGroup) (run, holder string, err error) {
	run = RunID(g.key, eventTime(r.Trigger, h.Now), hexDigest([]byte(r.Trigger.ID + r.Trigger.Time))[:4])
	record, err := h.Runs.LoadRun(ctx, run)
	if err == nil && record.Status != Starting {
		return run, run, nil
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return run, "", fmt.Errorf("read the record of run %s: %w", run, err)
	}
	lock, err := h.Locks.Take(ctx, Lock{Group: g.id, Run: run, Severity: r.Trigger.Severity, Expires: h.Now().UTC().Add(startLease)}, h.Now())
	if err != nil {
		return run, "", fmt.Errorf("take the lock of %s: %w", g.id, err)
	}
	if lock.Run != run {
		return run, lock.Run, nil
	}
	if len(g.hosts) > 0 {
		r.Target.InstanceIDs, r.Suspects = g.hosts, g.hosts
	}
	return run, run, h.execute(ctx, r, g, run)
}

// execute leaves a record first: a run that dies at once still has one, with the
// group whose lock it holds.
func (h Trigger) execute(ctx context.Context, r triage.Request, g accusedGroup, run string) error {
	input, err := json.Marshal(r)
	if err != nil || len(input) > inputLimit {
		return errorf(BadRequest, "the request of run %s has %d bytes, more than an execution takes", run, len(input))
	}
	err = h.Runs.SaveRun(ctx, Run{
		ID: run, Group: g.id, GroupKey: g.key, Account: r.Target.Account, Region: r.Target.Region, Incident: run,
		Purpose: r.Purpose, Status: Starting, Started: stamp(h.Now()),
	})
	if err != nil {
		return fmt.Errorf("record run %s: %w", run, err)
	}
	if err = h.Executions.Start(ctx, run, input); err != nil && !errors.Is(err, ErrExists) {
		return fmt.Errorf("start run %s: %w", run, err)
	}
	return nil
}

// eventTime is when the finding was last seen, by GuardDuty's clock.
func eventTime(t *triage.Trigger, now func() time.Time) time.Time {
	if at, err := time.Parse(time.RFC3339, t.Time); err == nil {
		return at
	}
	return now()
}

// RunID makes the id of a run: "web-prod-202611240312-1f3a". It is the name of the
// execution too, which may have 80 characters.
func RunID(groupKey string, at time.Time, suffix string) string {
	_, name, found := strings.Cut(groupKey, ":")
	if !found {
		name = groupKey
	}
	slug := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + ('a' - 'A')
		}
		return '-'
	}, name)
	slug = strings.Trim(slug[:min(len(slug), 40)], "-")
	if slug == "" {
		slug = "run"
	}
	return slug + "-" + at.UTC().Format("200601021504") + "-" + suffix
}
