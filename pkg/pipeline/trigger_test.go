package pipeline_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

func (w *world) event(name string) json.RawMessage {
	w.Helper()
	data, err := os.ReadFile("../../events/" + name + ".json")
	w.check(err)
	return data
}

func TestTrigger(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.group = pipeline.Group{ID: "g", Key: "asg:web-prod"}
	out, err := w.trigger().Handle(ctx, w.event("guardduty-ec2-dns"))
	w.check(err)
	if len(out.Runs) != 1 || !strings.HasPrefix(out.Runs[0], "web-prod-202611240307-") {
		t.Fatalf("state %+v", out)
	}
	var r triage.Request
	w.check(json.Unmarshal([]byte(w.started[out.Runs[0]]), &r))
	if diff := cmp.Diff([]string{"i-0a1b2c3d4e5f60718"}, r.Target.InstanceIDs); diff != "" || r.Trigger.Severity != 8 || !*r.Expand {
		t.Errorf("request %+v", r)
	}
	// What was started is what resolve takes.
	w.group.Hosts = hosts("i-0a1b2c3d4e5f60718", "i-2")
	_, err = w.resolve().Handle(ctx, pipeline.ResolveIn{Run: out.Runs[0], Input: json.RawMessage(w.started[out.Runs[0]])})
	w.check(err)
	record, err := w.LoadRun(ctx, out.Runs[0])
	w.check(err)
	if record.Status != pipeline.Running || record.GroupKey != "asg:web-prod" {
		t.Errorf("record %+v", record)
	}
}

// The same event again starts nothing, before and after its run has ended; another
// finding of the group waits for the run.
func TestTriggerStorm(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.group = pipeline.Group{ID: "g", Key: "asg:web-prod", Hosts: hosts("i-1")}
	first, err := w.trigger().Handle(ctx, w.event("guardduty-ec2-dns"))
	w.check(err)
	again, err := w.trigger().Handle(ctx, w.event("guardduty-ec2-dns"))
	w.check(err)
	if diff := cmp.Diff(first, again); diff != "" || len(w.started) != 1 {
		t.Errorf("started %d:\n%s", len(w.started), diff)
	}
	other, err := w.trigger().Handle(ctx, w.event("guardduty-runtime-process"))
	w.check(err)
	if len(other.Runs) != 0 || other.Reason != "asg:web-prod is under triage already, by run "+first.Runs[0] {
		t.Errorf("another finding: %+v", other)
	}
	w.check(w.SaveRun(ctx, pipeline.Run{ID: first.Runs[0], Group: "g", Status: pipeline.Running}))
	_, err = w.fail().Handle(ctx, pipeline.FailIn{Run: first.Runs[0], Error: &pipeline.Caught{Error: "x"}})
	w.check(err)
	_, err = w.trigger().Handle(ctx, w.event("guardduty-ec2-dns"))
	w.check(err)
	if len(w.started) != 1 {
		t.Error("a finding that was taken up has started a second run")
	}
	other, err = w.trigger().Handle(ctx, w.event("guardduty-runtime-process"))
	w.check(err)
	if len(other.Runs) != 1 {
		t.Errorf("after the run has ended: %+v", other)
	}
}

// A trigger that died between the lock and the start is made good by the next.
func TestTriggerDied(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.group = pipeline.Group{ID: "g", Key: "asg:web-prod"}
	out, err := w.trigger().Handle(ctx, w.event("guardduty-ec2-dns"))
	w.check(err)
	clear(w.started)
	w.now = w.now.Add(time.Minute)
	_, err = w.trigger().Handle(ctx, w.event("guardduty-ec2-dns"))
	w.check(err)
	if _, ok := w.started[out.Runs[0]]; !ok || len(w.started) != 1 {
		t.Errorf("started %v", w.started)
	}
}

// One run for each group, at most five.
func TestTriggerGroups(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.groups = map[string]pipeline.Group{
		"i-0a1b2c3d4e5f60718": {ID: "g1", Key: "asg:web-prod"},
		"i-0f9e8d7c6b5a49382": {ID: "g2", Key: "asg:api"},
	}
	out, err := w.trigger().Handle(ctx, w.event("guardduty-attack-sequence"))
	w.check(err)
	if len(out.Runs) != 2 || !strings.HasPrefix(out.Reason, "not part of this run: i-0bbbbbbbbbbbbbbbb") {
		t.Errorf("state %+v", out)
	}
	for _, input := range w.started {
		var r triage.Request
		w.check(json.Unmarshal([]byte(input), &r))
		if len(r.Target.InstanceIDs) != 1 || len(r.Suspects) != 1 {
			t.Errorf("request %s", input)
		}
	}
}

func TestTriggerManyGroups(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.groups = map[string]pipeline.Group{}
	type resource struct {
		Type string `json:"resourceType"`
		UID  string `json:"uid"`
	}
	var list []resource
	for _, c := range "123456789" {
		id := "i-0000000" + string(c)
		w.groups[id] = pipeline.Group{ID: string(c), Key: "asg:" + string(c)}
		list = append(list, resource{"EC2_INSTANCE", id})
	}
	event, err := json.Marshal(map[string]any{
		"type": "AttackSequence:EC2/x", "id": "f", "resource": map[string]any{},
		"service": map[string]any{"detection": map[string]any{"sequence": map[string]any{"resources": list}}},
	})
	w.check(err)
	out, err := w.trigger().Handle(ctx, event)
	w.check(err)
	if len(out.Runs) != 5 || strings.Count(out.Reason, "not started") != 4 {
		t.Errorf("state %+v", out)
	}
}

// What starts nothing is told apart from what is wrong.
func TestTriggerNothing(t *testing.T) {
	tests := []struct {
		event, reason string
		messages      int
	}{
		{"guardduty-s3-no-host", "no host in this finding", 0},
		{"guardduty-archived", "the finding is archived", 0},
		{"guardduty-sample-flag", "sample finding", 1},
		{"other-ec2-state", `"EC2 Instance State-change Notification" from "aws.ec2" is no GuardDuty finding`, 0},
		{"manual-minimal", "read event: neither an EventBridge event nor a GuardDuty finding", 0},
	}
	for _, test := range tests {
		t.Run(test.event, func(t *testing.T) {
			w := newWorld(t)
			out, err := w.trigger().Handle(context.Background(), w.event(test.event))
			w.check(err)
			if diff := cmp.Diff(pipeline.TriggerOut{Runs: []string{}, Reason: test.reason}, out); diff != "" {
				t.Errorf("state (-want +got):\n%s", diff)
			}
			if len(w.started) > 0 || len(w.published) != test.messages {
				t.Errorf("started %v, published %v", w.started, w.published)
			}
			for _, m := range w.published {
				if m.Attributes["test"] != "true" || !strings.Contains(m.Subject, "TEST") {
					t.Errorf("message %+v", m)
				}
			}
		})
	}
}

func TestRunID(t *testing.T) {
	at := time.Date(2026, 11, 24, 3, 7, 58, 0, time.FixedZone("", 3600))
	tests := []struct{ key, want string }{
		{"asg:web-prod", "web-prod-202611240207-1f3a"},
		{"tag:App=Shop API", "app-shop-api-202611240207-1f3a"},
		{"local", "local-202611240207-1f3a"},
		{"asg:" + strings.Repeat("x", 100), strings.Repeat("x", 40) + "-202611240207-1f3a"},
		{"asg:ü", "run-202611240207-1f3a"},
	}
	for _, test := range tests {
		if got := pipeline.RunID(test.key, at, "1f3a"); got != test.want {
			t.Errorf("id %q, expected %q", got, test.want)
		}
	}
}
