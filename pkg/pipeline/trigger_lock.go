package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// How long a group is held and left alone.
const (
	startLease   = 5 * time.Minute  // of a group's lock, until resolve has it extended
	cooldown     = 30 * time.Minute // after a run that has ended; a graver finding breaks it
	failCooldown = 5 * time.Minute  // after a run that has failed: nobody has seen the group yet
)

// group decides what a finding means for one group, and does it: it starts a run, or
// is attached to the one that is under way, or waits for the next one. The finding
// is written down as waiting before anything else, so that whatever dies in between
// leaves it to be taken up: by the same event, delivered again, or by the group's
// next run.
func (h Trigger) group(ctx context.Context, g accusedGroup, a *answer) error {
	f := g.sighting(h.Now())
	old, err := h.Storm.LoadFinding(ctx, g.id, f.ID)
	switch {
	case err == nil && old.Run != "" && old.Updated >= f.Updated:
		a.ignore(g, old.Run)
		return nil
	case err != nil && !errors.Is(err, ErrNotFound):
		return fmt.Errorf("read finding %s of %s: %w", f.ID, g.id, err)
	}
	if err := h.Storm.SaveFinding(ctx, g.id, f); errors.Is(err, ErrExists) {
		a.ignore(g, "")
		return nil
	} else if err != nil {
		return fmt.Errorf("save finding %s of %s: %w", f.ID, g.id, err)
	}
	lock, err := h.take(ctx, g, f)
	switch {
	case err != nil:
		return err
	case lock.Holder(f.lock()) && lock.State == LockOpen:
		return h.begin(ctx, g, f, lock, a)
	case lock.Holder(f.lock()) && lock.State != LockUndone:
		f.Run = lock.Run // it has been started by an earlier delivery, and has ended
		a.ignore(g, lock.Run)
		return h.keep(ctx, g, f)
	}
	return h.join(ctx, g, f, lock, a)
}

// ignore says who has taken the finding up; run is empty if a later update of it has
// come by.
func (a *answer) ignore(g accusedGroup, run string) {
	a.Ignored = append(a.Ignored, g.key)
	if run == "" {
		a.because("sent again: %s has a later update of this finding", g.key)
		return
	}
	a.because("sent again: run %s of %s has taken this finding up", run, g.key)
}

// sighting is the finding as it concerns the group.
func (g accusedGroup) sighting(now time.Time) Sighting {
	f := Sighting{Trigger: *g.request.Trigger, Updated: g.updated, Suspects: g.hosts, Pivots: g.request.Pivots, Seen: now.UTC().Truncate(time.Millisecond)}
	if at, err := time.Parse(time.RFC3339, g.updated); err == nil {
		f.Updated = at.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	if f.ID == "" || len(f.ID) > 200 { // not GuardDuty's; the key of a record all the same
		f.ID = hexDigest([]byte(f.ID + f.Type + f.Time + fmt.Sprint(g.request.Target.InstanceIDs)))
	}
	return f
}

func (f Sighting) lock() Lock { return Lock{Finding: f.ID, Updated: f.Updated} }

// take tries to take the group's lock, one generation after the other. It returns
// the lock that stands: the finding's own, of now or of an earlier delivery, or that
// of the run that is in the way.
func (h Trigger) take(ctx context.Context, g accusedGroup, f Sighting) (Lock, error) {
	for generation := 1; ; {
		l := h.lockOf(g, f, generation)
		stands, err := h.Storm.Take(ctx, l, h.Now())
		if err != nil {
			return Lock{}, fmt.Errorf("take the lock of %s: %w", g.id, err)
		}
		mine := stands.Holder(l) && stands.State != LockUndone && (stands.State != LockOpen || stands.Expires.After(h.Now()))
		if mine || stands.Generation == generation-1 || !stands.Gives(l, h.Now()) {
			return stands, nil
		}
		generation = stands.Generation + 1
	}
}

func (h Trigger) lockOf(g accusedGroup, f Sighting, generation int) Lock {
	return Lock{
		Group: g.id, Run: RunID(g.key, h.Now(), strconv.Itoa(generation)), Finding: f.ID, Updated: f.Updated, Generation: generation,
		Severity: f.Severity, State: LockOpen, Expires: h.Now().UTC().Add(startLease).Truncate(time.Millisecond),
	}
}

// join attaches a finding to the run that holds the group, or says what it waits for.
func (h Trigger) join(ctx context.Context, g accusedGroup, f Sighting, lock Lock, a *answer) error {
	err := ErrNotFound
	if lock.State == LockOpen {
		err = h.Storm.Attach(ctx, g.id, lock.Run, f.ID, f.Severity)
	}
	switch {
	case err == nil:
		a.Attached = append(a.Attached, lock.Run)
		a.because("%s is under triage already: attached to run %s", g.key, lock.Run)
		f.Run = lock.Run
		return h.keep(ctx, g, f)
	case errors.Is(err, ErrNotFound):
		a.Waiting = append(a.Waiting, g.key)
		a.reasons = append(a.reasons, waits(g.key, lock, h.Now()))
		return nil
	}
	return fmt.Errorf("attach finding %s to run %s: %w", f.ID, lock.Run, err)
}

// keep writes down which run has taken a finding up. A later update that has come by
// stays.
func (h Trigger) keep(ctx context.Context, g accusedGroup, f Sighting) error {
	if err := h.Storm.SaveFinding(ctx, g.id, f); err != nil && !errors.Is(err, ErrExists) {
		return fmt.Errorf("save finding %s of %s: %w", f.ID, g.id, err)
	}
	return nil
}

func waits(key string, l Lock, now time.Time) string {
	if l.Cools.After(now) {
		return fmt.Sprintf("run %s of %s ended at %s: the finding waits for the next run, which one after %s starts, or a graver one than %.1f",
			l.Run, key, stamp(l.Expires), stamp(l.Cools), l.Severity)
	}
	return fmt.Sprintf("run %s of %s takes no more findings: the finding waits for the next run", l.Run, key)
}

// released is the lock of a run that has ended, so that the group cools down.
func released(r Run) Lock {
	at, err := time.Parse(time.RFC3339, r.Finished)
	if err != nil {
		return Lock{Group: r.Group, Run: r.ID, State: LockUndone}
	}
	l := Lock{Group: r.Group, Run: r.ID, State: LockUndone, Expires: at.UTC(), Cools: at.UTC().Add(cooldown)}
	switch r.Status {
	case Succeeded:
		l.State = LockDone
	case FailedRun:
		l.Cools = at.UTC().Add(failCooldown)
	}
	return l
}
