package pipeline_test

import (
	"bytes"
	"context"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

func (w *world) rebuild() pipeline.Rebuild { return pipeline.Rebuild{Analyze: w.analyze()} }

// finished runs one run to its end: three hosts examined, one not.
func (w *world) finished(run, input string) *triage.Result {
	w.Helper()
	w.examined(run, input, "i-1", "i-2", "i-3")
	out, err := w.analyze().Handle(context.Background(), pipeline.RunIn{Run: run})
	w.check(err)
	_, err = w.publish().Handle(context.Background(), pipeline.RunIn{Run: run})
	w.check(err)
	return w.result(out.Result)
}

func (w *world) result(key string) *triage.Result {
	w.Helper()
	var r triage.Result
	w.read(pipeline.Work, key, &r)
	return &r
}

// evidence returns what is in the evidence bucket.
func (m memory) evidence() memory {
	own := maps.Clone(m)
	maps.DeleteFunc(own, func(name string, _ []byte) bool { return !strings.HasPrefix(name, "evidence/") })
	return own
}

func TestRebuild(t *testing.T) {
	ctx := context.Background()
	const note = "Made again from the evidence by diffy test, with the baselines and suppressions of that time."
	const lost = "The plan of this run was lost: hosts that were not examined are not known any more."
	for _, test := range []struct {
		name  string
		lose  func(m memory)
		notes []string // before that
	}{
		{"everything is there", func(memory) {}, nil},
		{"what was derived is gone", func(m memory) {
			maps.DeleteFunc(m, func(name string, _ []byte) bool { return strings.HasPrefix(name, "work/") })
		}, []string{lost}},
		{"outcomes and facts are gone", func(m memory) {
			maps.DeleteFunc(m, func(name string, _ []byte) bool {
				return strings.Contains(name, "/batches/") || strings.Contains(name, "/facts/") || strings.Contains(name, "/result")
			})
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			before := w.finished("run-1", minimal)
			test.lose(w.objects)
			evidence := w.objects.evidence()
			var told []int
			h := w.rebuild()
			h.Progress = func(done, total int) { told = append(told, done, total) }
			out, err := h.Handle(ctx, pipeline.RunIn{Run: "run-1"})
			w.check(err)
			after := w.result(out.Result)
			before.Notes = append(append(before.Notes, test.notes...), note)
			if diff := cmp.Diff(before, after, cmpopts.SortSlices(strings.Compare)); diff != "" {
				t.Errorf("result (-before +after):\n%s", diff)
			}
			if diff := cmp.Diff([]int{1, 3, 2, 3, 3, 3}, told); diff != "" {
				t.Errorf("progress (-want +got):\n%s", diff)
			}
			if diff := w.objects.evidence().diff(evidence); diff != "" {
				t.Errorf("evidence was touched:\n%s", diff)
			}
			// All that was derived is there again, for whoever analyses it next.
			_, err = w.analyze().Handle(ctx, pipeline.RunIn{Run: "run-1"})
			w.check(err)
		})
	}
}

// Evidence that was changed or is gone costs its host, and is named.
func TestRebuildMindsDigests(t *testing.T) {
	w := newWorld(t)
	w.finished("run-1", minimal)
	const at = "evidence/runs/run-1/evidence/1111/eu-west-1/"
	delete(w.objects, at+"i-1.jsonl.gz")
	was := digest(w.objects[at+"i-2.jsonl.gz"])
	changed := bytes.Clone(w.objects[at+"i-2.jsonl.gz"])
	changed[len(changed)-1]++
	w.objects[at+"i-2.jsonl.gz"] = changed
	out, err := w.rebuild().Handle(context.Background(), pipeline.RunIn{Run: "run-1"})
	w.check(err)
	if diff := cmp.Diff([]string{
		"i-1 not_examined its evidence is not there any more: runs/run-1/evidence/1111/eu-west-1/i-1.jsonl.gz",
		"i-2 not_examined its evidence was changed: the sha256 is " + digest(changed) + ", it was " + was,
		"i-3 examined ",
	}, ends(w.result(out.Result))); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
}

// A baseline that a run has made stays as it is.
func TestRebuildOfABaseline(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.finished("run-1", `{"target":{"autoScalingGroup":"web"},"purpose":"baseline"}`)
	before, err := w.Find(ctx, "1111/eu-west-1/asg:web", "run-1")
	w.check(err)
	out, err := w.rebuild().Handle(ctx, pipeline.RunIn{Run: "run-1"})
	w.check(err)
	after, err := w.Find(ctx, "1111/eu-west-1/asg:web", "run-1")
	w.check(err)
	if out.Baseline != "run-1" || len(after) != 1 || !bytes.Equal(before[0].Data, after[0].Data) {
		t.Errorf("baseline %q of %d versions", out.Baseline, len(after))
	}
}

// A retry is rebuilt from the evidence of both runs.
func TestRebuildOfARetry(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.group = pipeline.Group{ID: "1111/eu-west-1/asg:web", Key: "asg:web", Hosts: hosts("i-1", "i-2")}
	w.collected("run-1", minimal, "i-1")
	before := w.collected("run-2", retryWeb, "i-2")
	out, err := w.rebuild().Handle(ctx, pipeline.RunIn{Run: "run-2"})
	w.check(err)
	if diff := cmp.Diff(ends(before), ends(w.result(out.Result))); diff != "" {
		t.Errorf("hosts (-before +after):\n%s", diff)
	}
}

func TestRebuildRefuses(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	if _, err := w.rebuild().Handle(ctx, pipeline.RunIn{Run: "run-0"}); err == nil || !strings.Contains(err.Error(), "read batches of run-0") {
		t.Errorf("a run that is not there: %v", err)
	}
	w.finished("run-1", minimal)
	const manifest = "evidence/runs/run-1/manifest.json"
	w.objects[manifest] = bytes.Replace(w.objects[manifest], []byte(`"count": 4`), []byte(`"count": 5`), 1)
	if _, err := w.rebuild().Handle(ctx, pipeline.RunIn{Run: "run-1"}); pipeline.CodeOf(err) != pipeline.EvidenceChanged {
		t.Errorf("a manifest that was changed: %v", err)
	}
}

// Hosts that were never asked keep their reasons, which the plan has too.
func TestRebuildKeepsReasons(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.group = pipeline.Group{ID: "g", Key: "asg:web", Hosts: hosts("i-1", "i-2", "i-3")}
	w.group.Hosts[2].Reason = "windows"
	before := w.collected("run-1", `{"target":{"autoScalingGroup":"web"},"maxHosts":1}`, "i-1")
	delete(w.objects, "work/runs/run-1/batches/0000.json")
	out, err := w.rebuild().Handle(ctx, pipeline.RunIn{Run: "run-1"})
	w.check(err)
	if diff := cmp.Diff(ends(before), ends(w.result(out.Result))); diff != "" {
		t.Errorf("hosts (-before +after):\n%s", diff)
	}
}

// Findings that were attached to the run while it was on still belong to it.
func TestRebuildKeepsWhatWasAttached(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.finished("run-1", `{"target":{"autoScalingGroup":"web"},"trigger":{"source":"guardduty","id":"f1","type":"T","severity":5,"time":"2026-11-24T03:00:00Z"}}`)
	w.check(w.objects.Put(ctx, pipeline.Object{Bucket: pipeline.Work, Key: pipeline.AttachedKey("run-1")},
		[]byte(`[{"source":"guardduty","id":"f2","type":"U","severity":8,"suspects":["i-2"]}]`)))
	out, err := w.rebuild().Handle(ctx, pipeline.RunIn{Run: "run-1"})
	w.check(err)
	result := w.result(out.Result)
	if len(result.Run.Attached) != 1 || result.Run.Attached[0].Trigger.ID != "f2" {
		t.Errorf("attached %+v", result.Run.Attached)
	}
	for _, h := range result.Hosts {
		if h.Suspect != (h.Host == "i-2") {
			t.Errorf("host %+v", h)
		}
	}
}
