package pipeline_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// A run that somebody stops is recorded as stopped, and what it has collected is
// analysed: hosts of the batches that were not done are not examined.
func TestStoppedRun(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.examined("run-1", minimal, "i-1", "i-2", "i-3")
	delete(w.objects, "work/runs/run-1/batches/0002.json")
	_, err := w.fail().Handle(ctx, pipeline.FailIn{Detail: &pipeline.ExecutionEvent{
		Name: "run-1", Status: "ABORTED", Error: pipeline.StoppedByPerson, Cause: "ana has stopped it",
	}})
	w.check(err)
	out, err := w.analyze().Handle(ctx, pipeline.RunIn{Run: "run-1", Stopped: true})
	w.check(err)
	var result triage.Result
	w.read(pipeline.Work, out.Result, &result)
	if diff := cmp.Diff([]string{"i-1 examined ", "i-2 not_examined the run was stopped", "i-3 examined "}, ends(&result)); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
	if !slices.Contains(result.Notes, "The run was stopped before every host had been examined.") {
		t.Errorf("notes %q", result.Notes)
	}
	record, err := w.LoadRun(ctx, "run-1")
	w.check(err)
	if record.Status != pipeline.Stopped || record.Examined != 2 || record.NotExamined != 1 || record.Reason != "Stopped: ana has stopped it" {
		t.Errorf("record %+v", record)
	}
}

// A run that died before it had a record is listed by time like all others.
func TestFailedEarly(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	_, err := w.fail().Handle(ctx, pipeline.FailIn{Run: "run-1", Error: &pipeline.Caught{Error: "NoHosts", Cause: "nobody"}})
	w.check(err)
	record, err := w.LoadRun(ctx, "run-1")
	w.check(err)
	if record.Started != "2026-11-24T03:12:00Z" || record.Status != pipeline.FailedRun {
		t.Errorf("record %+v", record)
	}
}
