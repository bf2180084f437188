package detect

import (
	"slices"
	"strings"

	"diffy/pkg/triage"
)

// deviation is one way in which some hosts differ from the others: what
// becomes a finding when it scores.
type deviation struct {
	kind     triage.Kind
	key      *key
	fact     *fact    // what the hosts have; nil for missing
	expected *fact    // what the others have; nil for added
	changed  []string // compared columns that differ, or key columns of a row that moved
	hosts    hostSet
	with     int // hosts that show it
	compared int // hosts on which the query answered, these included

	class  string // deviations of one class are look-alikes
	kin    *kin   // what the group shows of them; nil where only the baseline speaks
	alike  int    // keys that went through the same templates
	score  score
	traits []trait
	reason string // what explains it, for the sentence; empty: nothing
	alone  bool   // only the baseline sees it
	known  bool   // the baseline's hosts show it too
	weak   bool   // the baseline is a run that nobody has approved
	rows   int    // how many rows it stands for
	former *key   // of a row that moved: where it was
}

// rule returns the rule of the deviation's query.
func (d *deviation) table() *table { return d.key.table }

// deviations lists every difference that a minority of hosts shows, except
// those that a subpopulation explains.
func (g *group) deviations() []*deviation {
	var all []*deviation
	for _, t := range g.tables {
		if t.rule.Mode == modeContext {
			continue
		}
		for _, k := range t.keys {
			all = append(all, g.having(k)...)
			all = append(all, g.lacking(k)...)
		}
	}
	return g.moved(all)
}

const (
	modeContext = "ctx"
	modeAlert   = "alert"
)

// having lists the facts of a key that only a minority has: added where the
// hosts have nothing that the others have under this key, else changed.
func (g *group) having(k *key) []*deviation {
	answered := k.table.answered.count()
	var out []*deviation
	for _, f := range k.facts {
		with := f.hosts.count()
		if 2*with > answered {
			continue
		}
		if (g.follows(f.hosts, k.table.answered, 0.2) || k.shape != nil && g.follows(k.shape, k.table.answered, 0.2)) && !g.suspicious(k.table, f) {
			continue
		}
		for _, part := range g.byExpected(k, f) {
			d := &deviation{
				kind: triage.Added, key: k, fact: f, expected: part.expected, hosts: part.hosts,
				with: with, compared: answered,
			}
			if part.expected != nil {
				d.kind, d.changed = triage.Changed, k.differing(f, part.expected)
				if len(d.changed) == 0 {
					continue
				}
			}
			d.class = string(d.kind) + " " + k.templates
			for _, c := range d.changed {
				d.class += " " + c
			}
			out = append(out, d)
		}
	}
	return out
}

// suspicious reports whether a row has traits that no shared stable fact
// excuses: a block of rows with such a one is a campaign, not a subpopulation.
func (g *group) suspicious(t *table, f *fact) bool {
	return weight(g.traits(t, f.Row)) >= suspiciousBits
}

// part is the hosts of a fact for which the same other fact is to be expected.
type part struct {
	hosts    hostSet
	expected *fact
}

// byExpected splits the hosts of a fact by whether they have it in the place of
// what others have (changed) or beside it or alone (added).
func (g *group) byExpected(k *key, f *fact) []part {
	others := k.present.minus(f.hosts)
	if others.empty() || len(k.table.rule.Compare) == 0 || g.apart(k) {
		return []part{{hosts: f.hosts}}
	}
	added, changed := newHostSet(len(g.hosts)), newHostSet(len(g.hosts))
	f.hosts.each(func(h int) {
		if g.usual(k, f, h) != nil {
			changed.add(h)
		} else {
			added.add(h)
		}
	})
	var parts []part
	if !changed.empty() {
		parts = append(parts, part{changed, g.usual(k, f, changed.first())})
	}
	if !added.empty() {
		parts = append(parts, part{hosts: added})
	}
	return parts
}

// apart reports whether a few hosts have a key, no kind of host, and each
// something else under it: that they have it at all is what is odd.
func (g *group) apart(k *key) bool {
	return len(k.facts) == k.present.count() && 4*k.present.count() <= k.table.answered.count() && !g.follows(k.present, k.table.answered, 0.2)
}

// usual returns what hosts like h have under a key instead of f, nil when h has
// it too or nobody else has the key: of its subpopulation, or of the whole group.
func (g *group) usual(k *key, f *fact, h int) *fact {
	cell := g.cells[g.cell[h]]
	best := k.commonest(cell.minus(f.hosts), f)
	if best != nil && best.hosts.has(h) { // of several rows, the one that it lacks
		best = k.lacked(cell, h)
	} else if best == nil {
		best = k.commonest(g.all.minus(f.hosts), f)
	}
	if best == nil || best.hosts.has(h) {
		return nil
	}
	return best
}

// lacked returns the fact of a key that host h lacks and most of the given hosts
// that have the key have, nil for none.
func (k *key) lacked(among hostSet, h int) *fact {
	of := k.present.overlap(among)
	for _, f := range k.facts {
		if !f.hosts.has(h) && 2*f.hosts.overlap(among) > of {
			return f
		}
	}
	return nil
}

// differing lists the compared columns in which two facts of a key differ.
func (k *key) differing(a, b *fact) []string {
	var out []string
	for i, column := range k.table.rule.Compare {
		// A joined value that is not there means a process that ended in between.
		lost := strings.Contains(column, ".") && (a.Values[i] == "" || b.Values[i] == "")
		if a.Values[i] != b.Values[i] && !lost {
			out = append(out, column)
		}
	}
	return out
}

// lacking finds the hosts that lack a key which the others, or the others of
// their subpopulation, have; and those that have the key but lack a row of it.
func (g *group) lacking(k *key) []*deviation {
	if k.table.rule.Momentary {
		return nil
	}
	var out []*deviation
	if d := g.missing(k, k.present, k.commonest(g.all, nil)); d != nil {
		out = append(out, d)
	}
	if len(k.facts) < 2 {
		return out
	}
	for _, f := range k.facts {
		if 2*f.hosts.count() <= k.table.answered.count() {
			continue
		}
		// Hosts with a rare value in its place are changed, not missing.
		replaced := newHostSet(len(g.hosts))
		for _, other := range k.facts {
			if 2*other.hosts.count() <= k.table.answered.count() {
				replaced = replaced.or(other.hosts)
			}
		}
		if d := g.missing(k, f.hosts.or(replaced).or(k.table.answered.minus(k.present)), f); d != nil {
			out = append(out, d)
		}
	}
	return out
}

// missing makes the deviation of the hosts outside present, if they are a
// minority of the group or of their subpopulation.
func (g *group) missing(k *key, present hostSet, f *fact) *deviation {
	answered := k.table.answered
	lacking := answered.minus(present)
	if f == nil || lacking.empty() || g.follows(present.and(answered), answered, 0) {
		return nil
	}
	if k.table.rule.Mode == modeAlert || g.suspicious(k.table, f) {
		return nil // who lacks what is wrong anywhere is not the odd one
	}
	among := answered
	if 2*lacking.count() > answered.count() {
		among = g.expecting(answered, present)
		lacking = g.owing(lacking.and(among), among, f)
		if lacking.empty() {
			return nil
		}
	}
	return &deviation{
		kind: triage.Missing, key: k, expected: f, hosts: lacking, with: lacking.count(), compared: among.count(),
		class: string(triage.Missing) + " " + k.templates,
	}
}

// expecting returns the hosts of those subpopulations of which most have it.
func (g *group) expecting(answered, present hostSet) hostSet {
	out := newHostSet(len(g.hosts))
	for _, cell := range g.cells {
		if of := cell.and(answered); 2*of.overlap(present) > of.count() {
			out = out.or(of)
		}
	}
	return out
}

// owing keeps, of the hosts that lack what most of their subpopulation has and
// most of the group has not, those that are bound to have it: where they are one
// in four at most, or have the unit installed that it belongs to. Else those that
// have it are as likely the odd ones: two hosts of three, struck alike.
func (g *group) owing(lacking, among hostSet, f *fact) hostSet {
	out := newHostSet(len(g.hosts))
	installed := g.habits.units[g.habits.unit(f.Row)]
	lacking.each(func(h int) {
		cell := g.cells[g.cell[h]].and(among)
		if 4*lacking.overlap(cell) <= cell.count() || installed != nil && installed.has(h) {
			out.add(h)
		}
	})
	return out
}

// moves names, for a query, the key columns that may differ between two rows
// for the same thing: a listener that another address is bound to has moved.
var moves = map[string][]string{
	"listening_ports":      {"family", "address"},
	"process_open_sockets": {"family", "local_address", "socket"},
}

// moved replaces an added and a missing row of the same hosts that name the
// same thing at another place by one changed row.
func (g *group) moved(all []*deviation) []*deviation {
	gone := map[*deviation]bool{}
	for _, a := range all {
		may, ok := moves[a.key.table.rule.Name]
		if !ok || a.kind != triage.Added {
			continue
		}
		for _, m := range all {
			if m.kind != triage.Missing || m.key.table != a.key.table || gone[m] || !m.hosts.equal(a.hosts) {
				continue
			}
			if columns := movedColumns(a, m, may); columns != nil {
				a.kind, a.expected, a.changed, a.former = triage.Changed, m.expected, columns, m.key
				a.class = string(triage.Changed) + " " + a.key.templates + " moved"
				gone[m] = true
				break
			}
		}
	}
	return slices.DeleteFunc(all, func(d *deviation) bool { return gone[d] })
}

// movedColumns returns the columns in which the keys differ, nil if any of them
// is not one that may.
func movedColumns(a, m *deviation, may []string) []string {
	if !slices.Equal(a.fact.Values, m.expected.Values) {
		return nil
	}
	var columns []string
	for i, column := range a.key.table.rule.Key {
		if a.key.columns[i] == m.key.columns[i] {
			continue
		}
		if !slices.Contains(may, column) {
			return nil
		}
		columns = append(columns, column)
	}
	return columns
}
