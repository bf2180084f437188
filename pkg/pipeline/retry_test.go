package pipeline_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// collected runs one run in which only these hosts answer, and returns its result.
func (w *world) collected(run, input string, answers ...string) *triage.Result {
	w.Helper()
	ctx := context.Background()
	out, err := w.resolve().Handle(ctx, resolveIn(run, input))
	w.check(err)
	var batches []pipeline.Batch
	w.read(pipeline.Work, out.Hosts, &batches)
	w.commands = nil
	for _, batch := range batches {
		b, err := w.collect().Handle(ctx, pipeline.Branch{Run: run, Bundle: out.Bundle, Batch: batch})
		w.check(err)
		for _, host := range batch.Hosts {
			if len(b.Sends) > 0 && slices.Contains(answers, host) {
				w.upload(b, 0, host, logOf(host, nil))
			}
		}
		_, err = w.extract().Handle(ctx, pipeline.ExtractIn{Branch: b})
		w.check(err)
	}
	sum, err := w.analyze().Handle(ctx, pipeline.RunIn{Run: run})
	w.check(err)
	var result triage.Result
	w.read(pipeline.Work, sum.Result, &result)
	return &result
}

// ends says how each host came out, in the order of hosts.
func ends(r *triage.Result) []string {
	var out []string
	for _, h := range r.Hosts {
		out = append(out, h.Host+" "+string(h.Status)+" "+h.Reason)
	}
	slices.Sort(out)
	return out
}

const retryWeb = `{"target":{"autoScalingGroup":"web"},"retry":"run-1"}`

// Between a run and its retry the group changes: every host of either is accounted
// for, and only who was not examined whole is asked.
func TestRetryOfAGroupThatChanges(t *testing.T) {
	w := newWorld(t)
	w.group = pipeline.Group{ID: "g", Key: "asg:web", Hosts: hosts("i-1", "i-2", "i-3", "i-4", "i-5")}
	w.group.Hosts[4].Reason = "windows"
	w.collected("run-1", minimal, "i-1", "i-2")
	// i-1 was stopped, i-2 and i-4 are gone, i-6 is new.
	w.group.Hosts = hosts("i-1", "i-3", "i-5", "i-6")
	w.group.Hosts[0].Reason, w.group.Hosts[2].Reason = "stopped", "windows"
	w.now = w.now.Add(90 * time.Minute)
	result := w.collected("run-2", retryWeb, "i-3", "i-6")

	var sent []string
	for _, c := range w.commands {
		sent = append(sent, c.Hosts...)
	}
	if diff := cmp.Diff([]string{"i-3", "i-6"}, sent); diff != "" {
		t.Errorf("sent to (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		"i-1 examined evidence of run run-1, received 2026-11-24T03:12:00Z",
		"i-2 examined evidence of run run-1, received 2026-11-24T03:12:00Z",
		"i-3 examined ",
		"i-4 not_examined no longer in the group",
		"i-5 not_examined windows",
		"i-6 examined ",
	}, ends(result)); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
	const note = "2 of 6 hosts were not asked again: their evidence is of run run-1 and was 1 hour old when this run began."
	if !slices.Contains(result.Notes, note) {
		t.Errorf("notes %q", result.Notes)
	}

	// Its own retry goes on with the evidence of both.
	w.now = w.now.Add(3 * 24 * time.Hour)
	result = w.collected("run-3", strings.Replace(retryWeb, "run-1", "run-2", 1))
	if len(w.commands) != 0 || result.Group.Examined != 4 || result.Group.NotExamined != 2 {
		t.Errorf("sent %+v, result of %+v", w.commands, result.Group)
	}
	for _, note := range []string{
		"2 of 6 hosts were not asked again: their evidence is of run run-1 and was 3 days old when this run began.",
		"2 of 6 hosts were not asked again: their evidence is of run run-2 and was 3 days old when this run began.",
	} {
		if !slices.Contains(result.Notes, note) {
			t.Errorf("notes %q", result.Notes)
		}
	}
	var m pipeline.Manifest
	w.read(pipeline.Evidence, pipeline.ManifestKey("run-3"), &m)
	var from []string
	for _, o := range m.Objects {
		from = append(from, o.Run+" "+o.Host)
	}
	if diff := cmp.Diff([]string{" ", "run-1 i-1", "run-1 i-2", "run-2 i-3", "run-2 i-6"}, from); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
}

func TestRetryWithinLimits(t *testing.T) {
	w := newWorld(t)
	w.group = pipeline.Group{ID: "g", Key: "asg:web", Hosts: hosts("i-1", "i-2", "i-3", "i-4")}
	w.collected("run-1", minimal, "i-3", "i-4")
	result := w.collected("run-2", `{"target":{"autoScalingGroup":"web"},"retry":"run-1","maxHosts":3,"tiers":["core","ext"]}`, "i-1", "i-2")
	if len(w.commands) != 1 || w.commands[0].Hosts[0] != "i-1" || result.Group.Examined != 3 {
		t.Errorf("sent to %+v, result of %+v", w.commands, result.Group)
	}
	const note = "Run run-1 asked for the tiers core, this one for core, ext: of hosts that were not asked again only those are known."
	if !slices.Contains(result.Notes, note) {
		t.Errorf("notes %q", result.Notes)
	}
}

// The instance that stood for the group is gone: the group is the earlier run's.
func TestRetryOfAnInstanceThatIsGone(t *testing.T) {
	w := newWorld(t)
	w.group = pipeline.Group{ID: "g", Key: "asg:web", Hosts: hosts("i-1", "i-2")}
	w.collected("run-1", `{"target":{"instanceIds":["i-1"]}}`, "i-1")
	w.group = pipeline.Group{ID: "instances:i-1", Key: "instances:i-1", Hosts: hosts("i-1", "i-9")}
	w.group.Hosts[0].Reason = "terminated"
	result := w.collected("run-2", `{"target":{"instanceIds":["i-1"]},"retry":"run-1"}`)
	if diff := cmp.Diff([]string{
		"i-1 examined evidence of run run-1, received 2026-11-24T03:12:00Z",
		"i-2 not_examined no longer in the group",
	}, ends(result)); diff != "" || result.Group.Key != "asg:web" {
		t.Errorf("hosts of %s (-want +got):\n%s", result.Group.Key, diff)
	}
}

// What findings named that came while the earlier run was on is looked for again.
func TestRetryKeepsWhatWasAttached(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.group = pipeline.Group{ID: "g", Key: "asg:web", Hosts: hosts("i-1", "i-2")}
	w.collected("run-1", minimal, "i-1")
	w.check(w.objects.Put(ctx, pipeline.Object{Bucket: pipeline.Work, Key: pipeline.AttachedKey("run-1")},
		[]byte(`[{"source":"guardduty","id":"f2","suspects":["i-2"],"pivots":[{"kind":"port","value":"4444"}]}]`)))
	result := w.collected("run-2", retryWeb, "i-2")
	if len(result.Pivots) != 1 || result.Pivots[0].Value != "4444" {
		t.Errorf("pivots %+v", result.Pivots)
	}
	for _, h := range result.Hosts {
		if h.Suspect != (h.Host == "i-2") {
			t.Errorf("host %+v", h)
		}
	}
}

func TestRetryRefuses(t *testing.T) {
	for _, test := range []struct{ name, run, input, says string }{
		{"a run that is not there", "run-2", strings.Replace(retryWeb, "run-1", "run-0", 1), "there is no run run-0 here"},
		{"itself", "run-1", retryWeb, "run run-1 cannot retry itself"},
		{"another group", "run-2", `{"target":{"autoScalingGroup":"api"},"retry":"run-1"}`, "run run-1 was of asg:web: it cannot be retried for asg:api"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.group = pipeline.Group{ID: "g", Key: "asg:web", Hosts: hosts("i-1")}
			w.collected("run-1", minimal, "i-1")
			w.group.ID = "h"
			before := w.objects.copied()
			_, err := w.resolve().Handle(context.Background(), resolveIn(test.run, test.input))
			if pipeline.CodeOf(err) != pipeline.BadRequest || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %s: %v", pipeline.CodeOf(err), err)
			}
			if diff := w.objects.diff(before); diff != "" {
				t.Errorf("something was written:\n%s", diff)
			}
		})
	}
}

// What a run would do is what it does, and nothing is written to find out.
func TestPreview(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.group = pipeline.Group{ID: "g", Key: "asg:web", Hosts: hosts("i-1", "i-2")}
	w.group.Hosts[1].Reason = "windows"
	p, err := w.resolve().Preview(ctx, resolveIn("run-1", minimal))
	w.check(err)
	if len(w.objects) > 0 {
		t.Error("something was written")
	}
	_, err = w.resolve().Handle(ctx, resolveIn("run-1", minimal))
	w.check(err)
	var plan pipeline.Plan
	var batches []pipeline.Batch
	w.read(pipeline.Work, pipeline.PlanKey("run-1"), &plan)
	w.read(pipeline.Work, pipeline.HostsKey("run-1"), &batches)
	if diff := cmp.Diff(plan, p.Plan) + cmp.Diff(batches, p.Batches) + cmp.Diff(w.records("run-1", "0000"), p.Left); diff != "" {
		t.Errorf("what was written and the preview:\n%s", diff)
	}
}
