package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"diffy/pkg/pipeline"
	"diffy/pkg/pipeline/storetest"
	"diffy/pkg/triage"
)

// came counts what became of a flood. Two deliveries of a finding at once may both
// say that they have started its run.
type came struct{ started, attached, waiting, ignored, failed int }

// flood has all events handled, several at once.
func (w *world) flood(f storetest.Flood) (c came) {
	w.Helper()
	h := w.trigger()
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(16)
	for _, event := range f.Events {
		g.Go(func() error {
			out, err := h.Handle(context.Background(), event)
			mu.Lock()
			defer mu.Unlock()
			c.started += len(out.Runs)
			c.attached += len(out.Attached)
			c.waiting += len(out.Waiting)
			c.ignored += len(out.Ignored)
			if err != nil {
				c.failed++
			}
			return nil
		})
	}
	_ = g.Wait() // no error is returned: they are counted
	return c
}

// judged resolves, analyses and publishes the run, and returns its result. Nothing
// is collected.
func (w *world) judged(run string) (r triage.Result) {
	w.Helper()
	ctx := context.Background()
	_, err := w.resolve().Handle(ctx, pipeline.ResolveIn{Run: run, Input: json.RawMessage(w.started[run])})
	w.check(err)
	for range 2 { // as a retry does
		_, err = w.analyze().Handle(ctx, pipeline.RunIn{Run: run})
		w.check(err)
	}
	w.read(pipeline.Work, pipeline.ResultKey(run), &r)
	return r
}

// Five hundred events of four hundred findings about one group, in any order, many
// at once: one run, one message, and every finding belongs to it.
func TestStorm(t *testing.T) {
	for seed := range uint64(2) {
		w := newWorld(t)
		w.group = pipeline.Group{ID: "g", Key: "asg:web-prod", Hosts: hosts("i-00000001", "i-00000002")}
		f := storetest.NewFlood(seed+1, 500, 400, []string{"i-00000001", "i-00000002"})
		c := w.flood(f)
		if c.waiting != 0 || c.failed != 0 || c.started+c.attached+c.ignored != 500 || c.attached < 399 || len(w.started) != 1 {
			t.Fatalf("seed %d: %+v, started %d", seed, c, len(w.started))
		}
		const run = "web-prod-202611240312-1"
		attached, err := w.Attached(context.Background(), "g", run)
		w.check(err)
		if diff := cmp.Diff(f.IDs, attached); diff != "" {
			t.Fatalf("seed %d: attached (-want +got):\n%s", seed, diff)
		}
		r := w.judged(run)
		if len(r.Run.Attached) != 100 || !strings.HasPrefix(strings.Join(r.Notes, "\n"), "399 more findings came for this group") {
			t.Errorf("seed %d: %d findings are listed, notes %q", seed, len(r.Run.Attached), r.Notes)
		}
		for _, h := range r.Hosts {
			if !h.Suspect {
				t.Errorf("seed %d: %s was named by a finding that was attached, and is no suspect", seed, h.Host)
			}
		}
		_, err = w.publish().Handle(context.Background(), pipeline.RunIn{Run: run})
		w.check(err)
		if len(w.published) != 1 {
			t.Errorf("seed %d: %d messages", seed, len(w.published))
		}
	}
}

// A holder died, and nobody delivers its event again. After its lease the next flood
// has one run, to which everything belongs that came before.
func TestStormAfterADeadHolder(t *testing.T) {
	w := newWorld(t)
	w.group = pipeline.Group{ID: "g", Key: "asg:web-prod", Hosts: hosts("i-00000001")}
	w.startFails = errors.New("the function was stopped")
	first := storetest.NewFlood(1, 60, 40, []string{"i-00000001"})
	if c := w.flood(first); len(w.started) != 0 || c.failed == 0 {
		t.Fatalf("%+v", c)
	}
	w.startFails, w.now = nil, w.now.Add(5*time.Minute)
	second := storetest.NewFlood(2, 60, 40, []string{"i-00000001"})
	if c := w.flood(second); len(w.started) != 1 || c.failed != 0 || c.waiting != 0 {
		t.Fatalf("%+v", c)
	}
	const run = "web-prod-202611240317-2"
	attached, err := w.Attached(context.Background(), "g", run)
	w.check(err)
	if diff := cmp.Diff(append(first.IDs, second.IDs...), attached); diff != "" {
		t.Errorf("attached (-want +got):\n%s", diff)
	}
	if pivots := w.request(run).Pivots; len(pivots) < 41 {
		t.Errorf("the run asks for %d values; expected those of the dead run's findings too", len(pivots))
	}
}

// What comes when analyze has read what was attached waits for the next run: that of
// the first finding after the cooldown, or of a graver one.
func TestStormPasses(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.group = pipeline.Group{ID: "g", Key: "asg:web-prod", Hosts: hosts("i-00000001")}
	finding := func(id string, severity string) pipeline.TriggerOut {
		t.Helper()
		return w.triggered(json.RawMessage(`{"type":"T:EC2/x","id":"` + id + `","severity":` + severity + `,"updatedAt":"2026-11-24T03:10:02.114Z",
			"resource":{"instanceDetails":{"instanceId":"i-00000001"}},"service":{"eventLastSeen":"2026-11-24T03:10:02Z"}}`))
	}
	first := finding("f1", "5").Runs[0]
	w.judged(first)
	closing := finding("f2", "5")
	if closing.Reason != "run "+first+" of asg:web-prod takes no more findings: the finding waits for the next run" {
		t.Errorf("while the run is analysed: %+v", closing)
	}
	if again := finding("f2", "5"); len(again.Waiting) != 1 || len(again.Ignored) != 0 {
		t.Errorf("what waits, sent again: %+v", again)
	}
	_, err := w.publish().Handle(ctx, pipeline.RunIn{Run: first})
	w.check(err)
	w.now = w.now.Add(29 * time.Minute)
	if cooling := finding("f3", "5"); len(cooling.Waiting) != 1 || !strings.Contains(cooling.Reason, "ended at 2026-11-24T03:12:00Z: the finding waits") {
		t.Errorf("in the cooldown: %+v", cooling)
	}
	graver := finding("f4", "8")
	if diff := cmp.Diff([]string{"web-prod-202611240341-2"}, graver.Runs); diff != "" {
		t.Fatalf("a graver finding (-want +got):\n%s", diff)
	}
	attached, err := w.Attached(ctx, "g", graver.Runs[0])
	w.check(err)
	if diff := cmp.Diff([]string{"f2", "f3", "f4"}, attached); diff != "" {
		t.Errorf("attached to the next run (-want +got):\n%s", diff)
	}
	var listed []string
	for _, f := range w.judged(graver.Runs[0]).Run.Attached {
		listed = append(listed, f.ID)
	}
	if diff := cmp.Diff([]string{"f2", "f3"}, listed); diff != "" {
		t.Errorf("the result lists (-want +got):\n%s", diff)
	}
	_, err = w.publish().Handle(ctx, pipeline.RunIn{Run: graver.Runs[0]})
	w.check(err)
	w.now = w.now.Add(30 * time.Minute)
	if after := finding("f5", "4"); len(after.Runs) != 1 {
		t.Errorf("after the cooldown: %+v", after)
	}
}

// After a run that failed its findings belong to the next one, and the group cools
// down for a shorter while.
func TestStormAfterAFailure(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.group = pipeline.Group{ID: "g", Key: "asg:web-prod"}
	first := w.triggered(w.event("guardduty-ec2-dns")).Runs[0]
	_, err := w.fail().Handle(ctx, pipeline.FailIn{Run: first, Error: &pipeline.Caught{Error: "NoHosts"}})
	w.check(err)
	if again := w.triggered(w.event("guardduty-ec2-dns")); len(again.Ignored) != 1 || len(w.started) != 1 {
		t.Errorf("the same finding: %+v", again)
	}
	w.now = w.now.Add(5 * time.Minute)
	next := w.triggered(w.event("guardduty-ec2-portprobe"))
	if len(next.Runs) != 1 {
		t.Fatalf("the next finding: %+v", next)
	}
	attached, err := w.Attached(ctx, "g", next.Runs[0])
	w.check(err)
	if len(attached) != 2 {
		t.Errorf("attached to the next run: %v", attached)
	}
}

// A finding that is attached before the plan is made has its values asked for.
func TestAttachedBeforeThePlan(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.group = pipeline.Group{ID: "g", Key: "asg:web-prod", Hosts: hosts("i-0a1b2c3d4e5f60718")}
	run := w.triggered(w.event("guardduty-ec2-dns")).Runs[0]
	if out := w.triggered(w.event("guardduty-runtime-process")); len(out.Attached) != 1 {
		t.Fatalf("%+v", out)
	}
	p, err := w.resolve().Preview(ctx, pipeline.ResolveIn{Run: run, Input: json.RawMessage(w.started[run])})
	w.check(err)
	const asked = "f.path = '/dev/shm/.cache/kworkerd'"
	if !strings.Contains(string(p.Queries), asked) {
		t.Errorf("the bundle does not ask %s", asked)
	}
	if strings.Contains(w.started[run], "kworkerd") || len(p.Request.Pivots) != 1 {
		t.Errorf("the request has changed: %+v", p.Request.Pivots)
	}
}

// A storm of more findings than a run takes: the gravest that wait are taken up first,
// and the others wait on. None keeps the run from starting.
func TestStormBeyondARun(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.group = pipeline.Group{ID: "g", Key: "asg:web-prod"}
	for i := range pipeline.MostAttached + 9 {
		f := pipeline.Sighting{Trigger: triage.Trigger{ID: fmt.Sprintf("f%03d", i), Severity: 2}, Seen: w.now}
		if i == pipeline.MostAttached+8 {
			f.Severity = 8
		}
		w.check(w.SaveFinding(ctx, "g", f))
	}
	out := w.triggered(w.event("guardduty-ec2-dns"))
	if len(out.Runs) != 1 || len(w.started) != 1 {
		t.Fatalf("state %+v", out)
	}
	attached, err := w.Attached(ctx, "g", out.Runs[0])
	w.check(err)
	if len(attached) != pipeline.MostAttached || !slices.Contains(attached, "f508") || slices.Contains(attached, "f507") {
		t.Errorf("%d attached, the last are %q", len(attached), attached[len(attached)-3:])
	}
	out = w.triggered(w.event("guardduty-runtime-process"))
	if diff := cmp.Diff("run web-prod-202611240312-1 of asg:web-prod takes no more findings: the finding waits for the next run", out.Reason); diff != "" || len(out.Waiting) != 1 {
		t.Errorf("state %+v", out)
	}
}
