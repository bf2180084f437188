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

func runs(t *testing.T, store pipeline.Runs) {
	if _, err := store.LoadRun(t.Context(), "storetest-none"); !errors.Is(err, pipeline.ErrNotFound) {
		t.Errorf("LoadRun of nothing: %v, want ErrNotFound", err)
	}
	r := pipeline.Run{
		ID: "storetest-1", Group: "1/r/asg:web", GroupKey: "asg:web", Incident: "INC-1", Purpose: triage.PurposeTriage,
		Status: pipeline.Running, Started: "2026-01-02T03:04:05Z", Requested: 12,
	}
	for range 2 { // the second with all that a run has at its end
		must(t, store.SaveRun(t.Context(), r))
		got, err := store.LoadRun(t.Context(), r.ID)
		must(t, err)
		equal(t, "run", got, r)
		r.Status, r.Reason, r.Finished, r.Published = pipeline.FailedRun, "Internal: it broke", "2026-01-02T03:14:05Z", true
		r.Examined, r.Partial, r.NotExamined, r.Outliers, r.Severity = 10, 1, 1, 2, "high"
	}
	early := pipeline.Run{ID: "storetest-2", Status: pipeline.FailedRun} // died before it was known when it began
	must(t, store.SaveRun(t.Context(), early))
	got, err := store.LoadRun(t.Context(), early.ID)
	must(t, err)
	equal(t, "run that died early", got, early)
}

func locks(t *testing.T, store pipeline.Locks) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	lock := func(group, run string) pipeline.Lock {
		return pipeline.Lock{Group: group, Run: run, Severity: 8.1, Expires: now.Add(5 * time.Minute)}
	}
	take := func(t *testing.T, l pipeline.Lock, at time.Time, want pipeline.Lock) {
		t.Helper()
		got, err := store.Take(t.Context(), l, at)
		must(t, err)
		equal(t, "lock after "+l.Run+" tried to take it", got, want)
	}
	t.Run("held", func(t *testing.T) {
		first, second := lock("storetest-held", "first"), lock("storetest-held", "second")
		take(t, first, now, first)
		take(t, second, now, first)
		longer := first
		longer.Expires = now.Add(time.Hour)
		take(t, longer, now, longer) // its own again
		take(t, second, now.Add(59*time.Minute), longer)
	})
	t.Run("expired", func(t *testing.T) {
		first, second := lock("storetest-expired", "first"), lock("storetest-expired", "second")
		take(t, first, now, first)
		later := first.Expires
		second.Expires = later.Add(time.Minute)
		take(t, second, later, second)
	})
	t.Run("extended", func(t *testing.T) { extend(t, store, lock("storetest-extended", "first"), now) })
	t.Run("released", func(t *testing.T) {
		first, second := lock("storetest-released", "first"), lock("storetest-released", "second")
		must(t, store.Release(t.Context(), first.Group, "first")) // nobody has it
		take(t, first, now, first)
		must(t, store.Release(t.Context(), first.Group, "second"))
		take(t, second, now, first)
		must(t, store.Release(t.Context(), first.Group, "first"))
		take(t, second, now, second)
	})
	t.Run("one of many", func(t *testing.T) { oneHolder(t, store, lock, now) })
}

func extend(t *testing.T, store pipeline.Locks, l pipeline.Lock, now time.Time) {
	later := l.Expires.Add(time.Hour)
	if err := store.Extend(t.Context(), l.Group, l.Run, later); !errors.Is(err, pipeline.ErrNotFound) {
		t.Errorf("Extend of a free lock: %v, want ErrNotFound", err)
	}
	_, err := store.Take(t.Context(), l, now)
	must(t, err)
	if err := store.Extend(t.Context(), l.Group, "second", later); !errors.Is(err, pipeline.ErrNotFound) {
		t.Errorf("Extend of another's lock: %v, want ErrNotFound", err)
	}
	must(t, store.Extend(t.Context(), l.Group, l.Run, later))
	got, err := store.Take(t.Context(), pipeline.Lock{Group: l.Group, Run: "second", Expires: later}, l.Expires)
	must(t, err)
	l.Expires = later
	equal(t, "extended lock", got, l)
}

// oneHolder has several runs take a lock at once.
func oneHolder(t *testing.T, store pipeline.Locks, lock func(group, run string) pipeline.Lock, now time.Time) {
	var takers sync.WaitGroup
	var won atomic.Int32
	for i := range 8 {
		takers.Go(func() {
			l := lock("storetest-raced", fmt.Sprint("run-", i))
			got, err := store.Take(t.Context(), l, now)
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
