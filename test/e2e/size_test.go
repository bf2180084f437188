package e2e

import (
	"context"
	"fmt"
	"log/slog"

	"diffy/pkg/cloud"
	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// stateLimit is what Step Functions allows for the input or output of a state, in bytes.
const stateLimit = 262_144

// manyHosts is a group that is too large for moto's EC2. SSM manages none of them,
// so that each batch has a reason for every host, the longest state there is.
type manyHosts int

func (n manyHosts) Group(_ context.Context, t triage.Target, _ bool) (pipeline.Group, error) {
	g := pipeline.Group{ID: account + "/" + region + "/" + pipeline.TargetKey(t), Key: pipeline.TargetKey(t)}
	for i := range int(n) {
		g.Hosts = append(g.Hosts, pipeline.Candidate{Pending: true, Host: triage.Host{
			ID: fmt.Sprintf("i-%017x", i), Account: account, Region: region, Platform: "linux", State: "running",
		}})
	}
	return g, nil
}

// stateSize: ten thousand hosts. State carries keys and counts, and stays far
// below the limit.
func stateSize(w *world) {
	const hosts = 10_000
	c, err := cloud.New(w.Context(), w.cfg)
	w.must(err)
	w.functions.handlers["resolve"] = cloud.Handler(pipeline.Resolve{
		Fleet: manyHosts(hosts), Objects: c.Objects, Runs: c.Table, Storm: c.Table, Pack: w.pack,
		Home: pipeline.Place{Account: account, Region: region}, Now: w.now, Log: slog.New(slog.NewJSONHandler(&w.log, nil)),
	}.Handle)
	const run = "asg-web-prod-20260102T0304-b0b1"
	end := w.run(run, fmt.Sprintf(`{"target":{"autoScalingGroup":"web-prod"},"maxHosts":%d}`, hosts))
	w.leave(end)

	w.succeeded(end)
	if got := len(w.outcomes(run)); got != hosts {
		w.Errorf("%d hosts are accounted for, want %d", got, hosts)
	}
	var largest state
	for _, s := range w.states([]execution{end}) {
		if s := s.(state); max(s.InBytes, s.OutBytes) > max(largest.InBytes, largest.OutBytes) {
			largest = s
		}
	}
	size := max(largest.InBytes, largest.OutBytes)
	w.Logf("largest state payload for %d hosts: %d bytes, of %s; the limit is %d", hosts, size, largest.State, stateLimit)
	if size > stateLimit/10 {
		w.Errorf("the largest state payload has %d bytes, which is not far below %d", size, stateLimit)
	}
}
