package e2e

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// cases are what can happen to a run. CASE chooses one.
var cases = []struct {
	name string
	run  func(*world)
}{
	{"attacked", attacked},
	{"clean", clean},
	{"console", console},
	{"one-host", oneHost},
	{"listed", listed},
	{"over-limit", overLimit},
	{"batches", batches},
	{"troubled", troubled},
	{"lost-answer", lostAnswer},
	{"throttled", throttled},
	{"too-much", tooMuch},
	{"send-denied", sendDenied},
	{"poll-denied", pollDenied},
	{"event", event},
	{"member", member},
	{"again", again},
	{"empty", empty},
	{"document", changedDocument},
	{"aborted", aborted},
}

// measurements take long and run only when CASE names them.
var measurements = map[string]func(*world){"state-size": stateSize}

// starts are cases of how runs begin, in a test of their own.
var starts = map[string]func(*world){"storm": storm, "rule": rule, "drill": drill, "pivots": pivots}

func TestCases(t *testing.T) {
	chosen := os.Getenv("CASE")
	if run := measurements[chosen]; run != nil {
		t.Run(chosen, func(t *testing.T) { run(newWorld(t)) })
		return
	}
	if starts[chosen] != nil {
		return
	}
	ran, table := 0, ""
	for _, c := range cases {
		if chosen != "" && chosen != c.name {
			continue
		}
		ran++
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			c.run(w)
			w.always()
			table += w.rows()
		})
	}
	if ran == 0 {
		t.Fatalf("CASE=%s: there is no such case", chosen)
	}
	checkTable(t, table, chosen == "")
}

// always is what must hold after every case, whatever has happened in it.
func (w *world) always() {
	w.Helper()
	if len(w.left) == 0 || len(w.fates) == 0 {
		w.Fatal("the case has left nothing, or has told of no host")
	}
	w.noSecrets()
	w.noRows()
	for _, e := range w.left {
		if e.Status == "SUCCEEDED" {
			w.sameEvidence(e.Name)
		}
	}
	w.sameLocally()
}

// attacked: two hosts of eight are attacked in the middle of a rolling deploy, and
// nothing is known of the group. Both tiers are asked.
func attacked(w *world) {
	known := readTruth(w.T)
	hosts := played(func(string) bool { return true })
	w.settle(w.scale("shop", len(hosts)), hosts)
	const run = "asg-shop-20260102T0304-a1b2"
	end := w.run(run, `{"target":{"autoScalingGroup":"shop"},"tiers":["core","ext"]}`)
	w.leave(end)

	w.succeeded(end)
	w.accounted(run, all(w.instances(hosts), whole))
	result := w.result(run)
	suspicious := w.instances(known.Attacked)
	if first := result.Hosts[:len(suspicious)]; !sameHosts(first, suspicious) {
		w.Errorf("the first hosts of the result are %v, want %v", hostsOf(first), suspicious)
	}
	w.told(run, suspicious)
}

// clean: a baseline is made of two hosts that were just deployed and are named by
// their ids, then the group
// is scaled out, and one run compares all of it with the baseline. The hosts are
// those of the same fleet that nobody attacked.
func clean(w *world) {
	known := readTruth(w.T)
	news := []string{"baseline", "baseline-1.9.0"}
	w.settle(w.scale("shop", len(news)), news)
	const first, second = "asg-shop-20260101T0000-base", "asg-shop-20260102T0304-c3d4"
	made := w.run(first, `{"purpose":"baseline","target":{"instanceIds":["`+strings.Join(w.instances(news), `","`)+`"]}}`)
	w.succeeded(made)

	hosts := played(func(name string) bool { return !slices.Contains(known.Attacked, name) })
	old := w.instances(news)
	now := w.scale("shop", len(hosts)+len(news))
	w.settle(slices.DeleteFunc(slices.Clone(now), func(id string) bool { return slices.Contains(old, id) }), hosts)
	w.retire(old)
	used := w.run(second, `{"target":{"autoScalingGroup":"shop"}}`)
	w.leave(made, used)

	w.succeeded(used)
	w.accounted(first, all(old, whole))
	w.accounted(second, all(w.instances(hosts), whole))
	result := w.result(second)
	if len(result.Group.Baselines) != 1 || result.Group.Baselines[0].Version != first || result.Group.Baselines[0].Hosts != len(news) {
		w.Errorf("baselines of the result: %+v, want %s of %d hosts", result.Group.Baselines, first, len(news))
	}
	for _, f := range result.Findings {
		if f.Severity.Loud() && !known.tolerates(f, w.plays(f.Hosts)) {
			w.Errorf("%s on %s, which nobody attacked: %s %v", f.Query, strings.Join(w.plays(f.Hosts), ", "), f.Why, f.Key)
		}
	}
}
