package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// analyzed runs a run of three hosts to its result; odd ones have a kernel module
// that the others do not have.
func (w *world) analyzed(run, input string, odd ...string) *triage.Result {
	w.Helper()
	ctx := context.Background()
	w.group = pipeline.Group{ID: "1111/eu-west-1/asg:web", Key: "asg:web", Hosts: hosts("i-1", "i-2", "i-3")}
	out, err := w.resolve().Handle(ctx, resolveIn(run, input))
	w.check(err)
	var batches []pipeline.Batch
	w.read(pipeline.Work, out.Hosts, &batches)
	for _, batch := range batches {
		b, err := w.collect().Handle(ctx, pipeline.Branch{Run: run, Bundle: out.Bundle, Batch: batch})
		w.check(err)
		for _, host := range batch.Hosts {
			w.upload(b, 0, host, logOf(host, moduleOn(host, odd)))
		}
		_, err = w.extract().Handle(ctx, pipeline.ExtractIn{Branch: b})
		w.check(err)
	}
	return w.concluded(run)
}

func moduleOn(host string, hosts []string) func([]string) []string {
	for _, h := range hosts {
		if h == host {
			return odd(true)
		}
	}
	return nil
}

// concluded analyses a run and reads its result.
func (w *world) concluded(run string) *triage.Result {
	w.Helper()
	_, err := w.analyze().Handle(context.Background(), pipeline.RunIn{Run: run})
	w.check(err)
	var result triage.Result
	w.read(pipeline.Work, pipeline.ResultKey(run), &result)
	return &result
}

// used names the baselines of a result, the weak ones with a star.
func used(r *triage.Result) string {
	var names []string
	for _, b := range r.Group.Baselines {
		name := b.Version
		if b.Weak {
			name += "*"
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

func notes(r *triage.Result) string { return strings.Join(r.Notes, "\n") }

// The ladder: approved, made, the last good run, nothing. What all hosts have alike
// is seen against the good run alone.
func TestLastGoodRun(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	all := []string{"i-1", "i-2", "i-3"}
	day := func() { w.now = w.now.Add(24 * time.Hour) }

	if first := w.analyzed("good-1", minimal); used(first) != "" || len(first.Findings) > 0 {
		t.Fatalf("first run: baselines %s, findings %+v", used(first), first.Findings)
	}
	day()
	attacked := w.analyzed("bad-1", minimal, all...)
	if used(attacked) != "good-1*" || !strings.Contains(notes(attacked), "the last good run stands in for one, good-1, 24 hours old") {
		t.Errorf("attacked run: baselines %q, notes %s", used(attacked), notes(attacked))
	}
	if len(attacked.Findings) != 1 || attacked.Findings[0].HostsWith != 3 || !attacked.Findings[0].Severity.Loud() {
		t.Errorf("what all hosts have since the good run: %+v", attacked.Findings)
	}
	day()
	if later := w.analyzed("good-2", minimal); used(later) != "good-1*" {
		t.Errorf("a run with findings became a baseline, or none is: %q", used(later))
	}
	day()
	partial := w.analyzed("part-1", `{"target":{"autoScalingGroup":"web"},"maxHosts":2}`)
	day()
	if after := w.analyzed("good-3", minimal); used(partial) != "good-2*" || used(after) != "good-2*" {
		t.Errorf("a run that has not seen all hosts became a baseline: %q, then %q", used(partial), used(after))
	}
	if none := w.analyzed("none-1", `{"target":{"autoScalingGroup":"web"},"baseline":"none"}`); used(none) != "" {
		t.Errorf("without a baseline: %q", used(none))
	}
	day()
	seen := w.analyzed("seen-1", `{"target":{"autoScalingGroup":"web"},"pivots":[{"kind":"path","value":"/etc/crontab"}]}`)
	day()
	if after := w.analyzed("good-5", minimal); len(seen.Pivots[0].Seen) == 0 || used(after) != "none-1*" {
		t.Errorf("a run that has seen what it was asked for (%+v) became a baseline: %q", seen.Pivots, used(after))
	}
	w.check(w.Store(ctx, pipeline.Baseline{Group: w.group.ID, Version: "made", Created: "2026-01-01T00:00:00Z", Data: w.goodFacts("good-1")}))
	day()
	if made := w.analyzed("good-4", minimal); used(made) != "made" || strings.Contains(notes(made), "good run") {
		t.Errorf("one that was made goes first: %q, notes %s", used(made), notes(made))
	}
}

// goodFacts are the facts of a run that its group remembers or has remembered.
func (w *world) goodFacts(run string) []byte {
	w.Helper()
	key := "work/" + pipeline.FactsKey(run, "0001")
	data, ok := w.objects[key]
	if !ok {
		w.Fatalf("there is no %s", key)
	}
	return data
}

// A run that is analysed again concludes the same, though it has become a baseline
// and so has a later one.
func TestGoodRunAgain(t *testing.T) {
	w := newWorld(t)
	w.analyzed("good-1", minimal)
	w.now = w.now.Add(time.Hour)
	first := w.analyzed("good-2", minimal)
	again := w.concluded("good-2")
	if used(first) != "good-1*" || cmp.Diff(first, again) != "" {
		t.Errorf("baseline %q; again it differs:\n%s", used(first), cmp.Diff(first, again))
	}
	started := w.now
	w.now = w.now.Add(time.Hour)
	w.analyzed("good-3", minimal)
	w.now = started
	if rebuilt := w.concluded("good-2"); used(rebuilt) != "" && used(rebuilt) != "good-1*" {
		t.Errorf("it was compared with %q, which came later", used(rebuilt))
	}
}

// shut is a store that takes nothing.
type shut struct{ pipeline.Baselines }

// Store implements pipeline.Baselines.
func (shut) Store(context.Context, pipeline.Baseline) error { return errors.New("the disk is full") }

// damaged is a store whose baselines have lost a part.
type damaged struct{ pipeline.Baselines }

// Find implements pipeline.Baselines.
func (damaged) Find(context.Context, string, string) ([]pipeline.Baseline, error) {
	return nil, fmt.Errorf("read baseline v1 of g: 1 of 2 chunks are there: %w", pipeline.ErrDamaged)
}

// A damaged baseline is a note, and no end of runs whose evidence is there.
func TestDamagedBaseline(t *testing.T) {
	w := newWorld(t)
	w.examined("run-1", minimal, "i-1", "i-2")
	h := w.analyze()
	h.Baselines = damaged{w}
	_, err := h.Handle(context.Background(), pipeline.RunIn{Run: "run-1"})
	w.check(err)
	var result triage.Result
	w.read(pipeline.Work, pipeline.ResultKey("run-1"), &result)
	if want := "The baseline of this group was not used (read baseline v1 of g: 1 of 2 chunks are there: damaged)"; !strings.Contains(notes(&result), want) {
		t.Errorf("no note %q: %s", want, notes(&result))
	}
}

// A good run that cannot be kept is a note.
func TestGoodRunNotKept(t *testing.T) {
	w := newWorld(t)
	w.analyzed("good-1", minimal)
	h := w.analyze()
	h.Baselines = shut{w}
	out, err := h.Handle(context.Background(), pipeline.RunIn{Run: "good-1"})
	w.check(err)
	var result triage.Result
	w.read(pipeline.Work, out.Result, &result)
	if !strings.Contains(notes(&result), "This is a good run, but its facts could not be kept") || strings.Contains(notes(&result), "disk") {
		t.Errorf("notes %s", notes(&result))
	}
}
