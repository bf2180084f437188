package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

func resolveIn(run, input string) pipeline.ResolveIn {
	return pipeline.ResolveIn{Run: run, Input: json.RawMessage(input)}
}

const minimal = `{"target":{"autoScalingGroup":"web"}}`

func TestResolve(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.group = pipeline.Group{ID: "1111/eu-west-1/asg:web", Key: "asg:web", Hosts: hosts("i-3", "i-1", "i-2", "i-4"), Notes: []string{"A note."}}
	w.group.Hosts[3].Reason = "windows"

	out, err := w.resolve().Handle(ctx, resolveIn("run-1", minimal))
	w.check(err)
	bundle := pipeline.Bundle{SHA256: digest(w.pack.Bundle([]string{"core"}, nil))}
	bundle.Key = pipeline.BundleKey(bundle.SHA256)
	want := pipeline.ResolveOut{
		Run: "run-1", Hosts: "runs/run-1/hosts.json", Bundle: bundle, Requested: 4, Planned: 3, Batches: 3, Branches: 100,
	}
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	var request triage.Request
	w.read(pipeline.Evidence, "runs/run-1/request.json", &request)
	if diff := cmp.Diff(triage.Request{
		Incident: "run-1", Purpose: "triage", Target: triage.Target{AutoScalingGroup: "web", Account: "1111", Region: "eu-west-1"},
		Baseline: "auto", Pack: "linux-triage", Tiers: []string{"core"}, MaxHosts: 1000,
	}, request); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]pipeline.Record{{Outcome: triage.Outcome{Host: "i-4", Status: triage.NotExamined, Reason: "windows"}}}, w.records("run-1", "0000")); diff != "" {
		t.Errorf("never sent to (-want +got):\n%s", diff)
	}
	var batches []triage.Batch
	w.read(pipeline.Work, out.Hosts, &batches)
	if len(batches) != 3 || batches[0].Hosts[0] != "i-1" || batches[2].Batch != "0003" {
		t.Errorf("batches %+v", batches)
	}
	if _, ok := w.objects["intake/"+bundle.Key]; !ok {
		t.Error("the hosts have no query bundle")
	}

	before := w.objects.copied()
	again, err := w.resolve().Handle(ctx, resolveIn("run-1", minimal))
	w.check(err)
	if diff := cmp.Diff(out, again) + w.objects.diff(before); diff != "" {
		t.Errorf("the second call differs:\n%s", diff)
	}
	if _, err = w.resolve().Handle(ctx, resolveIn("run-1", `{"target":{"autoScalingGroup":"api"}}`)); pipeline.CodeOf(err) != pipeline.EvidenceChanged {
		t.Errorf("another request for the same run: %v", err)
	}
}

func TestResolveRefuses(t *testing.T) {
	event, err := os.ReadFile("../../events/guardduty-s3-no-host.json")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, run, input string
		code             pipeline.Code
		says             string
	}{
		{"an unknown field", "run-1", `{"target":{"vpc":"v"},"colour":1}`, pipeline.BadRequest, `"colour"`},
		{"no JSON", "run-1", `nonsense`, pipeline.BadRequest, "read"},
		{"an event without a host", "run-1", string(event), pipeline.BadRequest, "no host in this finding"},
		{"another pack", "run-1", `{"target":{"vpc":"v"},"pack":"mine"}`, pipeline.BadRequest, `no pack "mine"`},
		{"a run that is a path", "../../x", minimal, pipeline.BadRequest, "cannot be a run's id"},
		{"nobody there", "run-1", minimal, pipeline.NoHosts, "no host matches asg:web in 1111/eu-west-1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			_, err := w.resolve().Handle(context.Background(), resolveIn(test.run, test.input))
			if pipeline.CodeOf(err) != test.code || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %s: %v", pipeline.CodeOf(err), err)
			}
			if len(w.objects) > 0 {
				t.Error("something was written")
			}
		})
	}
}

// A raw event is an input as good as a request: its instances are the suspects,
// their group is examined. What it names elsewhere is said.
func TestResolveEvent(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	event, err := os.ReadFile("../../events/guardduty-attack-sequence.json")
	w.check(err)
	w.group = pipeline.Group{ID: "g", Key: "asg:web-prod", Hosts: hosts("i-0a1b2c3d4e5f60718", "i-2")}
	_, err = w.resolve().Handle(ctx, resolveIn("run-1", string(event)))
	w.check(err)
	var plan pipeline.Plan
	w.read(pipeline.Work, pipeline.PlanKey("run-1"), &plan)
	want := []string{
		"Not in this group and not examined, though named as suspect: i-0f9e8d7c6b5a49382.",
		"A run is in one account and region; others would start for i-0bbbbbbbbbbbbbbbb in 444455556666/us-east-1.",
	}
	if diff := cmp.Diff(want, plan.Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

// Who is examined when there are more hosts than allowed: the suspects always.
// A baseline of named instances is their group's, and made of these alone.
func TestResolveNamedInstances(t *testing.T) {
	sample, err := os.ReadFile("../../events/manual-baseline.json")
	if err != nil {
		t.Fatal(err)
	}
	const named = "i-0d1e2f3a4b5c6d7e8"
	tests := []struct {
		name, input, key string
		hosts            int
	}{
		{"a baseline", string(sample), "asg:web", 1},
		{"a baseline of the whole group", `{"purpose":"baseline","target":{"instanceIds":["` + named + `"]}}`, "asg:web", 3},
		{"a baseline of the first of its group", string(sample), "asg:new", 1},
		{"exactly these", `{"target":{"instanceIds":["` + named + `"]},"expand":false}`, "instances:" + named, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.group = pipeline.Group{ID: "1111/eu-west-1/asg:web", Key: "asg:web", Hosts: hosts("i-1", named, "i-2")}
			w.exact = pipeline.Group{ID: "1111/eu-west-1/instances:" + named, Key: "instances:" + named, Hosts: hosts(named)}
			if test.key == "asg:new" {
				w.group.Closer = &pipeline.GroupName{ID: "1111/eu-west-1/asg:new", Key: "asg:new"}
			}
			out, err := w.resolve().Handle(context.Background(), resolveIn("run-1", test.input))
			w.check(err)
			var plan pipeline.Plan
			w.read(pipeline.Work, pipeline.PlanKey("run-1"), &plan)
			if plan.Key != test.key || plan.Group != "1111/eu-west-1/"+test.key || out.Requested != test.hosts {
				t.Errorf("plan for %s, %s, of %d hosts", plan.Key, plan.Group, out.Requested)
			}
		})
	}
}

func TestMaxHosts(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.group = pipeline.Group{ID: "g", Key: "asg:web", Hosts: hosts("i-1", "i-2", "i-3", "i-4")}
	out, err := w.resolve().Handle(ctx, resolveIn("run-1", `{"target":{"autoScalingGroup":"web"},"suspects":["i-4","i-3"],"maxHosts":1}`))
	w.check(err)
	if out.Planned != 2 {
		t.Errorf("%d hosts planned", out.Planned)
	}
	left := w.records("run-1", "0000")
	if len(left) != 2 || left[0].Host != "i-1" || left[1].Reason != "over maxHosts" {
		t.Errorf("left out: %+v", left)
	}
	var plan pipeline.Plan
	w.read(pipeline.Work, pipeline.PlanKey("run-1"), &plan)
	if len(plan.Notes) != 1 || !strings.HasPrefix(plan.Notes[0], "2 of 4 hosts are examined") {
		t.Errorf("notes %q", plan.Notes)
	}
}

// A run that a finding started keeps its group's lock.
func TestResolveExtendsLock(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.group = pipeline.Group{ID: "g", Key: "asg:web", Hosts: hosts("i-1")}
	_, err := w.Take(ctx, pipeline.Lock{Group: "g", Run: "run-1", Expires: w.now.Add(5 * time.Minute)}, w.now)
	w.check(err)
	_, err = w.resolve().Handle(ctx, resolveIn("run-1", `{"target":{"autoScalingGroup":"web"},"trigger":{"source":"guardduty","id":"f"}}`))
	w.check(err)
	held, err := w.Take(ctx, pipeline.Lock{Group: "g", Run: "run-2"}, w.now.Add(30*time.Minute))
	w.check(err)
	if held.Run != "run-1" {
		t.Errorf("after half an hour %s holds the lock", held.Run)
	}
}

func TestBatching(t *testing.T) {
	tests := []struct {
		hosts, batches, largest int
	}{
		{1, 1, 1}, {12, 12, 1}, {100, 100, 1}, {101, 51, 2}, {120, 60, 2}, {5000, 100, 50}, {5001, 101, 50}, {100_000, 2000, 50},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.hosts), func(t *testing.T) {
			w := newWorld(t)
			ids := make([]string, test.hosts)
			for i := range ids {
				ids[i] = fmt.Sprintf("i-%06d", i)
			}
			w.group = pipeline.Group{ID: "g", Key: "asg:web", Hosts: hosts(ids...)}
			out, err := w.resolve().Handle(context.Background(), resolveIn("run-1", `{"target":{"autoScalingGroup":"web"},"maxHosts":100000}`))
			w.check(err)
			var batches []triage.Batch
			w.read(pipeline.Work, out.Hosts, &batches)
			seen, largest := map[string]bool{}, 0
			for _, b := range batches {
				largest = max(largest, len(b.Hosts))
				for _, h := range b.Hosts {
					seen[h] = true
				}
			}
			if len(batches) != test.batches || largest != test.largest || len(seen) != test.hosts {
				t.Errorf("%d batches of at most %d hosts, %d in all", len(batches), largest, len(seen))
			}
			if state, _ := json.Marshal(out); len(state) > 1000 {
				t.Errorf("the state has %d bytes", len(state))
			}
		})
	}
}

// A batch is of one account, region and platform.
func TestBatchesOfPlaces(t *testing.T) {
	w := newWorld(t)
	list := hosts("i-1", "i-2", "i-3", "i-4")
	list[1].Region, list[2].Account = "us-east-1", "2222"
	w.group = pipeline.Group{ID: "g", Key: "asg:web", Hosts: list}
	r := w.resolve()
	r.Batching = pipeline.Batching{Branches: 1}
	out, err := r.Handle(context.Background(), resolveIn("run-1", minimal))
	w.check(err)
	var got []triage.Batch
	w.read(pipeline.Work, out.Hosts, &got)
	want := []triage.Batch{
		{Batch: "0001", Account: "1111", Region: "eu-west-1", Platform: "linux", Hosts: []string{"i-1", "i-4"}},
		{Batch: "0002", Account: "1111", Region: "us-east-1", Platform: "linux", Hosts: []string{"i-2"}},
		{Batch: "0003", Account: "2222", Region: "eu-west-1", Platform: "linux", Hosts: []string{"i-3"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("batches (-want +got):\n%s", diff)
	}
}

func TestTargetKey(t *testing.T) {
	tests := []struct {
		target triage.Target
		want   string
	}{
		{triage.Target{AutoScalingGroup: "web"}, "asg:web"},
		{triage.Target{LaunchTemplate: "lt-1"}, "lt:lt-1"},
		{triage.Target{Stack: "shop"}, "stack:shop"},
		{triage.Target{InstanceProfile: "web"}, "profile:web"},
		{triage.Target{Image: "ami-1"}, "image:ami-1"},
		{triage.Target{Subnet: "subnet-1"}, "subnet:subnet-1"},
		{triage.Target{VPC: "vpc-1"}, "vpc:vpc-1"},
		{triage.Target{Tags: map[string]string{"b": "2", "a": "1"}}, "tag:a=1,b=2"},
		{triage.Target{InstanceIDs: []string{"i-2", "i-1"}}, "instances:i-1,i-2"},
	}
	for _, test := range tests {
		if got := pipeline.TargetKey(test.target); got != test.want {
			t.Errorf("key %q, expected %q", got, test.want)
		}
	}
}

func TestCodeOf(t *testing.T) {
	if got := pipeline.CodeOf(fmt.Errorf("x: %w", pipeline.ErrThrottled)); got != pipeline.Throttled {
		t.Errorf("throttled is %s", got)
	}
	if got := pipeline.CodeOf(errors.New("x")); got != pipeline.Internal {
		t.Errorf("anything is %s", got)
	}
}
