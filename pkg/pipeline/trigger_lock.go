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
func (h Trigger) group(ctx context.Context, g accusedGroup, out *TriggerOut, reasons *[]string) error {
	f := g.sighting(h.Now())
	old, err := h.Storm.LoadFinding(ctx, g.id, f.ID)
	switch {
	case err == nil && old.Run != "" && old.Updated >= f.Updated:
		return ignore(g, old.Run, out, reasons)
	case err != nil && !errors.Is(err, ErrNotFound):
		return fmt.Errorf("read finding %s of %s: %w", f.ID, g.id, err)
	}
	if err := h.Storm.SaveFinding(ctx, g.id, f); errors.Is(err, ErrExists) {
		return ignore(g, "", out, reasons)
	} else if err != nil {
		return fmt.Errorf("save finding %s of %s: %w", f.ID, g.id, err)
	}
	lock, err := h.take(ctx, g, f)
	switch {
	case err != nil:
		return err
	case lock.Holder(f.lock()) && lock.State == LockOpen:
		return h.begin(ctx, g, f, lock, out, reasons)
	case lock.Holder(f.lock()) && lock.State != LockUndone:
		f.Run = lock.Run // it has been started by an earlier delivery, and has ended
		return errors.Join(ignore(g, lock.Run, out, reasons), h.Storm.SaveFinding(ctx, g.id, f))
	}
	return h.join(ctx, g, f, lock, out, reasons)
}

func ignore(g accusedGroup, run string, out *TriggerOut, reasons *[]string) error {
	out.Ignored = append(out.Ignored, g.key)
	reason := "sent again: " + g.key + " has a later update of this finding"
	if run != "" {
		reason = "sent again: run " + run + " of " + g.key + " has taken this finding up"
	}
	*reasons = append(*reasons, reason)
	return nil
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
func (h Trigger) join(ctx context.Context, g accusedGroup, f Sighting, lock Lock, out *TriggerOut, reasons *[]string) error {
	err := ErrNotFound
	if lock.State == LockOpen {
		err = h.Storm.Attach(ctx, g.id, lock.Run, f.ID, f.Severity)
	}
	switch {
	case err == nil:
		out.Attached = append(out.Attached, lock.Run)
		*reasons = append(*reasons, fmt.Sprintf("%s is under triage already: attached to run %s", g.key, lock.Run))
		f.Run = lock.Run
		err = h.Storm.SaveFinding(ctx, g.id, f)
		if errors.Is(err, ErrExists) { // a later update has come by
			err = nil
		}
	case errors.Is(err, ErrNotFound):
		err = nil
		out.Waiting = append(out.Waiting, g.key)
		*reasons = append(*reasons, waits(g.key, lock, h.Now()))
	}
	if err != nil {
		return fmt.Errorf("attach finding %s to run %s: %w", f.ID, lock.Run, err)
	}
	return nil
}

func waits(key string, l Lock, now time.Time) string {
	if l.Cools.After(now) {
		return fmt.Sprintf("run %s of %s ended at %s: the finding waits for the next run, which one after %s starts, or a graver one than %.1f",
			l.Run, key, stamp(l.Expires), stamp(l.Cools), l.Severity)
	}
	return fmt.Sprintf("run %s of %s is being analysed: the finding waits for the next run", l.Run, key)
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
