package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"diffy/pkg/cloud"
	"diffy/pkg/pipeline"
	"diffy/pkg/pipeline/storetest"
	"diffy/pkg/triage"
)

// TestStarts runs the cases of how runs begin.
func TestStarts(t *testing.T) {
	chosen := os.Getenv("CASE")
	for _, name := range []string{"storm", "rule", "drill", "pivots"} {
		if chosen == "" || chosen == name {
			t.Run(name, func(t *testing.T) { starts[name](newWorld(t)) })
		}
	}
}

// tally is what became of findings.
type tally struct {
	in, attached, waiting, ignored int
	runs                           []string
}

// storm: five hundred events about three groups, in any order, many at once, with
// repeated and late ones. The holder of one group's lock has died before. Each group
// has one run and one message, and what comes too late belongs to the next.
func storm(w *world) {
	web, api, batch := w.quickGroup("web-prod", 3), w.quickGroup("api", 2), w.quickGroup("batch", 2)
	w.deadHolder(batch[0], "asg:batch")
	held := make(chan struct{})
	w.functions.before = func(function string, payload []byte) error {
		if function == "resolve" {
			<-held // all of the storm comes while its runs are under way
		}
		return w.pass(function, payload)
	}
	floods := []storetest.Flood{
		storetest.NewFlood(1, 350, 300, web), storetest.NewFlood(2, 100, 70, api), storetest.NewFlood(3, 50, 30, batch),
	}
	var events [][]byte
	for _, f := range floods {
		events = append(events, f.Events...)
	}
	rand.New(rand.NewPCG(8, 0)).Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	all := w.handle(events)
	if len(all.runs) != 2 || all.waiting != 0 {
		w.Errorf("within the dead holder's lease: %+v, want 2 runs", all)
	}
	w.later.Add(int64(5 * time.Minute))
	more := w.handle([][]byte{storetest.NewFlood(4, 1, 1, batch).Events[0]})
	close(held)
	runs := append(all.runs, more.runs...)
	if len(runs) != 3 {
		w.Fatalf("runs %v, want one for each group", runs)
	}
	ends := w.ends(runs)
	late := w.late(web[0])
	ends = append(ends, w.ends(late.runs)...)
	w.leave(ends...)

	messages := bytes.Count(w.read("sns.jsonl"), []byte("\n"))
	fmt.Printf("storm: %d findings in (%d of them sent again), %d groups, %d runs started, %d attached, %d ignored, %d waiting, %d messages out\n",
		all.in+more.in+late.in, all.in-400, 3, len(ends), all.attached+more.attached+late.attached, all.ignored+late.ignored, late.waiting, messages)
	if messages != len(ends) || len(ends) != 4 {
		w.Errorf("%d messages of %d runs, want 4", messages, len(ends))
	}
	want := map[string]int{"web-prod": 299, "api": 69, "batch": 31} // but for each run's own; with the dead holder's
	for i, run := range runs {
		w.succeeded(ends[i])
		r := w.result(run)
		if got, name := w.attached(run), r.Group.Key[len("asg:"):]; len(got) != want[name] {
			w.Errorf("%d findings belong to the run of %s, want %d", len(got), name, want[name])
		}
	}
	if got := w.attached(late.runs[0]); len(got) != 1 || got[0].Severity != 5 {
		w.Errorf("the next run has taken up %v, want the one that waited", got)
	}
	w.noSecrets()
}

// deadHolder leaves a group's lock as a trigger does that has died before its run
// was started.
func (w *world) deadHolder(host, key string) {
	w.Helper()
	c, err := cloud.New(w.Context(), w.cfg)
	w.must(err)
	g, err := c.Fleet.Group(w.Context(), triage.Target{InstanceIDs: []string{host}}, true)
	w.must(err)
	if g.Key != key {
		w.Fatalf("the group of %s is %s, want %s", host, g.Key, key)
	}
	now := w.now().UTC().Truncate(time.Millisecond)
	f := pipeline.Sighting{Trigger: triage.Trigger{Source: "guardduty", ID: "dead", Type: "T:EC2/x", Severity: 5}, Suspects: []string{host}, Seen: now}
	w.must(c.Table.SaveFinding(w.Context(), g.ID, f))
	_, err = c.Table.Take(w.Context(), pipeline.Lock{
		Group: g.ID, Run: "batch-202601020304-1", Finding: "dead", Generation: 1, Severity: 5,
		State: pipeline.LockOpen, Expires: now.Add(5 * time.Minute),
	}, now)
	w.must(err)
}

// handle hands events to the trigger, many at once.
func (w *world) handle(events [][]byte) tally {
	w.Helper()
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(12)
	t := tally{in: len(events)}
	for _, event := range events {
		g.Go(func() error {
			data, failure := w.functions.call(w.Context(), "trigger", event)
			if failure != nil {
				return fmt.Errorf("trigger: %s: %s", failure.Type, failure.Message)
			}
			var out pipeline.TriggerOut
			err := json.Unmarshal(data, &out)
			mu.Lock()
			defer mu.Unlock()
			t.attached, t.waiting, t.ignored = t.attached+len(out.Attached), t.waiting+len(out.Waiting), t.ignored+len(out.Ignored)
			t.runs = append(t.runs, out.Runs...)
			return err
		})
	}
	w.must(g.Wait())
	slices.Sort(t.runs)
	t.runs = slices.Compact(t.runs) // two deliveries at once of the finding that starts it
	return t
}

// late: after a run has ended its group cools down. A finding waits; a graver one
// starts the next run, which takes it up.
func (w *world) late(host string) tally {
	w.Helper()
	f := storetest.NewFlood(5, 2, 2, []string{host}).Events
	first := w.handle(f[:1])
	if first.waiting != 1 {
		w.Errorf("a finding in the cooldown: %+v", first)
	}
	again := w.handle(f[:1])
	grave := w.handle([][]byte{bytes.Replace(f[1], []byte(`"severity":5`), []byte(`"severity":8`), 1)})
	if len(grave.runs) != 1 {
		w.Fatalf("a graver finding in the cooldown: %+v", grave)
	}
	return tally{in: 3, waiting: first.waiting, ignored: again.ignored, runs: grave.runs}
}

func (w *world) ends(runs []string) (ends []execution) {
	w.Helper()
	for _, run := range runs {
		ends = append(ends, w.wait(run))
	}
	return ends
}

// attached reads which findings belong to a run, but for its own.
func (w *world) attached(run string) (list []pipeline.Sighting) {
	w.Helper()
	w.readJSON("s3/"+pipeline.AttachedKey(run), &list)
	return list
}
