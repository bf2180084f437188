package storetest

import (
	"errors"
	"testing"

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
	if err := store.BeginRun(t.Context(), r); !errors.Is(err, pipeline.ErrExists) {
		t.Errorf("BeginRun of one that is there: %v, want ErrExists", err)
	}
	begun := pipeline.Run{ID: "storetest-3", Status: pipeline.Starting, Started: "2026-01-02T03:04:05Z"}
	must(t, store.BeginRun(t.Context(), begun))
	there, err := store.LoadRun(t.Context(), begun.ID)
	must(t, err)
	equal(t, "run that was begun", there, begun)
	early := pipeline.Run{ID: "storetest-2", Status: pipeline.FailedRun} // died before it was known when it began
	must(t, store.SaveRun(t.Context(), early))
	got, err := store.LoadRun(t.Context(), early.ID)
	must(t, err)
	equal(t, "run that died early", got, early)
}
