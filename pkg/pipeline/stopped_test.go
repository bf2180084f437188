package pipeline_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

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

// A run that somebody stops while its plan is being made stays stopped, though the
// function that makes it goes on, and its group stays free.
func TestStoppedWhileResolved(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.group = pipeline.Group{ID: "g", Key: "asg:web-prod", Hosts: hosts("i-0a1b2c3d4e5f60718", "i-2")}
	run := w.triggered(w.event("guardduty-ec2-dns")).Runs[0]
	_, err := w.fail().Handle(ctx, pipeline.FailIn{Detail: &pipeline.ExecutionEvent{Name: run, Status: "ABORTED", Error: pipeline.StoppedByPerson}})
	w.check(err)
	_, err = w.resolve().Handle(ctx, pipeline.ResolveIn{Run: run, Input: json.RawMessage(w.started[run])})
	if pipeline.CodeOf(err) != pipeline.BadRequest {
		t.Errorf("error %v", err)
	}
	record, err := w.LoadRun(ctx, run)
	w.check(err)
	if record.Status != pipeline.Stopped || !record.Published {
		t.Errorf("record %+v", record)
	}
	w.now = w.now.Add(31 * time.Minute)
	if out := w.triggered(w.event("guardduty-runtime-process")); len(out.Runs) != 1 {
		t.Errorf("the next finding: %+v", out)
	}
}

// A run that failed and was redriven ends well, and people hear of that too.
func TestRedriven(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.examined("run-1", minimal, "i-1", "i-2")
	_, err := w.fail().Handle(ctx, pipeline.FailIn{Detail: &pipeline.ExecutionEvent{Name: "run-1", Status: "TIMED_OUT"}})
	w.check(err)
	_, err = w.analyze().Handle(ctx, pipeline.RunIn{Run: "run-1"})
	w.check(err)
	for range 2 { // as a retry does
		_, err = w.publish().Handle(ctx, pipeline.RunIn{Run: "run-1"})
		w.check(err)
	}
	var ids []string
	for _, m := range w.published {
		ids = append(ids, m.ID)
	}
	if diff := cmp.Diff([]string{"run-1/failed", "run-1/succeeded"}, ids); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	record, err := w.LoadRun(ctx, "run-1")
	w.check(err)
	if record.Status != pipeline.Succeeded || record.Reason != "" {
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
