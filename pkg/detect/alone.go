package detect

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"diffy/pkg/triage"
)

// What the baseline alone says of a row that most hosts have, bits: nobody but
// the baseline can see it.
const aloneBits = 8.0

// aloneWeakly is the same of a baseline that nobody has approved: every row that
// a deploy brought since is new to it, so the query or the row must say more.
const aloneWeakly = 5.5

// byBaseline lists what only the baselines can tell: rows that most hosts of
// the group have, or a subpopulation of it, and the baseline's hosts had not,
// and the reverse.
func (g *group) byBaseline(refs []*reference, seen []*deviation) []*deviation {
	if !slices.ContainsFunc(refs, func(r *reference) bool { return r != nil }) {
		return nil
	}
	covered := map[*fact]hostSet{}
	lacked := map[*key]hostSet{}
	for _, d := range seen {
		if d.former != nil {
			lacked[d.former] = d.hosts.or(orNone(lacked[d.former], d.hosts))
		}
		if d.fact != nil {
			covered[d.fact] = d.hosts.or(orNone(covered[d.fact], d.hosts))
		} else {
			lacked[d.key] = d.hosts.or(orNone(lacked[d.key], d.hosts))
		}
	}
	var out []*deviation
	for _, t := range g.tables {
		if t.rule.Mode == modeContext {
			continue
		}
		for k, f := range t.every() {
			if d := g.unknown(refs, t, k, f, covered[f]); d != nil {
				out = append(out, d)
			}
		}
		if !t.rule.Momentary {
			out = append(out, g.gone(refs, t, lacked)...)
		}
	}
	perClass := map[string]int{}
	churn := map[*reference]map[*table]float64{}
	for _, d := range out {
		perClass[d.rateClass()]++
	}
	for _, d := range out {
		d.score.rarity = aloneBits
		ref := refs[g.cell[d.hosts.first()]]
		if d.weak = ref.weak; d.weak {
			d.score.rarity = aloneWeakly
		}
		if d.table().rule.Momentary {
			d.score.rarity += explainedPartly // a baseline is one moment
		}
		if churn[ref] == nil {
			churn[ref] = map[*table]float64{}
		}
		if _, counted := churn[ref][d.table()]; !counted {
			churn[ref][d.table()] = ref.churn(d.table())
		}
		d.score.rarity -= churnBits * churn[ref][d.table()]
		d.score.likes = -math.Log2(max(1, float64(perClass[d.rateClass()])/8))
		d.score.prior = prior(d.table())
		if values := len(d.key.facts); values > 2 {
			d.score.spread = -math.Log2(float64(values) / 2)
		}
	}
	return out
}

// ofAnotherKind explains what whole subpopulations have, and not all of them: the
// baseline is of another kind of host.
func (g *group) ofAnotherKind(d *deviation) {
	showing := d.table().answered.minus(d.key.present)
	if d.fact != nil {
		showing = d.fact.hosts
	}
	if d.incriminating() || d.table().answered.minus(showing).empty() || !g.follows(showing, d.table().answered, 0) {
		return
	}
	d.score.explained, d.reason = explainedFully, "the baseline is of another kind of host"
}

// churnBits is what a query loses of whose baseline rows none is there any
// more: it varies by itself.
const churnBits = 6.0

// churn is the part of the reference's keys of a query that no host of the
// group has, 0 where it knows too few to tell.
func (r *reference) churn(t *table) float64 {
	known := r.answers(t)
	if known == nil || len(known.keys) < 3 {
		return 0
	}
	here := map[string]bool{}
	for _, k := range t.keys {
		here[joinKey(k.columns)] = true
	}
	gone := 0
	for id := range known.keys {
		if !here[id] {
			gone++
		}
	}
	return float64(gone) / float64(len(known.keys))
}

func orNone(s, like hostSet) hostSet {
	if s == nil {
		return make(hostSet, len(like))
	}
	return s
}

// unknown makes the deviation of the hosts that have a fact which their
// baseline had not.
func (g *group) unknown(refs []*reference, t *table, k *key, f *fact, covered hostSet) *deviation {
	hosts := newHostSet(len(g.hosts))
	var expected *fact
	follows := g.follows(f.hosts, t.answered, 0.2) && !t.answered.minus(f.hosts).empty()
	f.hosts.each(func(h int) {
		ref := refs[g.cell[h]]
		if covered != nil && covered.has(h) {
			return
		}
		if has, told := ref.knows(t, f.Fact); !told || has {
			return
		}
		if ref.loose && (follows || f.hosts.minus(g.cells[g.cell[h]]).empty() && len(g.cells) > 1) {
			return // it may belong to this kind of host
		}
		hosts.add(h)
		if known := ref.answers(t).keys[joinKey(k.columns)]; known != nil && expected == nil && len(t.rule.Compare) > 0 {
			expected = &fact{Fact: known.facts[0], hosts: newHostSet(len(g.hosts))}
		}
	})
	if hosts.empty() {
		return nil
	}
	d := &deviation{kind: triage.Added, key: k, fact: f, expected: expected, hosts: hosts, with: hosts.count(), compared: t.answered.count(), alone: true}
	if expected != nil {
		d.kind, d.changed = triage.Changed, k.differing(f, expected)
	}
	d.class = string(d.kind) + " " + k.templates
	return d
}

// gone lists the keys that every host of a baseline had and hosts of the
// subpopulation it fits have not.
func (g *group) gone(refs []*reference, t *table, lacked map[*key]hostSet) []*deviation {
	here, shapes := map[string]*key{}, map[string]bool{}
	for _, k := range t.keys {
		here[joinKey(k.columns)] = k
		if shape := shapeOf(t.rule, k.columns); shape != nil {
			shapes[joinKey(shape)] = true
		}
	}
	found := map[string]*deviation{}
	for c, cell := range g.cells {
		if refs[c] == nil || refs[c].loose || refs[c].answers(t) == nil {
			continue
		}
		known := refs[c].answers(t)
		for id, rk := range known.keys {
			if rk.hosts < refs[c].hosts || shapes[joinKey(shapeOf(t.rule, rk.facts[0].Key))] {
				continue
			}
			lacking := cell.and(t.answered)
			k := here[id]
			if k != nil {
				lacking = lacking.minus(k.present).minus(orNone(lacked[k], lacking))
			} else {
				k = &key{table: t, columns: rk.facts[0].Key, present: newHostSet(len(g.hosts)), templates: tokens(t.rule, rk.facts[0].Key)}
			}
			if lacking.empty() {
				continue
			}
			d := found[id]
			if d == nil {
				d = &deviation{
					kind: triage.Missing, key: k, expected: &fact{Fact: rk.facts[0], hosts: newHostSet(len(g.hosts))},
					hosts: newHostSet(len(g.hosts)), compared: t.answered.count(), class: string(triage.Missing) + " " + k.templates, alone: true,
				}
				found[id] = d
			}
			d.hosts = d.hosts.or(lacking)
			d.with = d.hosts.count()
		}
	}
	out := make([]*deviation, 0, len(found))
	for _, d := range found {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b *deviation) int { return cmp.Compare(joinKey(a.key.columns), joinKey(b.key.columns)) })
	return out
}

// withBaseline adds what the baselines say of what counting found.
func (g *group) withBaseline(d *deviation, refs []*reference) {
	most := math.Inf(-1)
	d.hosts.each(func(h int) {
		ref := refs[g.cell[h]]
		if ref == nil {
			return
		}
		bits, part := 0.0, 1.0
		if ref.weak {
			part = weakPart
		}
		if d.kind == triage.Missing {
			known := ref.answers(d.table())
			if known == nil {
				return
			}
			if rk := known.keys[joinKey(d.key.columns)]; rk == nil || rk.hosts < ref.hosts {
				bits = inBaseline
			} else {
				bits = notBaseline
			}
		} else if has, answers := ref.knows(d.table(), d.fact.Fact); !answers {
			return
		} else if has {
			bits = inBaseline
		} else if !ref.loose {
			bits = notBaseline
			if d.suspicious() {
				d.score.likes = 0 // what clean hosts have none of is no churn
			}
		}
		if bits *= part; bits > most {
			most, d.weak = bits, ref.weak
		}
	})
	if d.table().rule.Momentary || d.table().rule.Anchor {
		most = min(most, 0) // one more moment proves nothing
	}
	if !math.IsInf(most, -1) {
		d.score.baseline = most
		d.known = most < 0
	}
}

// joinKey makes one string of a key's columns that no other key's makes.
func joinKey(columns []string) string {
	var b strings.Builder
	for _, c := range columns {
		b.WriteString(strings.ReplaceAll(c, "\x1f", "\x1f\x1f"))
		b.WriteByte(0x1f)
		b.WriteByte(0)
	}
	return b.String()
}
