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

func (w *world) event(name string) json.RawMessage {
	w.Helper()
	data, err := os.ReadFile("../../events/" + name + ".json")
	w.check(err)
	return data
}

// triggered hands an event to the trigger.
func (w *world) triggered(event json.RawMessage) pipeline.TriggerOut {
	w.Helper()
	out, err := w.trigger().Handle(context.Background(), event)
	w.check(err)
	return out
}

// request reads what a run was started with.
func (w *world) request(run string) (r triage.Request) {
	w.Helper()
	w.check(json.Unmarshal([]byte(w.started[run]), &r))
	return r
}

func TestTrigger(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.group = pipeline.Group{ID: "g", Key: "asg:web-prod"}
	out := w.triggered(w.event("guardduty-ec2-dns"))
	if diff := cmp.Diff(pipeline.TriggerOut{Runs: []string{"web-prod-202611240312-1"}}, out); diff != "" {
		t.Fatalf("state (-want +got):\n%s", diff)
	}
	r := w.request(out.Runs[0])
	if diff := cmp.Diff([]string{"i-0a1b2c3d4e5f60718"}, r.Target.InstanceIDs); diff != "" || r.Trigger.Severity != 8 || !*r.Expand {
		t.Errorf("request %+v", r)
	}
	// What was started is what resolve takes.
	w.group.Hosts = hosts("i-0a1b2c3d4e5f60718", "i-2")
	_, err := w.resolve().Handle(ctx, pipeline.ResolveIn{Run: out.Runs[0], Input: json.RawMessage(w.started[out.Runs[0]])})
	w.check(err)
	record, err := w.LoadRun(ctx, out.Runs[0])
	w.check(err)
	if record.Status != pipeline.Running || record.GroupKey != "asg:web-prod" {
		t.Errorf("record %+v", record)
	}
}

// A trigger that died between the lock and the start is made good by the same event,
// delivered again; nothing is started twice.
func TestTriggerDied(t *testing.T) {
	w := newWorld(t)
	w.group = pipeline.Group{ID: "g", Key: "asg:web-prod"}
	w.startFails = errors.New("the function was stopped")
	if _, err := w.trigger().Handle(context.Background(), w.event("guardduty-ec2-dns")); !errors.Is(err, w.startFails) {
		t.Fatalf("error %v", err)
	}
	w.startFails, w.now = nil, w.now.Add(time.Minute)
	out := w.triggered(w.event("guardduty-ec2-dns"))
	if diff := cmp.Diff([]string{"web-prod-202611240312-1"}, out.Runs); diff != "" || len(w.started) != 1 {
		t.Errorf("started %v:\n%s", w.started, diff)
	}
}

// A holder that died and is never heard of again: when its lease has passed, the next
// finding takes the group, and what hung on the dead run belongs to the new one.
func TestTriggerHolderDied(t *testing.T) {
	w := newWorld(t)
	w.group = pipeline.Group{ID: "g", Key: "asg:web-prod"}
	w.startFails = errors.New("the function was stopped")
	_, _ = w.trigger().Handle(context.Background(), w.event("guardduty-ec2-dns")) // fails, as it should
	w.startFails = nil
	if out := w.triggered(w.event("guardduty-ec2-portprobe")); len(out.Attached) != 1 || len(w.started) > 0 {
		t.Fatalf("within the lease: %+v, started %v", out, w.started)
	}
	w.now = w.now.Add(5 * time.Minute)
	out := w.triggered(w.event("guardduty-runtime-process"))
	if diff := cmp.Diff([]string{"web-prod-202611240317-2"}, out.Runs); diff != "" {
		t.Fatalf("after the lease (-want +got):\n%s", diff)
	}
	attached, err := w.Attached(context.Background(), "g", out.Runs[0])
	w.check(err)
	if len(attached) != 3 {
		t.Errorf("attached to the new run: %v", attached)
	}
	asked := map[string]bool{}
	for _, p := range w.request(out.Runs[0]).Pivots {
		asked[strings.TrimPrefix(p.Source, "guardduty:")] = true
	}
	if len(asked) != 3 {
		t.Errorf("the new run asks for values of the findings %v, expected those of all three", asked)
	}
}

// One run for each group, those of other accounts and regions too.
func TestTriggerGroups(t *testing.T) {
	w := newWorld(t)
	w.groups = map[string]pipeline.Group{
		"i-0a1b2c3d4e5f60718": {ID: "g1", Key: "asg:web-prod"},
		"i-0f9e8d7c6b5a49382": {ID: "g2", Key: "asg:api"},
		"i-0bbbbbbbbbbbbbbbb": {ID: "g3", Key: "asg:web-prod"}, // the same name in another account
	}
	out := w.triggered(w.event("guardduty-attack-sequence"))
	want := pipeline.TriggerOut{Runs: []string{"web-prod-202611240312-1", "api-202611240312-1", "web-prod-202611240312-2"}}
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	for run, host := range map[string]string{
		"web-prod-202611240312-1": "i-0a1b2c3d4e5f60718", "api-202611240312-1": "i-0f9e8d7c6b5a49382", "web-prod-202611240312-2": "i-0bbbbbbbbbbbbbbbb",
	} {
		r := w.request(run)
		if diff := cmp.Diff([][]string{{host}, {host}}, [][]string{r.Target.InstanceIDs, r.Suspects}); diff != "" {
			t.Errorf("request of %s (-want +got):\n%s", run, diff)
		}
	}
	if r := w.request("web-prod-202611240312-2"); r.Target.Account != "444455556666" || r.Target.Region != "us-east-1" {
		t.Errorf("the run of the other account is in %s/%s", r.Target.Account, r.Target.Region)
	}
}

// refusing is a storm whose lock of one group cannot be had.
type refusing struct {
	*world
	group string
	err   error
}

func (r refusing) Take(ctx context.Context, l pipeline.Lock, now time.Time) (pipeline.Lock, error) {
	if l.Group == r.group {
		return l, r.err
	}
	return r.world.Take(ctx, l, now)
}

// A group that something is wrong with keeps no other from its run, and is an error
// all the same: the event comes again.
func TestTriggerOneGroupFails(t *testing.T) {
	w := newWorld(t)
	w.groups = map[string]pipeline.Group{
		"i-0a1b2c3d4e5f60718": {ID: "g1", Key: "asg:web-prod"}, "i-0f9e8d7c6b5a49382": {ID: "g2", Key: "asg:api"}, "i-0bbbbbbbbbbbbbbbb": {ID: "g3", Key: "asg:db"},
	}
	h, wrong := w.trigger(), errors.New("the item is too large")
	h.Storm = refusing{w, "g1", wrong}
	out, err := h.Handle(context.Background(), w.event("guardduty-attack-sequence"))
	if diff := cmp.Diff([]string{"api-202611240312-1", "db-202611240312-1"}, out.Runs); diff != "" || !errors.Is(err, wrong) {
		t.Errorf("error %v, runs (-want +got):\n%s", err, diff)
	}
}

// busy is a fleet that another account does not answer of, for now.
type busy struct{ *world }

func (b busy) Group(ctx context.Context, t triage.Target, expand bool) (pipeline.Group, error) {
	if t.Account == "444455556666" {
		return pipeline.Group{}, fmt.Errorf("describe instances: %w", pipeline.ErrThrottled)
	}
	return b.world.Group(ctx, t, expand)
}

// Hosts elsewhere that cannot be looked up for now are looked up when the event comes
// again; those here have their runs at once.
func TestTriggerElsewhereIsBusy(t *testing.T) {
	w := newWorld(t)
	w.groups = map[string]pipeline.Group{
		"i-0a1b2c3d4e5f60718": {ID: "g1", Key: "asg:web-prod"}, "i-0f9e8d7c6b5a49382": {ID: "g2", Key: "asg:api"}, "i-0bbbbbbbbbbbbbbbb": {ID: "g3", Key: "asg:db"},
	}
	h := w.trigger()
	h.Fleet = busy{w}
	out, err := h.Handle(context.Background(), w.event("guardduty-attack-sequence"))
	if len(out.Runs) != 2 || !errors.Is(err, pipeline.ErrThrottled) {
		t.Fatalf("state %+v, error %v", out, err)
	}
	if out := w.triggered(w.event("guardduty-attack-sequence")); len(out.Runs) != 1 || len(out.Ignored) != 2 || len(w.started) != 3 {
		t.Errorf("again: %+v", out)
	}
}

// However long what findings name becomes in JSON, their run starts: what has no room
// in its request is attached to it.
func TestTriggerLongValues(t *testing.T) {
	w := newWorld(t)
	w.group = pipeline.Group{ID: "g", Key: "asg:web-prod"}
	var lineage []map[string]any
	for i := range 60 {
		lineage = append(lineage, map[string]any{"pid": 100 + i, "executablePath": fmt.Sprintf("/%02d", i) + strings.Repeat("\x01", 1000)})
	}
	event, err := json.Marshal(map[string]any{
		"type": "Execution:Runtime/x", "id": "f", "resource": map[string]any{"instanceDetails": map[string]any{"instanceId": "i-00000001"}},
		"service": map[string]any{"runtimeDetails": map[string]any{"process": map[string]any{"lineage": lineage}}},
	})
	w.check(err)
	out := w.triggered(event)
	if len(out.Runs) != 1 {
		t.Fatalf("state %+v", out)
	}
	if n := len(w.started[out.Runs[0]]); n > 256_000 || len(w.request(out.Runs[0]).Pivots) == 0 {
		t.Errorf("a request of %d bytes", n)
	}
}

// At most five runs come of one finding; the groups beyond are named.
func TestTriggerManyGroups(t *testing.T) {
	w := newWorld(t)
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
	out := w.triggered(event)
	if len(out.Runs) != 5 || strings.Count(out.Reason, "not started") != 4 {
		t.Errorf("state %+v", out)
	}
}

// What starts nothing is told apart from what is wrong, and counted.
func TestTriggerNothing(t *testing.T) {
	tests := []struct {
		event, reason, counted string
		messages               int
	}{
		{"guardduty-s3-no-host", "no host in this finding", "hostless", 0},
		{"guardduty-archived", "the finding is archived", "", 0},
		{"guardduty-sample-flag", "sample finding: a message marked TEST says what it would have started", "samples", 1},
		{"other-ec2-state", `"EC2 Instance State-change Notification" from "aws.ec2" is no GuardDuty finding`, "foreign", 0},
		{"manual-minimal", "read event: neither an EventBridge event nor a GuardDuty finding", "foreign", 0},
	}
	for _, test := range tests {
		t.Run(test.event, func(t *testing.T) {
			w := newWorld(t)
			out := w.triggered(w.event(test.event))
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
			for _, field := range []string{"hostless", "foreign", "samples"} {
				want := `"` + field + `":0`
				if field == test.counted {
					want = `"` + field + `":1`
				}
				if !strings.Contains(w.log.String(), want) {
					t.Errorf("the log does not have %s: %s", want, w.log.String())
				}
			}
		})
	}
}

// A sample, delivered again, is the same message; a click that makes one of every
// type is no flood.
func TestTriggerSamples(t *testing.T) {
	w := newWorld(t)
	for range 2 {
		w.triggered(w.event("guardduty-sample-flag"))
	}
	if len(w.published) != 2 || w.published[0].ID != w.published[1].ID {
		t.Errorf("published %+v", w.published)
	}
	later := strings.Replace(string(w.event("guardduty-sample-flag")), `"updatedAt": "`, `"updatedAt": "3`, 1)
	if w.triggered(json.RawMessage(later)); w.published[2].ID == w.published[0].ID {
		t.Errorf("a sample that somebody has made again is taken for the earlier one: %s", w.published[2].ID)
	}
	for _, id := range "0123456789" {
		sample := strings.Replace(string(w.event("guardduty-sample-flag")), `"id": "0000a6c0ffee`, `"id": "000`+string(id)+`a6c0ffee`, 1)
		w.triggered(json.RawMessage(sample))
	}
	ids := map[string]bool{}
	for _, m := range w.published {
		ids[m.ID] = true
	}
	if len(ids) != 5 {
		t.Errorf("%d samples were told of, expected 5 in an hour", len(ids))
	}
}

// Runs per hour have an end. People are told once, and what waits is taken up later.
func TestTriggerCap(t *testing.T) {
	w := newWorld(t)
	w.groups = map[string]pipeline.Group{}
	find := func(n string) pipeline.TriggerOut {
		w.groups["i-0000000"+n] = pipeline.Group{ID: "g" + n, Key: "asg:web-" + n}
		h := w.trigger()
		h.PerHour = 2
		out, err := h.Handle(context.Background(), json.RawMessage(`{"type":"T:EC2/x","id":"f`+n+`","severity":8,
			"updatedAt":"2026-11-24T03:10:02.114Z","resource":{"instanceDetails":{"instanceId":"i-0000000`+n+`"}}}`))
		w.check(err)
		return out
	}
	for _, n := range []string{"1", "2"} {
		if out := find(n); len(out.Runs) != 1 {
			t.Fatalf("finding %s: %+v", n, out)
		}
	}
	for _, n := range []string{"3", "4", "3"} {
		if out := find(n); out.Capped != 1 || len(out.Runs) > 0 || !strings.Contains(out.Reason, "asg:web-"+n+" waits") {
			t.Errorf("finding %s: %+v", n, out)
		}
	}
	ids := map[string]bool{}
	for _, m := range w.published {
		ids[m.ID] = true
	}
	if diff := cmp.Diff(map[string]bool{"runs-per-hour/2026-11-24T03": true}, ids); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	w.now = w.now.Add(time.Hour)
	if out := find("3"); len(out.Runs) != 1 {
		t.Errorf("in the next hour: %+v", out)
	}
}

func TestPerHourFrom(t *testing.T) {
	for text, want := range map[string]int{"": pipeline.DefaultPerHour, "7": 7, "0": 0, "-1": 0, "many": 0} {
		got, err := pipeline.PerHourFrom(func(string) string { return text })
		if got != want || (err != nil) != (want == 0) {
			t.Errorf("%q: %d, %v", text, got, err)
		}
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
