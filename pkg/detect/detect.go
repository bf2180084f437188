// Package detect finds the odd hosts of a group and says why.
//
// In go canonical facts of the group and of any baselines, what was asked for
// (pivots, suspects) and what is known to be good (suppressions); out comes a
// Result: findings with their counts, scores in bits and a sentence each,
// subpopulations, stories, and the hosts ranked. The order in which hosts, rows
// and shards came changes nothing. The package reads no evidence, has no clock,
// and never calls a host clean: it says what it did not see.
package detect

import (
	"fmt"
	"slices"
	"time"

	"diffy/pkg/facts"
	"diffy/pkg/triage"
)

// Input is what one analysis works on.
type Input struct {
	Group        string // the group's key, "asg:web-prod" or "local"
	Set          *facts.Set
	Baselines    []Baseline
	Methods      []triage.Method // empty: baseline where there is one, and cluster; rules and pivots always
	Pivots       []triage.Pivot
	Outcomes     []triage.Outcome // the requested hosts of a run; nil: the hosts of Set
	Suspects     []string
	Suppressions []triage.Suppression
	Notes        []string  // what the caller could not see
	Now          time.Time // when suppressions expire
}

// Run analyses a group.
func Run(in Input) *triage.Result {
	g := newGroup(in.Set)
	methods := in.Methods
	if len(methods) == 0 {
		methods = []triage.Method{triage.ByBaseline, triage.ByCluster}
	}
	cluster := slices.Contains(methods, triage.ByCluster)
	g.subpopulations()
	refs := make([]*reference, len(g.cells))
	var baselines []triage.BaselineResult
	if slices.Contains(methods, triage.ByBaseline) {
		refs, baselines = g.match(in.Baselines)
	}
	found := g.find(refs, cluster)
	r := &builder{in: in, group: g, used: methodsUsed(cluster, baselines, in.Pivots)}
	return r.result(found, baselines)
}

// find lists the scored deviations of a group, highest first.
func (g *group) find(refs []*reference, cluster bool) []*deviation {
	all := g.deviations()
	for _, d := range all {
		g.weigh(d)
	}
	g.common = g.commonSubjects()
	contexts := g.contexts(all)
	g.besides(all, contexts)
	learned := learn(g, all)
	for _, d := range all {
		d.addTraits()
		g.count(d, learned)
		g.withBaseline(d, refs)
		g.explain(d, contexts)
	}
	g.joinStories(all, learned)
	if len(g.hosts) == 2 {
		for _, d := range all {
			d.undecided()
		}
	}
	alone := g.byBaseline(refs, all)
	var reference []*context
	if len(alone) > 0 {
		reference = g.drift(refs, contexts)
	}
	for _, d := range alone {
		g.weigh(d)
		d.addTraits()
		g.explain(d, reference)
		g.ofAnotherKind(d)
	}
	all = append(all, alone...)
	all = append(all, g.byRule(all, refs)...)
	if !cluster {
		all = slices.DeleteFunc(all, func(d *deviation) bool { return d.score.baseline <= 0 && !d.alone && d.score.floor == 0 })
	}
	return all
}

// undecided takes the blame from a difference of two hosts, neither of which is
// a majority: low, unless traits, rules or a baseline say more.
func (d *deviation) undecided() {
	if d.score.traits < 2 && d.score.floor == 0 && d.score.baseline <= 0 {
		d.score.rarity = min(d.score.rarity, thresholdLow-max(d.score.prior, 0))
		d.score.together = 0
	}
}

// byRule lists the rows that are wrong even where all hosts share them and that
// no other method has listed.
func (g *group) byRule(seen []*deviation, refs []*reference) []*deviation {
	listed := map[*fact]bool{}
	for _, d := range seen {
		if d.fact != nil {
			listed[d.fact] = true
		}
	}
	var out []*deviation
	for _, t := range g.tables {
		if t.rule.Mode == modeContext {
			continue
		}
		for k, f := range t.every() {
			if listed[f] {
				continue
			}
			d := &deviation{kind: triage.Added, key: k, fact: f, hosts: f.hosts, with: f.hosts.count(), compared: t.answered.count()}
			g.weigh(d)
			if d.addTraits(); d.score.floor > 0 {
				g.withBaseline(d, refs)
				if d.known && !d.weak {
					d.score.floor += inBaseline
				}
				out = append(out, d)
			}
		}
	}
	return out
}

// drift is what happened to each host since its baseline: what happened to it
// anyway, and the packages in which it differs.
func (g *group) drift(refs []*reference, since []*context) []*context {
	out := make([]*context, len(g.hosts))
	for i, c := range since {
		copied := *c
		copied.packages = slices.Clone(c.packages)
		out[i] = &copied
	}
	for _, t := range g.packages() {
		for k, f := range t.every() {
			f.hosts.each(func(h int) {
				if has, told := refs[g.cell[h]].knows(t, f.Fact); told && !has {
					out[h].packages = append(out[h].packages, k.named("name"))
				}
			})
		}
	}
	return out
}

func methodsUsed(cluster bool, baselines []triage.BaselineResult, pivots []triage.Pivot) []triage.Method {
	var used []triage.Method
	if slices.ContainsFunc(baselines, func(b triage.BaselineResult) bool { return !b.Stale }) {
		used = append(used, triage.ByBaseline)
	}
	if cluster {
		used = append(used, triage.ByCluster)
	}
	used = append(used, triage.ByRule)
	if len(pivots) > 0 {
		used = append(used, triage.ByPivot)
	}
	return used
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
