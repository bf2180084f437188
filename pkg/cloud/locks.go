package cloud

import (
	"context"
	"fmt"
	"time"

	"diffy/pkg/pipeline"
)

// lockItem is a lock as it is stored. Expires and Cools are in milliseconds since
// 1970, so that a condition can compare them. What hangs on it is the set
// "attached".
type lockItem struct {
	Group      string             `json:"group"`
	Run        string             `json:"run"`
	Finding    string             `json:"finding"`
	Updated    string             `json:"updated"`
	Generation int                `json:"generation"`
	Severity   float64            `json:"severity"`
	State      pipeline.LockState `json:"state"`
	Expires    int64              `json:"expires"`
	Cools      int64              `json:"cools"`
}

// stormKept is how long locks and findings are kept after they have counted last: a
// finding that is sent again later is taken for a new one.
const stormKept = 7 * 24 * time.Hour

// Take implements pipeline.Locks: one conditional write. The condition is what
// pipeline.Lock.Gives says.
func (t *Table) Take(ctx context.Context, l pipeline.Lock, now time.Time) (pipeline.Lock, error) {
	u := update{key: key(groupPrefix+l.Group, lockKey)}
	u.set("group", text(l.Group)).set("run", text(l.Run)).set("finding", text(l.Finding)).set("updated", text(l.Updated)).
		set("generation", number(int64(l.Generation))).set("severity", decimal(l.Severity)).set("state", text(string(l.State))).
		set("expires", number(l.Expires.UnixMilli())).set("cools", number(0)).set("ttl", ttlAfter(l.Expires, stormKept)).
		add("attached", texts(l.Finding))
	u.when = "attribute_not_exists(pk) OR #generation = :before AND (" +
		"#state = :open AND #finding = :finding AND #updated = :updated OR " +
		"#expires <= :now AND (#cools <= :now OR #severity < :severity))"
	u.value(":before", number(int64(l.Generation-1))).value(":now", number(now.UnixMilli())).value(":open", text(string(pipeline.LockOpen)))
	_, held, err := t.update(ctx, u)
	switch {
	case err != nil:
		return pipeline.Lock{}, failed(err, "take lock of %s", l.Group)
	case held != nil:
		return lockOf(held)
	}
	return l, nil
}

func lockOf(it item) (pipeline.Lock, error) {
	var l lockItem
	if err := decode(it, &l); err != nil {
		return pipeline.Lock{}, err
	}
	lock := pipeline.Lock{
		Group: l.Group, Run: l.Run, Finding: l.Finding, Updated: l.Updated, Generation: l.Generation, Severity: l.Severity,
		State: l.State, Expires: time.UnixMilli(l.Expires).UTC(),
	}
	if l.Cools > 0 {
		lock.Cools = time.UnixMilli(l.Cools).UTC()
	}
	return lock, nil
}

// Extend implements pipeline.Locks.
func (t *Table) Extend(ctx context.Context, group, run string, expires time.Time) error {
	u := update{key: key(groupPrefix+group, lockKey), when: "#run = :run"}
	u.value(":run", text(run)).named("run").
		set("expires", number(expires.UnixMilli())).set("ttl", ttlAfter(expires, stormKept))
	_, refused, err := t.update(ctx, u)
	switch {
	case err != nil:
		return failed(err, "extend lock of %s for %s", group, run)
	case refused != nil:
		return fmt.Errorf("extend lock of %s for %s: %w", group, run, pipeline.ErrNotFound)
	}
	return nil
}

// Release implements pipeline.Locks.
func (t *Table) Release(ctx context.Context, l pipeline.Lock) error {
	u := update{key: key(groupPrefix+l.Group, lockKey), when: "#run = :run"}
	u.value(":run", text(l.Run)).named("run").
		set("state", text(string(l.State))).set("expires", number(l.Expires.UnixMilli())).set("cools", number(milli(l.Cools))).
		set("ttl", ttlAfter(l.Expires, stormKept))
	if l.State == pipeline.LockDone {
		u.when += " AND #state <> :undone"
		u.value(":undone", text(string(pipeline.LockUndone))).remove("attached")
	}
	if _, _, err := t.update(ctx, u); err != nil {
		return failed(err, "release lock of %s for %s", l.Group, l.Run)
	}
	return nil
}

// Attach implements pipeline.Attachments.
func (t *Table) Attach(ctx context.Context, group, run, finding string, severity float64) error {
	u := update{
		key:  key(groupPrefix+group, lockKey),
		when: "#run = :run AND #state = :open AND (size(#attached) < :most OR contains(#attached, :finding))",
	}
	u.value(":run", text(run)).value(":open", text(string(pipeline.LockOpen))).named("run", "state").add("attached", texts(finding)).
		value(":most", number(pipeline.MostAttached)).value(":finding", text(finding))
	lock, refused, err := t.update(ctx, u)
	switch {
	case err != nil:
		return failed(err, "attach to run %s at %s", run, group)
	case refused != nil:
		return fmt.Errorf("attach to run %s at %s: %w", run, group, pipeline.ErrNotFound)
	}
	if l, err := lockOf(lock); err != nil || l.Severity >= severity {
		return err
	}
	graver := update{key: u.key, when: "#run = :run AND #severity < :severity"}
	graver.value(":run", text(run)).named("run").set("severity", decimal(severity))
	if _, _, err := t.update(ctx, graver); err != nil {
		return failed(err, "attach to run %s at %s", run, group)
	}
	return nil
}

// Attached implements pipeline.Attachments.
func (t *Table) Attached(ctx context.Context, group, run string) ([]string, error) {
	it, err := t.get(ctx, groupPrefix+group, lockKey)
	if err != nil {
		return nil, fmt.Errorf("read what is attached to run %s: %w", run, err)
	}
	l, err := lockOf(it)
	if err == nil && l.Run != run {
		err = fmt.Errorf("read what is attached to run %s: %w", run, pipeline.ErrNotFound)
	}
	return textsOf(it["attached"]), err
}

// Close implements pipeline.Attachments.
func (t *Table) Close(ctx context.Context, group, run string) ([]string, error) {
	u := update{key: key(groupPrefix+group, lockKey), when: "#run = :run AND #state IN (:open, :state)"}
	u.value(":run", text(run)).value(":open", text(string(pipeline.LockOpen))).named("run").
		set("state", text(string(pipeline.LockClosing)))
	it, refused, err := t.update(ctx, u)
	switch {
	case err != nil:
		return nil, failed(err, "close run %s at %s", run, group)
	case refused != nil:
		return nil, fmt.Errorf("close run %s at %s: %w", run, group, pipeline.ErrNotFound)
	}
	return textsOf(it["attached"]), nil
}

func milli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
