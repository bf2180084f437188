package storetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

var stormTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func storm(t *testing.T, store pipeline.Storm) {
	t.Run("locks", func(t *testing.T) { locks(t, store) })
	t.Run("extended", func(t *testing.T) { extend(t, store) })
	t.Run("released", func(t *testing.T) { release(t, store) })
	t.Run("attached", func(t *testing.T) { attach(t, store) })
	t.Run("one of many", func(t *testing.T) { oneHolder(t, store) })
	t.Run("attached, as many as there is room for", func(t *testing.T) { attachMany(t, store) })
	t.Run("attached or refused", func(t *testing.T) { attachWhileClosing(t, store) })
	t.Run("findings", func(t *testing.T) { findings(t, store) })
	t.Run("quotas", func(t *testing.T) { quotas(t, store) })
}

// lock is the n-th of a group, for five minutes, taken by a finding of that name.
func lock(group, finding string, n int) pipeline.Lock {
	return pipeline.Lock{
		Group: group, Run: fmt.Sprintf("%s-%d", finding, n), Finding: finding, Updated: "2026-01-02T03:04:05.000Z", Generation: n,
		Severity: 5, State: pipeline.LockOpen, Expires: stormTime.Add(5 * time.Minute),
	}
}

func take(t *testing.T, store pipeline.Locks, l pipeline.Lock, at time.Time, want pipeline.Lock) {
	t.Helper()
	got, err := store.Take(t.Context(), l, at)
	must(t, err)
	equal(t, "lock after "+l.Run+" tried to take it", got, want)
}

func locks(t *testing.T, store pipeline.Locks) {
	const group = "storetest-held"
	first, second := lock(group, "first", 1), lock(group, "second", 2)
	take(t, store, first, stormTime, first)
	take(t, store, lock(group, "second", 1), stormTime, first) // not the generation behind
	take(t, store, second, stormTime, first)
	take(t, store, lock(group, "third", 3), stormTime, first)
	again := lock(group, "first", 2)
	take(t, store, again, stormTime, again) // by its own finding, under another name
	take(t, store, lock(group, "second", 3), stormTime.Add(4*time.Minute), again)
	third := lock(group, "second", 3)
	third.Expires = stormTime.Add(time.Hour)
	take(t, store, third, stormTime.Add(5*time.Minute), third) // the lease has passed
}

func extend(t *testing.T, store pipeline.Locks) {
	l := lock("storetest-extended", "first", 1)
	later := l.Expires.Add(time.Hour)
	if err := store.Extend(t.Context(), l.Group, l.Run, later); !errors.Is(err, pipeline.ErrNotFound) {
		t.Errorf("Extend of a free lock: %v, want ErrNotFound", err)
	}
	take(t, store, l, stormTime, l)
	if err := store.Extend(t.Context(), l.Group, "second", later); !errors.Is(err, pipeline.ErrNotFound) {
		t.Errorf("Extend of another's lock: %v, want ErrNotFound", err)
	}
	must(t, store.Extend(t.Context(), l.Group, l.Run, later))
	extended := l
	extended.Expires = later
	take(t, store, lock(l.Group, "second", 2), l.Expires, extended)
}

// release: a group cools down after a run, a graver finding breaks that, and what
// hung on a run that has failed hangs on the next.
func release(t *testing.T, store pipeline.Storm) {
	const group = "storetest-released"
	end := stormTime.Add(time.Minute)
	ended := func(l pipeline.Lock, state pipeline.LockState) pipeline.Lock {
		l.State, l.Expires, l.Cools = state, end, end.Add(time.Hour)
		return l
	}
	first := lock(group, "first", 1)
	must(t, store.Release(t.Context(), first)) // nobody has it
	take(t, store, first, stormTime, first)
	must(t, store.Release(t.Context(), lock(group, "second", 1)))
	take(t, store, lock(group, "second", 2), stormTime, first)
	must(t, store.Attach(t.Context(), group, first.Run, "hanging", 5))
	must(t, store.Release(t.Context(), ended(first, pipeline.LockUndone)))
	take(t, store, lock(group, "second", 2), end, ended(first, pipeline.LockUndone))
	must(t, store.Release(t.Context(), ended(first, pipeline.LockDone))) // redriven: it has not shown what hangs on it
	attachedTo(t, store, first, "first", "hanging")

	graver := lock(group, "graver", 2)
	graver.Severity, graver.Expires = 8, end.Add(time.Hour)
	take(t, store, graver, end, graver)
	attachedTo(t, store, graver, "first", "graver", "hanging")
	must(t, store.Release(t.Context(), ended(graver, pipeline.LockDone)))
	attachedTo(t, store, graver)
	if _, err := store.Close(t.Context(), group, graver.Run); !errors.Is(err, pipeline.ErrNotFound) {
		t.Errorf("Close of a run that has ended: %v, want ErrNotFound", err)
	}
	third := lock(group, "third", 3)
	third.Expires = end.Add(2 * time.Hour)
	take(t, store, third, end.Add(59*time.Minute), ended(graver, pipeline.LockDone))
	take(t, store, third, end.Add(time.Hour), third)
	attachedTo(t, store, third, "third")
}

func attachedTo(t *testing.T, store pipeline.Attachments, l pipeline.Lock, want ...string) {
	t.Helper()
	got, err := store.Attached(t.Context(), l.Group, l.Run)
	must(t, err)
	equal(t, "attached to "+l.Run, fmt.Sprint(got), fmt.Sprint(want))
}

func attach(t *testing.T, store pipeline.Storm) {
	const group = "storetest-attached"
	l := lock(group, "first", 1)
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, pipeline.ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", what, err)
		}
	}
	_, err := store.Attached(t.Context(), group, l.Run)
	refused("Attached of a free group", err)
	refused("Attach to a free group", store.Attach(t.Context(), group, l.Run, "x", 5))
	take(t, store, l, stormTime, l)
	refused("Attach to another run", store.Attach(t.Context(), group, "another", "x", 5))
	_, err = store.Attached(t.Context(), group, "another")
	refused("Attached of another run", err)
	for _, id := range []string{"b", "a", "b"} {
		must(t, store.Attach(t.Context(), group, l.Run, id, 2))
	}
	must(t, store.Attach(t.Context(), group, l.Run, "grave", 8.5))
	grave := l
	grave.Severity = 8.5
	take(t, store, lock(group, "second", 2), stormTime, grave)
	for range 2 {
		got, err := store.Close(t.Context(), group, l.Run)
		must(t, err)
		equal(t, "attached in time", fmt.Sprint(got), "[a b first grave]")
		refused("Attach to a run that closes", store.Attach(t.Context(), group, l.Run, "late", 5))
	}
	_, err = store.Close(t.Context(), group, "another")
	refused("Close of another run", err)
}

// attachMany: a run takes so many findings and no more; again is harmless all the same.
func attachMany(t *testing.T, store pipeline.Storm) {
	l := lock("storetest-many", "first", 1)
	take(t, store, l, stormTime, l)
	for i := range pipeline.MostAttached - 1 { // the first is its own
		must(t, store.Attach(t.Context(), l.Group, l.Run, fmt.Sprint("f", i), 5))
	}
	if err := store.Attach(t.Context(), l.Group, l.Run, "one more", 5); !errors.Is(err, pipeline.ErrNotFound) {
		t.Errorf("Attach to a run that has all it takes: %v, want ErrNotFound", err)
	}
	must(t, store.Attach(t.Context(), l.Group, l.Run, "f0", 5))
}

// oneHolder has several runs take a lock at once.
func oneHolder(t *testing.T, store pipeline.Locks) {
	var takers sync.WaitGroup
	var won atomic.Int32
	for i := range 8 {
		takers.Go(func() {
			l := lock("storetest-raced", fmt.Sprint("run-", i), 1)
			got, err := store.Take(t.Context(), l, stormTime)
			if err != nil {
				t.Error(err)
			}
			if got.Run == l.Run {
				won.Add(1)
			}
		})
	}
	takers.Wait()
	equal(t, "runs that hold the lock", won.Load(), int32(1))
}

// attachWhileClosing: what Attach says is attached is what Close returns, however
// they meet.
func attachWhileClosing(t *testing.T, store pipeline.Storm) {
	l := lock("storetest-closing", "first", 1)
	take(t, store, l, stormTime, l)
	var all sync.WaitGroup
	var told, closed sync.Map
	for i := range 12 {
		all.Go(func() {
			id := fmt.Sprintf("f%02d", i)
			switch err := store.Attach(t.Context(), l.Group, l.Run, id, 5); {
			case err == nil:
				told.Store(id, true)
			case !errors.Is(err, pipeline.ErrNotFound):
				t.Error(err)
			}
		})
	}
	all.Go(func() {
		ids, err := store.Close(t.Context(), l.Group, l.Run)
		if err != nil {
			t.Error(err)
		}
		for _, id := range ids {
			closed.Store(id, true)
		}
	})
	all.Wait()
	closed.Delete("first")
	for i := range 12 {
		id := fmt.Sprintf("f%02d", i)
		_, a := told.Load(id)
		_, b := closed.Load(id)
		if a != b {
			t.Errorf("finding %s is attached: %v, and was closed with: %v", id, a, b)
		}
	}
}

func findings(t *testing.T, store pipeline.Findings) {
	const group = "storetest-heard"
	f := pipeline.Sighting{
		Trigger: triage.Trigger{Source: "guardduty", ID: "b", Type: "T:EC2/x", Severity: 8.5, Time: "2026-01-02T03:04:05Z"},
		Updated: "2026-01-02T03:04:05.000Z", Suspects: []string{"i-1"}, Seen: stormTime,
		Pivots: []triage.Pivot{{Kind: triage.PivotPath, Value: "/tmp/x", Source: "guardduty:b"}},
	}
	if _, err := store.LoadFinding(t.Context(), group, f.ID); !errors.Is(err, pipeline.ErrNotFound) {
		t.Errorf("LoadFinding of nothing: %v, want ErrNotFound", err)
	}
	other := f
	other.ID, other.Suspects, other.Pivots = "a", nil, nil
	for _, run := range []string{"", "run-1"} { // the same update may be written again
		f.Run = run
		must(t, store.SaveFinding(t.Context(), group, f))
	}
	must(t, store.SaveFinding(t.Context(), group, other))
	early := f
	early.Updated = "2026-01-02T03:04:04.999Z"
	if err := store.SaveFinding(t.Context(), group, early); !errors.Is(err, pipeline.ErrExists) {
		t.Errorf("SaveFinding of an earlier update: %v, want ErrExists", err)
	}
	got, err := store.LoadFinding(t.Context(), group, f.ID)
	must(t, err)
	equal(t, "finding", got, f)
	all, err := store.Findings(t.Context(), group)
	must(t, err)
	equal(t, "findings", all, []pipeline.Sighting{other, f})
	none, err := store.Findings(t.Context(), "storetest-silent")
	must(t, err)
	equal(t, "findings of a silent group", len(none), 0)
}

func quotas(t *testing.T, store pipeline.Quotas) {
	admit := func(name string, at time.Time) bool {
		t.Helper()
		ok, err := store.Admit(t.Context(), pipeline.Quota{What: "storetest", Hour: at, Name: name, Limit: 2})
		must(t, err)
		return ok
	}
	later := stormTime.Add(time.Hour)
	got := []bool{
		admit("a", stormTime), admit("b", stormTime.Add(time.Minute)), admit("c", stormTime), admit("a", stormTime), admit("c", later),
	}
	equal(t, "admitted", got, []bool{true, true, false, true, true})
	var all sync.WaitGroup
	var in atomic.Int32
	for i := range 8 {
		all.Go(func() {
			ok, err := store.Admit(t.Context(), pipeline.Quota{What: "storetest-raced", Hour: stormTime, Name: fmt.Sprint(i), Limit: 3})
			if err != nil {
				t.Error(err)
			}
			if ok {
				in.Add(1)
			}
		})
	}
	all.Wait()
	equal(t, "admitted of many at once", in.Load(), int32(3))
}
