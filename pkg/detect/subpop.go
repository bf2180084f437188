package detect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A set of hosts splits the group when at least this many different keys share
// it, one of them a stable fact: another value of what all hosts have (a version,
// an image), or as many things that the others have not at all. One package
// more is no other kind of host: an attacker can install it.
const blockKeys = 3

// roleKeys is how many different keys make one package more another kind of host
// after all: an application with its account, units, files and ports.
const roleKeys = 10

// changedAnchor outweighs any number of things that one kind of host only has:
// what has another value everywhere came with the host, whatever else is odd.
const changedAnchor = 1000

// subpopulations splits the group into cells of hosts that are alike in stable
// facts: a host's cell is the set of blocks it is in. Facts that follow the
// cells are no deviations.
func (g *group) subpopulations() {
	blocks := g.blocks()
	g.combine(blocks)
	labels := map[string]hostSet{}
	for h := range g.hosts {
		var label strings.Builder
		for i, b := range blocks {
			if b.has(h) {
				fmt.Fprintf(&label, "%d ", i)
			}
		}
		if labels[label.String()] == nil {
			labels[label.String()] = newHostSet(len(g.hosts))
		}
		labels[label.String()].add(h)
	}
	g.cells = g.cells[:0]
	for _, cell := range labels {
		g.cells = append(g.cells, cell)
	}
	slices.SortFunc(g.cells, func(a, b hostSet) int {
		return cmp.Or(cmp.Compare(b.count(), a.count()), cmp.Compare(a.first(), b.first()))
	})
	for i, cell := range g.cells {
		cell.each(func(h int) { g.cell[h] = i })
	}
}

// shared is a set of hosts and what shares it.
type shared struct {
	hosts   hostSet
	keys    int  // different keys
	anchors int  // stable facts
	suspect bool // one of the facts has traits that no stable fact excuses
}

// blocks returns the sets of hosts that split the group, in a fixed order.
func (g *group) blocks() []hostSet {
	n := len(g.hosts)
	least := max(2, (n+19)/20)
	sets := map[string]*shared{}
	share := func(hosts hostSet, seen map[string]bool) *shared {
		if in := hosts.count(); in < least || n-in < least {
			return nil
		}
		id := hosts.key()
		if sets[id] == nil {
			sets[id] = &shared{hosts: hosts}
		}
		if !seen[id] {
			seen[id] = true
			sets[id].keys++
		}
		return sets[id]
	}
	for _, t := range g.tables {
		for _, k := range t.keys {
			seen := map[string]bool{}
			for _, f := range k.facts {
				s := share(f.hosts, seen)
				switch {
				case s == nil:
				case t.rule.Anchor && k.present.count() > f.hosts.count():
					s.anchors += changedAnchor
				case isPackages(t):
					s.anchors++
				case !t.rule.Anchor:
					s.suspect = s.suspect || g.suspicious(t, f)
				}
				if s != nil && 2*f.hosts.count() > n && namesGuard(k.columns) {
					s.suspect = true // that a few hosts lack it makes them no kind
				}
			}
			if !t.rule.Anchor {
				continue
			}
			for _, hosts := range k.byColumn() {
				if s := share(hosts, seen); s != nil {
					s.anchors += changedAnchor
				}
			}
		}
	}
	var out []hostSet
	for _, s := range sets {
		another := s.anchors >= blockKeys || s.anchors > 0 && s.keys >= roleKeys
		others := sets[g.all.minus(s.hosts).key()] // that lack what these have: struck alike, it may be
		suspect := s.suspect || others != nil && others.suspect
		if s.keys >= blockKeys && another && (!suspect || s.anchors >= changedAnchor) {
			out = append(out, s.hosts)
		}
	}
	slices.SortFunc(out, func(a, b hostSet) int { return cmp.Compare(a.key(), b.key()) })
	return out
}

// byColumn returns the hosts of each value of each compared column, where facts
// have several: an image and a profile split a group each in its own way.
func (k *key) byColumn() []hostSet {
	if len(k.facts) < 2 || len(k.table.rule.Compare) < 2 {
		return nil
	}
	var out []hostSet
	for i := range k.table.rule.Compare {
		values := map[string]hostSet{}
		for _, f := range k.facts {
			values[f.Values[i]] = f.hosts.or(orNone(values[f.Values[i]], f.hosts))
		}
		if len(values) > 1 {
			for _, hosts := range values {
				out = append(out, hosts)
			}
		}
	}
	return out
}

// mostPaired is how many blocks are combined by two: with more of them, any set
// of hosts would be some combination.
const mostPaired = 8

// combine lists the sets of hosts that facts of subpopulations have: each block,
// its complement, and of few blocks what two of those have in common or
// together. Single hosts are no pattern.
func (g *group) combine(blocks []hostSet) {
	var sides []hostSet
	for _, b := range blocks {
		sides = append(sides, b, g.all.minus(b))
	}
	patterns := slices.Clone(sides)
	if len(blocks) <= mostPaired {
		for i, a := range sides {
			for _, b := range sides[i+1:] {
				patterns = append(patterns, a.and(b), a.or(b))
			}
		}
	}
	seen := map[string]bool{}
	for _, p := range patterns {
		if n := p.count(); n > 1 && n < len(g.hosts) && !seen[p.key()] {
			seen[p.key()] = true
			g.patterns = append(g.patterns, p)
		}
	}
}

// follows reports whether a host set follows the subpopulations: it has all hosts
// of one of their patterns that answered, and no other. spare is the part of
// them that may be missing: those differ, the rest do not. Hosts that have just
// started do not count.
func (g *group) follows(hosts, answered hostSet, spare float64) bool {
	if len(g.cells) < 2 || hosts.count() < 2 {
		return false
	}
	if answered.within(hosts) {
		return true
	}
	set, among := hosts.minus(g.young), answered.minus(g.young)
	n := set.count()
	return slices.ContainsFunc(g.patterns, func(p hostSet) bool {
		if hosts.isBoth(p, answered) {
			return true
		}
		of := p.overlap(among)
		return set.overlap(p) == n && of > 1 && float64(of-n) <= spare*float64(of)
	})
}

// explains says in one line what sets a subpopulation apart: its most telling
// stable facts.
func (g *group) explains(i int) string {
	cell := g.cells[i]
	if len(g.cells) == 1 {
		return "all hosts are alike in stable facts"
	}
	var names []string
	for _, t := range g.anchors() {
		for k, f := range t.every() {
			if f.hosts.equal(cell) || f.hosts.minus(cell).empty() && f.hosts.count()*2 > cell.count() && k.present.count() > f.hosts.count() {
				names = append(names, describeAnchor(t, k, f))
			}
		}
	}
	if len(names) == 0 {
		return "the others"
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(anchorRank(a), anchorRank(b)) })
	more := ""
	if extra := len(names) - 3; extra > 0 {
		names, more = names[:3], fmt.Sprintf(" and %d more", extra)
	}
	return strings.Join(names, ", ") + more
}

func (g *group) anchors() []*table {
	var out []*table
	for _, t := range g.tables {
		if t.rule.Anchor {
			out = append(out, t)
		}
	}
	return out
}

// describeAnchor names a stable fact shortly: a package with its version, or
// the first compared value.
func describeAnchor(t *table, k *key, f *fact) string {
	if version := k.compared(f, "version"); version != "" && k.named("name") != "" {
		return k.named("name") + " " + version
	}
	for i, column := range t.rule.Compare {
		if others := k.commonest(k.present.minus(f.hosts), f); others == nil || others.Values[i] != f.Values[i] {
			return column + " " + f.Values[i]
		}
	}
	return t.rule.Name + " " + strings.Join(k.columns, " ")
}

// anchorRank puts images, kernels and systems before packages.
func anchorRank(name string) int {
	for i, prefix := range []string{"ami_id ", "kernel_version ", "os_version ", "instance_type "} {
		if strings.HasPrefix(name, prefix) {
			return i
		}
	}
	return 9
}
