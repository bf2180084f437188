package local

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"diffy/pkg/pipeline"
)

var _ pipeline.Storm = (*Table)(nil)

// lockFile is a lock with what hangs on it: locks/<group>.json.
type lockFile struct {
	pipeline.Lock
	Hanging []string `json:"attached"` // ids of findings, in order
}

// Take implements pipeline.Locks.
func (t *Table) Take(_ context.Context, l pipeline.Lock, now time.Time) (pipeline.Lock, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	stands, err := t.lock(l.Group)
	none := errors.Is(err, pipeline.ErrNotFound)
	switch {
	case err != nil && !none:
		return pipeline.Lock{}, err
	case !none && (stands.Generation != l.Generation-1 || !stands.Gives(l, now)):
		return stands.Lock, nil
	}
	return l, t.saveLock(lockFile{l, with(stands.Hanging, l.Finding)})
}

// Extend implements pipeline.Locks.
func (t *Table) Extend(_ context.Context, group, run string, expires time.Time) error {
	return t.change(group, func(l *lockFile) error {
		if l.Run != run {
			return fmt.Errorf("extend the lock of %s for run %s: %w", group, run, pipeline.ErrNotFound)
		}
		l.Expires = expires
		return nil
	})
}

// Release implements pipeline.Locks.
func (t *Table) Release(_ context.Context, released pipeline.Lock) error {
	err := t.change(released.Group, func(l *lockFile) error {
		if l.Run != released.Run || l.State == pipeline.LockUndone && released.State == pipeline.LockDone {
			return nil
		}
		l.State, l.Expires, l.Cools = released.State, released.Expires, released.Cools
		if l.State == pipeline.LockDone {
			l.Hanging = nil
		}
		return nil
	})
	if errors.Is(err, pipeline.ErrNotFound) {
		return nil
	}
	return err
}

// Attach implements pipeline.Attachments.
func (t *Table) Attach(_ context.Context, group, run, finding string, severity float64) error {
	return t.change(group, func(l *lockFile) error {
		full := len(l.Hanging) >= pipeline.MostAttached && !slices.Contains(l.Hanging, finding)
		if l.Run != run || l.State != pipeline.LockOpen || full {
			return fmt.Errorf("attach to run %s at %s: %w", run, group, pipeline.ErrNotFound)
		}
		l.Hanging, l.Severity = with(l.Hanging, finding), max(l.Severity, severity)
		return nil
	})
}

// Attached implements pipeline.Attachments.
func (t *Table) Attached(_ context.Context, group, run string) ([]string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l, err := t.lock(group)
	if err == nil && l.Run != run {
		err = fmt.Errorf("read what is attached to run %s: %w", run, pipeline.ErrNotFound)
	}
	return l.Hanging, err
}

// Close implements pipeline.Attachments.
func (t *Table) Close(_ context.Context, group, run string) (attached []string, err error) {
	return attached, t.change(group, func(l *lockFile) error {
		if l.Run != run || l.State != pipeline.LockOpen && l.State != pipeline.LockClosing {
			return fmt.Errorf("close run %s at %s: %w", run, group, pipeline.ErrNotFound)
		}
		l.State, attached = pipeline.LockClosing, l.Hanging
		return nil
	})
}

// change reads a group's lock, has it changed and writes it. ErrNotFound when the
// group has none.
func (t *Table) change(group string, do func(*lockFile) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	l, err := t.lock(group)
	if err != nil {
		return err
	}
	if err := do(&l); err != nil {
		return err
	}
	return t.saveLock(l)
}

func (t *Table) lock(group string) (l lockFile, err error) {
	return l, readJSON(t.path("locks", group)+".json", &l)
}

func (t *Table) saveLock(l lockFile) error { return writeJSON(t.path("locks", l.Group)+".json", l) }

// with adds a name to a list in order that has each once.
func with(list []string, name string) []string {
	at, found := slices.BinarySearch(list, name)
	if found {
		return list
	}
	return slices.Insert(slices.Clone(list), at, name)
}

// SaveFinding implements pipeline.Findings: findings/<group>/<finding>.json.
func (t *Table) SaveFinding(_ context.Context, group string, f pipeline.Sighting) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	path := t.path("findings", group, f.ID) + ".json"
	var old pipeline.Sighting
	err := readJSON(path, &old)
	switch {
	case err == nil && old.Updated > f.Updated:
		return fmt.Errorf("save finding %s of %s: %w", f.ID, group, pipeline.ErrExists)
	case err != nil && !errors.Is(err, pipeline.ErrNotFound):
		return err
	}
	return writeJSON(path, f)
}

// LoadFinding implements pipeline.Findings.
func (t *Table) LoadFinding(_ context.Context, group, id string) (f pipeline.Sighting, err error) {
	return f, readJSON(t.path("findings", group, id)+".json", &f)
}

// Findings implements pipeline.Findings.
func (t *Table) Findings(_ context.Context, group string) ([]pipeline.Sighting, error) {
	files, err := jsonFiles(t.path("findings", group))
	if err != nil {
		return nil, err
	}
	all := make([]pipeline.Sighting, len(files))
	for i, file := range files {
		if err := readJSON(file, &all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Admit implements pipeline.Quotas: quotas/<what>/<hour>.json.
func (t *Table) Admit(_ context.Context, q pipeline.Quota) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	path := t.path("quotas", q.What, q.Window()) + ".json"
	var names []string
	if err := readJSON(path, &names); err != nil && !errors.Is(err, pipeline.ErrNotFound) {
		return false, err
	}
	if slices.Contains(names, q.Name) {
		return true, nil
	}
	if len(names) >= q.Limit {
		return false, nil
	}
	return true, writeJSON(path, with(names, q.Name))
}
