package detect_test

import (
	"testing"
	"time"

	"diffy/pkg/detect"
	"diffy/pkg/facts"
	"diffy/pkg/pack"
	"diffy/pkg/synth"
)

// BenchmarkRun analyses the facts of 1,000 hosts, some of them attacked, alone
// and with baselines.
func BenchmarkRun(b *testing.B) {
	p, err := pack.Load()
	if err != nil {
		b.Fatal(err)
	}
	const n = 1000
	f := synth.New(synth.Spec{Seed: 1, Hosts: n, Scene: synth.Attacked})
	in := detect.Input{Group: "synthetic", Set: facts.NewSet(p), Now: time.Unix(1_800_000_000, 0).UTC()}
	for i := range n {
		in.Set.Add(f.Host(i))
	}
	run := func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if r := detect.Run(in); len(r.Hosts) != n {
				b.Fatalf("%d hosts, want %d", len(r.Hosts), n)
			}
		}
	}
	b.Run("alone", run)
	for _, base := range f.Baselines(2) {
		set := facts.NewSet(p)
		for _, h := range base.Hosts {
			set.Add(h)
		}
		in.Baselines = append(in.Baselines, detect.Baseline{Name: base.Name, Set: set})
	}
	b.Run("baselines", run)
}
