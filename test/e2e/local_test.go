package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"diffy/pkg/local"
	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// sameLocally repeats the runs of a case on this machine, one after the other, over
// the evidence that each has kept, and holds every result against the one in the
// cloud. Hosts that left no evidence do not exist here; nor do runs that failed.
func (w *world) sameLocally() {
	w.Helper()
	home := filepath.Join(w.temp, "home")
	for _, e := range w.left {
		if e.Status != "SUCCEEDED" {
			continue
		}
		want := w.result(e.Name)
		if want.Group.Examined+want.Group.Partial == 0 {
			continue
		}
		got, plan := w.repeat(e.Name, home)
		if diff := cmp.Diff(alike(want, w.plan(e.Name)), alike(got, plan)); diff != "" {
			w.Errorf("the same hosts on this machine give another result of %s (-cloud +local):\n%s", e.Name, diff)
		}
	}
}

func (w *world) plan(run string) (p pipeline.Plan) {
	w.Helper()
	w.readJSON("s3/"+pipeline.PlanKey(run), &p)
	return p
}

// repeat runs on this machine what was asked for in the cloud.
func (w *world) repeat(run, home string) (*triage.Result, pipeline.Plan) {
	w.Helper()
	var request triage.Request
	w.readJSON("s3/"+pipeline.RequestKey(run), &request)
	out, key := filepath.Join(w.temp, "local", run), w.plan(run).Key
	asked := local.Options{
		Source: filepath.Join(w.dir, "s3/runs", run, "evidence"), Out: out, Home: home, Group: key,
		Request: triage.Request{
			Purpose: request.Purpose, Suspects: request.Suspects, Pivots: request.Pivots, Trigger: request.Trigger,
			Baseline: request.Baseline, Tiers: request.Tiers,
		},
		Version: "e2e", Now: time.Now, ID: func() string { return hash([]byte(run))[:4] },
	}
	if group, ok := strings.CutPrefix(key, "asg:"); ok {
		asked.Request.Target.AutoScalingGroup, asked.Group = group, ""
	}
	_, _, result, err := local.Run(w.Context(), asked)
	w.must(err)
	var plan pipeline.Plan
	w.must(readFileJSON(filepath.Join(out, "plan.json"), &plan))
	return result, plan
}

// alike leaves out what differs between two runs on the same evidence: times
// and names of runs, hosts that left none, and what was said of the choice of hosts.
func alike(r *triage.Result, plan pipeline.Plan) triage.Result {
	same := *r
	same.Run.ID, same.Run.Incident, same.Run.Started, same.Run.Finished = "", "", "", ""
	same.Group.Baselines = slices.Clone(r.Group.Baselines)
	for i := range same.Group.Baselines {
		same.Group.Baselines[i].Version, same.Group.Baselines[i].Created = "", ""
	}
	same.Group.HostsRequested -= same.Group.NotExamined
	same.Group.NotExamined = 0
	same.Hosts = slices.DeleteFunc(slices.Clone(r.Hosts), func(h triage.HostResult) bool { return h.Status == triage.NotExamined })
	same.Pivots = slices.Clone(r.Pivots)
	for i, p := range same.Pivots {
		same.Pivots[i].Unknown = slices.DeleteFunc(slices.Clone(p.Unknown), func(id string) bool {
			return !slices.ContainsFunc(same.Hosts, func(h triage.HostResult) bool { return h.Host == id })
		})
	}
	same.Notes = slices.DeleteFunc(slices.Clone(r.Notes), func(note string) bool {
		return slices.Contains(plan.Notes, note) || strings.Contains(note, "A baseline run:") || strings.Contains(note, "the last good run stands in") || strings.Contains(note, "is not approved")
	})
	return same
}
