package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"diffy/pkg/triage"
)

// perHourSamples is how many samples an hour are told of: the console makes one of
// every type of finding at a click.
const perHourSamples = 5

// maxNames is how many names of runs are tried that groups of the same name, in other
// accounts or regions, have taken in the same minute.
const maxNames = 10

// begin starts the run of a group whose lock the finding has taken, unless the hour
// has seen enough of them.
func (h Trigger) begin(ctx context.Context, g accusedGroup, f Sighting, lock Lock, a *answer) error {
	admitted, err := h.Storm.Admit(ctx, Quota{What: "runs", Hour: h.Now(), Name: g.id + "/" + f.ID, Limit: h.perHour()})
	switch {
	case err != nil:
		return fmt.Errorf("count the runs of this hour: %w", err)
	case !admitted:
		a.Capped++
		a.Waiting = append(a.Waiting, g.key)
		a.because("%s waits: findings have started %d runs in this hour, the most that is allowed", g.key, h.perHour())
		return h.capped(ctx, g, f, lock)
	}
	run, err := h.record(ctx, g, f, lock)
	if err != nil {
		return err
	}
	waiting, err := h.waiting(ctx, g, f, run.ID)
	if err == nil && run.Status == Starting {
		err = h.execute(ctx, g, run.ID, waiting)
	}
	if err != nil {
		return err
	}
	a.Runs = append(a.Runs, run.ID)
	for _, taken := range append(waiting, f) {
		taken.Run = run.ID
		if err := h.keep(ctx, g, taken); err != nil {
			return err
		}
	}
	return nil
}

func (h Trigger) perHour() int {
	if h.PerHour > 0 {
		return h.PerHour
	}
	return DefaultPerHour
}

// capped frees the group again and tells people once an hour that findings wait.
func (h Trigger) capped(ctx context.Context, g accusedGroup, f Sighting, lock Lock) error {
	lock.State, lock.Expires = LockUndone, h.Now().UTC()
	if err := h.Storm.Release(ctx, lock); err != nil {
		return fmt.Errorf("release %s: %w", g.id, err)
	}
	hour := Quota{What: "told of too many runs", Hour: h.Now(), Name: f.ID, Limit: 1}
	first, err := h.Storm.Admit(ctx, hour)
	if err != nil || !first {
		return err
	}
	m, err := noticeMessage("runs-per-hour/"+hour.Window(), g.request, fmt.Sprintf(
		"Findings have started %d runs in this hour, the most that is allowed: no more start until the next hour. %s waits, and so may others. "+
			"Start a run by hand where it cannot wait: manual runs are not counted", h.perHour(), g.key))
	if err == nil {
		err = h.Publisher.Publish(ctx, m)
	}
	if err != nil {
		return fmt.Errorf("tell that findings wait: %w", err)
	}
	return nil
}

// record leaves a record before the run: one that dies at once still has it, with the
// group whose lock it holds. A group elsewhere may have taken the name in the same
// minute: then this one's lock is taken again, under the next.
func (h Trigger) record(ctx context.Context, g accusedGroup, f Sighting, lock Lock) (Run, error) {
	for range maxNames {
		r := Run{
			ID: lock.Run, Group: g.id, GroupKey: g.key, Account: g.request.Target.Account, Region: g.request.Target.Region,
			Incident: lock.Run, Purpose: g.request.Purpose, Status: Starting, Started: stamp(h.Now()),
		}
		err := h.Runs.BeginRun(ctx, r)
		if err == nil {
			return r, nil
		}
		if !errors.Is(err, ErrExists) {
			return r, fmt.Errorf("record run %s: %w", r.ID, err)
		}
		there, err := h.Runs.LoadRun(ctx, r.ID)
		if err != nil {
			return r, fmt.Errorf("read the record of run %s: %w", r.ID, err)
		}
		if there.Group == g.id {
			return there, nil
		}
		next := h.lockOf(g, f, lock.Generation+1)
		if lock, err = h.Storm.Take(ctx, next, h.Now()); err != nil {
			return r, fmt.Errorf("take the lock of %s again: %w", g.id, err)
		}
		if lock.Run != next.Run {
			return r, fmt.Errorf("take the lock of %s again: run %s has it", g.id, lock.Run)
		}
	}
	return Run{}, errors.New("name the run of " + g.id + ": " + strconv.Itoa(maxNames) + " names are taken by other groups")
}

// waiting attaches to the run what no run has taken up yet, the gravest first, and
// returns it together with what hangs on the lock from a run that has failed.
func (h Trigger) waiting(ctx context.Context, g accusedGroup, f Sighting, run string) ([]Sighting, error) {
	hanging, err := h.Storm.Attached(ctx, g.id, run)
	if err != nil {
		return nil, fmt.Errorf("read what is attached to run %s: %w", run, err)
	}
	all, err := h.Storm.Findings(ctx, g.id)
	if err != nil {
		return nil, fmt.Errorf("read findings of %s: %w", g.id, err)
	}
	sortSightings(all)
	var out []Sighting
	for _, o := range all {
		if o.ID == f.ID || o.Run != "" && !slices.Contains(hanging, o.ID) {
			continue
		}
		err := h.Storm.Attach(ctx, g.id, run, o.ID, o.Severity)
		switch {
		case errors.Is(err, ErrNotFound): // the run takes no more: the others wait on
			return out, nil
		case err != nil:
			return nil, fmt.Errorf("attach finding %s to run %s: %w", o.ID, run, err)
		}
		out = append(out, o)
	}
	return out, nil
}

func (h Trigger) execute(ctx context.Context, g accusedGroup, run string, waiting []Sighting) error {
	r := g.request
	if len(g.hosts) > 0 {
		r.Target.InstanceIDs, r.Suspects = g.hosts, g.hosts
	}
	r.Suspects, r.Pivots = gather(r.Suspects, r.Pivots, waiting)
	input, err := fitting(r)
	if err != nil {
		return fmt.Errorf("write request of run %s: %w", run, err)
	}
	if err = h.Executions.Start(ctx, run, input); err != nil && !errors.Is(err, ErrExists) {
		return fmt.Errorf("start run %s: %w", run, err)
	}
	return nil
}

// fitting is the request as an execution takes it. Whoever is on a host chooses the
// values, and must not make them so long that no run starts: the last ones are left
// out. Those of waiting findings, which are attached, are asked for all the same.
func fitting(r triage.Request) ([]byte, error) {
	for {
		input, err := encode(r)
		switch {
		case err != nil || len(input) <= inputLimit:
			return input, err
		case len(r.Pivots) == 0:
			return nil, errorf(BadRequest, "it has %d bytes, more than an execution takes", len(input))
		}
		r.Pivots = r.Pivots[:len(r.Pivots)/2]
	}
}

// tell publishes what a sample would have started: that proves the way from
// GuardDuty to the channel without examining anybody. Samples keep their ids when
// somebody makes them again, and are news then.
func (h Trigger) tell(ctx context.Context, r triage.Request, updated string) (reason string, err error) {
	id := "sample/" + r.Trigger.ID + "/" + updated
	told, err := h.Storm.Admit(ctx, Quota{What: "samples", Hour: h.Now(), Name: id, Limit: perHourSamples})
	if err != nil {
		return "", fmt.Errorf("count the samples of this hour: %w", err)
	}
	if !told {
		return fmt.Sprintf("sample finding; nobody is told, as %d of this hour were", perHourSamples), nil
	}
	m, err := sampleMessage(id, r)
	if err == nil {
		err = h.Publisher.Publish(ctx, m)
	}
	if err != nil {
		return "", fmt.Errorf("publish sample finding: %w", err)
	}
	return "sample finding: a message marked TEST says what it would have started", nil
}
