package pipeline_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"diffy/pkg/facts"
	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// examined runs all states up to extract for a group in which the last host has a
// kernel module that the others do not have.
func (w *world) examined(run, input string, ids ...string) {
	w.Helper()
	ctx := context.Background()
	w.group = pipeline.Group{ID: "1111/eu-west-1/asg:web", Key: "asg:web", Hosts: hosts(ids...)}
	out, err := w.resolve().Handle(ctx, resolveIn(run, input))
	w.check(err)
	var batches []pipeline.Batch
	w.read(pipeline.Work, out.Hosts, &batches)
	for _, batch := range batches {
		b, err := w.collect().Handle(ctx, pipeline.Branch{Run: run, Bundle: out.Bundle, Batch: batch})
		w.check(err)
		for _, host := range batch.Hosts {
			w.upload(b, 0, host, logOf(host, odd(host == ids[len(ids)-1])))
		}
		_, err = w.extract().Handle(ctx, pipeline.ExtractIn{Branch: b})
		w.check(err)
	}
}

func odd(yes bool) func([]string) []string {
	return func(lines []string) []string {
		if yes {
			lines[2] = strings.Replace(lines[2], "[]", `[{"name":"nf_diag","size":"16384","used_by":"-","status":"Live"}]`, 1)
		}
		return lines
	}
}

// A run from its evidence to its message, each state called twice.
func TestRun(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.examined("run-1", `{"target":{"autoScalingGroup":"web"},"suspects":["i-2"]}`, "i-1", "i-2", "i-3", "i-4")
	out, err := w.analyze().Handle(ctx, pipeline.RunIn{Run: "run-1"})
	w.check(err)
	if out.Examined != 4 || out.Result != "runs/run-1/result.json" {
		t.Errorf("state %+v", out)
	}
	before := w.objects.copied()
	again, err := w.analyze().Handle(ctx, pipeline.RunIn{Run: "run-1"})
	w.check(err)
	if diff := cmp.Diff(out, again) + w.objects.diff(before); diff != "" {
		t.Errorf("the second call differs:\n%s", diff)
	}
	for _, key := range []string{"work/runs/run-1/report.html", "work/runs/run-1/findings.csv", "work/runs/run-1/timeline.jsonl"} {
		if _, ok := w.objects[key]; !ok {
			t.Errorf("there is no %s", key)
		}
	}
	var result triage.Result
	w.read(pipeline.Work, out.Result, &result)
	if result.Run.ID != "run-1" || result.Group.Key != "asg:web" || result.Hosts[0].Host != "i-4" || len(result.Hosts) != 4 {
		t.Errorf("result of %+v, worst %+v", result.Run, result.Hosts[0])
	}
	for range 2 {
		_, err := w.publish().Handle(ctx, pipeline.RunIn{Run: "run-1"})
		w.check(err)
	}
	if len(w.published) != 1 || w.published[0].ID != "run-1/succeeded" {
		t.Errorf("published %+v", w.published)
	}
	record, err := w.LoadRun(ctx, "run-1")
	w.check(err)
	if record.Status != pipeline.Succeeded || !record.Published || record.Examined != 4 || record.Group != "1111/eu-west-1/asg:web" {
		t.Errorf("record %+v", record)
	}
	if text := w.log.String() + string(w.published[0].Alert) + w.published[0].Text; strings.Contains(text, "run-parts") {
		t.Error("a row of evidence is in a log or message")
	}
}

func TestManifest(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.examined("run-1", minimal, "i-1", "i-2")
	_, err := w.analyze().Handle(ctx, pipeline.RunIn{Run: "run-1"})
	w.check(err)
	var m pipeline.Manifest
	w.read(pipeline.Evidence, pipeline.ManifestKey("run-1"), &m)
	if m.Schema != "diffy.manifest/1" || m.Count != 3 || len(m.Objects) != 3 || len(m.Bundle) != 64 {
		t.Errorf("manifest %+v", m)
	}
	for _, o := range m.Objects {
		if data := w.objects["evidence/runs/run-1/"+o.Key]; digest(data) != o.SHA256 || int64(len(data)) != o.Size {
			t.Errorf("%s does not have its digest", o.Key)
		}
	}
	// Who changes what was found after the manifest was written is found out.
	records := w.records("run-1", "0001")
	records[0].SHA256 = strings.Repeat("0", 64)
	data, err := json.Marshal(records)
	w.check(err)
	w.objects["work/"+pipeline.OutcomesKey("run-1", "0001")] = data
	if _, err = w.analyze().Handle(ctx, pipeline.RunIn{Run: "run-1"}); pipeline.CodeOf(err) != pipeline.EvidenceChanged {
		t.Errorf("error %v", err)
	}
}

// Every requested host is in the result once, whatever its branch left.
func TestEveryHostAccountedFor(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	list := hosts("i-1", "i-2", "i-3", "i-4")
	list[3].Reason = "terminated"
	w.group = pipeline.Group{ID: "g", Key: "asg:web", Hosts: list}
	r := w.resolve()
	r.Batching = pipeline.Batching{Branches: 1}
	out, err := r.Handle(ctx, resolveIn("run-1", minimal))
	w.check(err)
	var batches []pipeline.Batch
	w.read(pipeline.Work, out.Hosts, &batches)
	b, err := w.collect().Handle(ctx, pipeline.Branch{Run: "run-1", Bundle: out.Bundle, Batch: batches[0]})
	w.check(err)
	w.upload(b, 0, "i-1", logOf("i-1", nil))
	for _, host := range []string{"i-1", "i-2"} { // the batch was too much, and i-3 alone as well
		_, err = w.extract().Handle(ctx, pipeline.ExtractIn{Branch: b, Host: host})
		w.check(err)
	}
	_, err = w.analyze().Handle(ctx, pipeline.RunIn{Run: "run-1"})
	w.check(err)
	var result triage.Result
	w.read(pipeline.Work, pipeline.ResultKey("run-1"), &result)
	got := map[string]string{}
	for _, h := range result.Hosts {
		got[h.Host] = string(h.Status) + ": " + h.Reason
	}
	want := map[string]string{
		"i-1": "examined: ", "i-2": "not_examined: no answer within 10 minutes",
		"i-3": "not_examined: no outcome", "i-4": "not_examined: terminated",
	}
	if diff := cmp.Diff(want, got); diff != "" || len(result.Hosts) != 4 {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
}

// A changed document ends the run, though its branches went on.
func TestAnalyzeDocumentChanged(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.group = pipeline.Group{ID: "g", Key: "asg:web", Hosts: hosts("i-1")}
	out, err := w.resolve().Handle(ctx, resolveIn("run-1", minimal))
	w.check(err)
	var batches []pipeline.Batch
	w.read(pipeline.Work, out.Hosts, &batches)
	w.document = []byte("{}")
	b := pipeline.Branch{Run: "run-1", Bundle: out.Bundle, Batch: batches[0]}
	_, err = w.collect().Handle(ctx, b)
	cause, _ := json.Marshal(map[string]string{"errorMessage": err.Error()})
	b.Error = &pipeline.Caught{Error: string(pipeline.CodeOf(err)), Cause: string(cause)}
	_, err = w.extract().Handle(ctx, pipeline.ExtractIn{Branch: b})
	w.check(err)
	if _, err = w.analyze().Handle(ctx, pipeline.RunIn{Run: "run-1"}); pipeline.CodeOf(err) != pipeline.DocumentChanged || !strings.Contains(err.Error(), "diffy-collect") {
		t.Errorf("error %v", err)
	}
}

// A baseline made in one run is used in the next.
func TestBaseline(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.examined("base-1", `{"purpose":"baseline","target":{"autoScalingGroup":"web"}}`, "i-1", "i-2")
	for range 2 {
		out, err := w.analyze().Handle(ctx, pipeline.RunIn{Run: "base-1"})
		w.check(err)
		if out.Baseline != "base-1" {
			t.Errorf("state %+v", out)
		}
	}
	_, err := w.publish().Handle(ctx, pipeline.RunIn{Run: "base-1"})
	w.check(err)
	if !strings.Contains(w.published[0].Text, "A baseline was stored from 2 of 2 hosts") {
		t.Errorf("message %s", w.published[0].Text)
	}
	tests := []struct {
		baseline string
		used     int
		note     string
	}{
		{"auto", 1, "Baseline base-1 is not approved"}, {"base-1", 1, "Baseline base-1 is not approved"}, {"none", 0, ""}, {"base-7", 0, "There is no baseline base-7"},
	}
	for i, test := range tests {
		t.Run(test.baseline, func(t *testing.T) {
			run := fmt.Sprint("run-", i)
			w.examined(run, `{"target":{"autoScalingGroup":"web"},"baseline":"`+test.baseline+`"}`, "i-1", "i-2", "i-3")
			_, err := w.analyze().Handle(ctx, pipeline.RunIn{Run: run})
			w.check(err)
			var result triage.Result
			w.read(pipeline.Work, pipeline.ResultKey(run), &result)
			if len(result.Group.Baselines) != test.used || !strings.Contains(strings.Join(result.Notes, "\n"), test.note) {
				t.Errorf("baselines %+v, notes %q", result.Group.Baselines, result.Notes)
			}
		})
	}
}

// A baseline that was made with other templates is not used, and that is said.
func TestStaleTemplates(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	old := *w.pack
	old.Templates = "0"
	var data bytes.Buffer
	w.check(facts.NewSet(&old).Encode(&data))
	w.check(w.Store(ctx, pipeline.Baseline{
		Group: "1111/eu-west-1/asg:web", Version: "old", Created: "2026-01-01T00:00:00Z", Pack: "linux-triage 0", Data: data.Bytes(),
	}))
	w.examined("run-1", minimal, "i-1", "i-2")
	_, err := w.analyze().Handle(ctx, pipeline.RunIn{Run: "run-1"})
	w.check(err)
	var result triage.Result
	w.read(pipeline.Work, pipeline.ResultKey("run-1"), &result)
	if notes := strings.Join(result.Notes, "\n"); !strings.Contains(notes, "Baseline old was made with another version of the pack (linux-triage 0)") {
		t.Errorf("notes %q", notes)
	}
}

// A baseline of nobody is none.
func TestNothingToStore(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	list := hosts("i-1")
	list[0].Reason = "windows"
	w.group = pipeline.Group{ID: "g", Key: "asg:web", Hosts: list}
	out, err := w.resolve().Handle(ctx, resolveIn("run-1", `{"purpose":"baseline","target":{"autoScalingGroup":"web"}}`))
	w.check(err)
	if out.Batches != 0 {
		t.Errorf("state %+v", out)
	}
	if _, err = w.analyze().Handle(ctx, pipeline.RunIn{Run: "run-1"}); pipeline.CodeOf(err) != pipeline.NothingToStore {
		t.Errorf("error %v", err)
	}
}

// A run that fails is told once, whoever tells fail, and its group is free again.
func TestFail(t *testing.T) {
	caught := pipeline.FailIn{Run: "run-1", Error: &pipeline.Caught{Error: "NoHosts", Cause: `{"errorType":"NoHosts","errorMessage":"no host matches asg:web"}`}}
	aborted := pipeline.FailIn{Detail: &pipeline.ExecutionEvent{Name: "run-1", Status: "ABORTED", Machine: "arn:aws:states:eu-west-1:1111:stateMachine:diffy"}}
	failed := pipeline.FailIn{Detail: &pipeline.ExecutionEvent{Name: "run-1", Status: "FAILED", Error: "NoHosts", Cause: "no host matches asg:web"}}
	tests := []struct {
		name string
		in   []pipeline.FailIn
		want pipeline.FailOut
	}{
		{"caught, then told by the rule", []pipeline.FailIn{caught, failed}, pipeline.FailOut{Run: "run-1", Error: "NoHosts", Cause: "no host matches asg:web"}},
		{"stopped by somebody, told twice", []pipeline.FailIn{aborted, aborted}, pipeline.FailOut{Run: "run-1", Error: "ABORTED", Cause: "the execution ended as ABORTED"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx, w := context.Background(), newWorld(t)
			w.check(w.SaveRun(ctx, pipeline.Run{ID: "run-1", Group: "g", GroupKey: "asg:web", Status: pipeline.Running}))
			_, err := w.Take(ctx, pipeline.Lock{Group: "g", Run: "run-1", Finding: "f", Generation: 1, State: pipeline.LockOpen, Expires: w.now.Add(time.Hour)}, w.now)
			w.check(err)
			for _, in := range test.in {
				out, err := w.fail().Handle(ctx, in)
				w.check(err)
				if diff := cmp.Diff(test.want, out); diff != "" {
					t.Errorf("state (-want +got):\n%s", diff)
				}
			}
			if len(w.published) != 1 || w.published[0].ID != "run-1/failed" {
				t.Errorf("published %+v", w.published)
			}
			record, err := w.LoadRun(ctx, "run-1")
			w.check(err)
			if record.Status != pipeline.FailedRun || record.Reason != test.want.Error+": "+test.want.Cause {
				t.Errorf("record %+v", record)
			}
			held, err := w.Take(ctx, pipeline.Lock{Group: "g", Run: "run-2", Finding: "f2", Generation: 2}, w.now.Add(5*time.Minute))
			w.check(err)
			if held.Run != "run-2" {
				t.Errorf("%s still holds the lock", held.Run)
			}
		})
	}
}

// What is not the failure of a run is nobody's news.
func TestFailIsQuiet(t *testing.T) {
	tests := []struct {
		name string
		in   pipeline.FailIn
	}{
		{"a branch of the map", pipeline.FailIn{Detail: &pipeline.ExecutionEvent{Name: "run-1", Status: "FAILED", Machine: "arn:aws:states:eu-west-1:1111:stateMachine:diffy/Batches"}}},
		{"no run's name", pipeline.FailIn{Run: "../x", Error: &pipeline.Caught{Error: "BadRequest"}}},
		{"a run whose result is out", pipeline.FailIn{Run: "done", Error: &pipeline.Caught{Error: "States.Timeout"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx, w := context.Background(), newWorld(t)
			w.check(w.SaveRun(ctx, pipeline.Run{ID: "done", Status: pipeline.Succeeded, Published: true}))
			_, err := w.fail().Handle(ctx, test.in)
			w.check(err)
			if len(w.published) > 0 {
				t.Errorf("published %+v", w.published)
			}
		})
	}
}
