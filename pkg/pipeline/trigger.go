package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"diffy/pkg/triage"
	"diffy/pkg/trigger"
)

// Trigger turns an event into runs: one for each group that a finding names.
type Trigger struct {
	Fleet      Fleet
	Storm      Storm
	Runs       Runs
	Executions Executions
	Publisher  Publisher
	PerHour    int // runs that findings may start in an hour; zero: DefaultPerHour
	Now        func() time.Time
	Log        *slog.Logger
}

// DefaultPerHour is how many runs findings start in an hour when nobody says.
const DefaultPerHour = 20

// PerHourFrom reads how many runs findings may start in an hour: DIFFY_RUNS_PER_HOUR.
func PerHourFrom(env func(string) string) (int, error) {
	text := env("DIFFY_RUNS_PER_HOUR")
	if text == "" {
		return DefaultPerHour, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("read environment: DIFFY_RUNS_PER_HOUR is %q; expected a number above 0", text)
	}
	return n, nil
}

const (
	maxRuns    = 5       // that one finding may start
	inputLimit = 256_000 // bytes; Step Functions takes 262,144, and hands the input on with the run's name
)

// accusedGroup is a group and those of its hosts that the finding names.
type accusedGroup struct {
	id, key string
	hosts   []string
	request triage.Request
	updated string // when the finding last changed
}

// Handle decides what an event starts. An event that starts nothing is no error.
func (h Trigger) Handle(ctx context.Context, event json.RawMessage) (TriggerOut, error) {
	d, err := trigger.ParseEvent(event)
	if errors.Is(err, trigger.ErrUnknown) {
		d, err = trigger.Decision{Reason: err.Error(), Foreign: true}, nil
	}
	out := TriggerOut{Runs: []string{}, Reason: d.Reason}
	switch {
	case err != nil:
		err = errorf(BadRequest, "%w", err)
	case d.Sample != nil:
		out.Reason, err = h.tell(ctx, *d.Sample, d.Updated)
	case d.Request != nil:
		out, err = h.start(ctx, d)
	}
	h.Log.Info("triggered", "runs", len(out.Runs), "attached", len(out.Attached), "waiting", len(out.Waiting),
		"ignored", len(out.Ignored), "capped", out.Capped, "foreign", count(d.Foreign), "hostless", count(d.Hostless),
		"samples", count(d.Sample != nil), "reason", out.Reason)
	return out, err
}

// count makes a number of a fact, for metrics.
func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// answer is what a trigger has to say so far.
type answer struct {
	TriggerOut
	reasons []string
}

func (a *answer) because(format string, args ...any) {
	a.reasons = append(a.reasons, fmt.Sprintf(format, args...))
}

// start goes through the groups that a finding names. One that something is wrong with
// keeps no other from its run: the event comes again for it, and does nothing to these.
func (h Trigger) start(ctx context.Context, d trigger.Decision) (TriggerOut, error) {
	a := &answer{TriggerOut: TriggerOut{Runs: []string{}}}
	groups, err := h.groups(ctx, d, a)
	wrong := []error{err}
	for i, g := range groups {
		if i >= maxRuns {
			a.because("not started, as a finding starts at most %d runs: %s", maxRuns, g.key)
			continue
		}
		wrong = append(wrong, h.group(ctx, g, a))
	}
	a.Reason = strings.Join(a.reasons, "; ")
	return a.TriggerOut, errors.Join(wrong...)
}

// groups finds the group of each accused host, or the one that the target names.
// Hosts of other accounts and regions than the first one's that cannot be looked up
// stand in nobody's way; an error says that another try may find them.
func (h Trigger) groups(ctx context.Context, d trigger.Decision, a *answer) ([]accusedGroup, error) {
	list, err := h.groupsOf(ctx, *d.Request, d.Updated)
	if err != nil {
		return nil, err
	}
	var busy error
	for _, r := range d.More {
		more, err := h.groupsOf(ctx, r, d.Updated)
		if errors.Is(err, ErrThrottled) {
			busy = errors.Join(busy, err)
		}
		if err != nil {
			h.Log.Error("hosts elsewhere cannot be looked up", "account", r.Target.Account, "region", r.Target.Region, "error", err.Error())
			a.because("cannot look up %s in %s/%s: %s", strings.Join(r.Target.InstanceIDs, ", "), r.Target.Account, r.Target.Region, cut(err.Error(), 300))
		}
		list = append(list, more...)
	}
	return list, busy
}

func (h Trigger) groupsOf(ctx context.Context, r triage.Request, updated string) ([]accusedGroup, error) {
	if len(r.Target.InstanceIDs) == 0 {
		g, err := h.Fleet.Group(ctx, r.Target, false)
		if err != nil {
			return nil, fmt.Errorf("find group of %s: %w", TargetKey(r.Target), err)
		}
		return []accusedGroup{{id: g.ID, key: g.Key, request: r, updated: updated}}, nil
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
			i, out = len(out), append(out, accusedGroup{id: g.ID, key: g.Key, request: r, updated: updated})
		}
		out[i].hosts = append(out[i].hosts, id)
	}
	return out, nil
}

// RunID makes the id of a run: "web-prod-202611240312-1". It is the name of the
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
