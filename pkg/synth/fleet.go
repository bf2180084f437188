// Package synth makes fleets of hosts that never were, with the truth about
// them, and measures what an analysis finds there.
//
// In goes a seed and a size; out come snapshots in the pack's own form or as
// osquery's plain tables, one host at a time, what was done to which host, and
// the figures of a result against that truth. A fleet depends on its
// specification alone: same seed, same bytes. The package touches no network
// and no clock, and only commands may import it.
package synth

import (
	"math/rand/v2"
	"slices"

	"diffy/pkg/snapshot"
)

// Form is the form of a fleet's evidence.
type Form int

// The forms.
const (
	Pack  Form = iota // the pack's own statements, one log a host
	Plain             // osquery's tables as they are
)

// Scene is what has happened to a fleet.
type Scene int

// The scenes.
const (
	Clean    Scene = iota // nothing
	Attacked              // a few hosts, each in its own way
	Campaign              // a share of the hosts, all alike
)

// Spec says which fleet to make. The zero value is no fleet: Hosts must be at
// least 1. The same seed and size give the same hosts in every scene, apart
// from what the scene does to them.
type Spec struct {
	Seed  uint64
	Hosts int
	Form  Form
	Scene Scene
	Share float64  // of the hosts in a campaign
	Kinds []string // attacks to choose from; none: all
	Bytes int      // the least size of a host's log, reached with more packages; 0: as it comes
}

// Fleet makes hosts on demand and keeps none of them. It is not safe for use by
// several goroutines; two fleets of one spec are alike.
type Fleet struct {
	spec    Spec
	plan    *plan
	victims map[int]assault
}

// assault is what will be tried on one host.
type assault struct {
	order []*attack
	count int
	key   string // hosts with the same key are struck alike
}

// New plans a fleet.
func New(spec Spec) *Fleet {
	f := &Fleet{spec: spec, plan: newPlan(spec), victims: map[int]assault{}}
	if spec.Bytes > 0 {
		if short := spec.Bytes - len(logText(f.bare(0).evidence())); short > 0 {
			row := map[bool]int{true: 115, false: 160}[f.plan.system.debian()] // bytes; what a package's row has at least
			f.plan.padding = short/row + 1
		}
	}
	f.chooseVictims(chances(spec.Seed, "victims", spec.Hosts, int(spec.Scene), spec.Share))
	return f
}

func (f *Fleet) chooseVictims(r *rand.Rand) {
	n := f.spec.Hosts
	switch f.spec.Scene {
	case Attacked:
		k := 1
		if n >= 10 {
			k = between(r, 1, max(1, min(6, n/12)))
		}
		for _, i := range r.Perm(n)[:k] {
			f.victims[i] = assault{f.shuffled(r), between(r, 1, 4), "host " + itoa(i)}
		}
	case Campaign:
		k := max(1, int(float64(n)*f.spec.Share+0.5))
		all := assault{f.shuffled(r), between(r, 2, 5), "campaign"}
		for _, i := range r.Perm(n)[:min(k, n)] {
			f.victims[i] = all
		}
	}
}

func (f *Fleet) shuffled(r *rand.Rand) []*attack {
	order := slices.Clone(attacks)
	r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

// bare is host i without anything an intruder did.
func (f *Fleet) bare(i int) *machine { return f.plan.host(i, i == f.plan.leader) }

// host is host i with what happens to it, apart from some kinds.
func (p *plan) host(i int, leads bool, without ...string) *machine {
	m := p.machine(i, p.variants[p.assigned[i]], leads)
	if leads {
		m.lead()
	}
	m.live(without...)
	return m
}

// struck is host i as it is, and what was done to it.
func (f *Fleet) struck(i int) (*machine, []*strike) {
	m := f.bare(i)
	plan, ok := f.victims[i]
	if !ok {
		return m, nil
	}
	return m, f.strikeAll(m, plan)
}

// Host returns the evidence of host i, from 0 to Hosts-1.
func (f *Fleet) Host(i int) *snapshot.Host {
	m, _ := f.struck(i)
	return m.evidence()
}

// Baseline is the clean hosts of one make: a role at a release on an image.
type Baseline struct {
	Name  string
	Hosts []*snapshot.Host
}

// Baselines returns one baseline for each make of host in the fleet, of that
// many hosts each, all clean and none of them in the fleet. In some fleets only
// the most common make has one.
func (f *Fleet) Baselines(hosts int) []Baseline {
	r := chances(f.spec.Seed, "baselines")
	count := make([]int, len(f.plan.variants))
	for _, v := range f.plan.assigned {
		count[v]++
	}
	var out []Baseline
	seen := map[[3]any]bool{}
	only := often(r, 0.25)
	for n, v := range f.plan.variants {
		if only && count[n] < slices.Max(count) {
			continue
		}
		make := [3]any{v.role, v.image, v.newer}
		if seen[make] {
			continue
		}
		seen[make] = true
		b := Baseline{Name: "baseline-" + v.role.app + "-" + v.release() + "-" + v.image.id[len(v.image.id)-4:]}
		for k := range hosts {
			m := f.plan.machine(f.spec.Hosts+n*hosts+k, v, false)
			m.live() // no happening strikes a host beyond the fleet's
			b.Hosts = append(b.Hosts, m.evidence())
		}
		out = append(out, b)
		if only {
			break
		}
	}
	return out
}
