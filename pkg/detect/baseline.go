package detect

import (
	"slices"
	"strings"

	"diffy/pkg/facts"
	"diffy/pkg/triage"
)

// Baseline is the facts of clean hosts to compare with.
type Baseline struct {
	Name, Version string
	Created       string // RFC 3339, UTC
	Set           *facts.Set
	Weak          bool // a good run that nobody has approved: a prior, no more
}

// reference is what the baselines say to one subpopulation: those that fit it,
// united. A value seen on any of their hosts is normal.
type reference struct {
	loose   bool // of another kind of host: it speaks only of what does not follow the kind
	weak    bool // nobody has approved it: a fleet that is wholly compromised looks good too
	hosts   int
	tables  map[string]*referenceTable // by table id
	version []string                   // names of the baselines

	asked     *facts.Fact // last, mostly for one host after the other
	has, told bool        // what the answer was
}

type referenceTable struct {
	answered int
	keys     map[string]*referenceKey
	shapes   map[string]bool // of keys whose names are made anew each time
}

// referenceKey is what the baseline's hosts say of one thing.
type referenceKey struct {
	hosts int // that have the key
	facts []*facts.Fact
}

// fit is how a baseline agrees with a subpopulation in stable facts; apart
// counts the packages and the like that one of them has and the other has not,
// and by which the subpopulations differ too: then it is another one's.
func (g *group) fit(b Baseline, cell hostSet) (agree, differ, apart int) {
	known := map[string]bool{} // facts, and keys alone
	answers := map[string]bool{}
	for _, t := range b.Set.Tables() {
		if !t.Rule.Anchor {
			continue
		}
		answers[t.ID()] = true
		for _, f := range t.Facts {
			known[t.ID()+"\x00"+joinKey(f.Key)] = true
			known[t.ID()+"\x00"+joinKey(f.Key)+"\x00"+joinKey(f.Values)] = true
		}
	}
	for _, t := range g.anchors() {
		if !answers[t.id] {
			continue
		}
		for _, k := range t.keys {
			if knows := known[t.id+"\x00"+joinKey(k.columns)]; t.rule.Mode != modeContext && knows != (2*k.present.overlap(cell) > cell.count()) && g.follows(k.present, t.answered, 0) {
				apart++
			}
			for _, f := range k.facts {
				has := 2*f.hosts.overlap(cell) > cell.count()
				switch knows := known[t.id+"\x00"+joinKey(f.Key)+"\x00"+joinKey(f.Values)]; {
				case has && knows:
					agree++
				case has:
					differ++
				}
			}
		}
	}
	return agree, differ, apart
}

// A baseline fits a subpopulation when it knows nine in ten of its stable facts.
const fits = 0.9

// match finds for each subpopulation the baselines that fit it best, and says
// of each baseline whom it fits. One that is approved goes before any that is not.
func (g *group) match(baselines []Baseline) (refs []*reference, results []triage.BaselineResult) {
	refs = make([]*reference, len(g.cells))
	matched := make([][]string, len(baselines))
	for c, cell := range g.cells {
		best, near := g.fitting(baselines, cell, false)
		weak, nearest := g.fitting(baselines, cell, true)
		for _, i := range slices.Concat(best, weak) {
			matched[i] = append(matched[i], cellName(c))
		}
		if best == nil {
			best = weak
		}
		if near < 0 {
			near = nearest
		}
		if best == nil && near >= 0 {
			refs[c] = newReference(baselines[near])
			refs[c].loose = true
			refs[c].add(baselines[near])
		}
		for _, i := range best {
			if refs[c] == nil {
				refs[c] = newReference(baselines[i])
			}
			refs[c].add(baselines[i])
		}
	}
	for i, b := range baselines {
		results = append(results, triage.BaselineResult{
			Name: b.Name, Version: b.Version, Created: b.Created, Hosts: len(b.Set.Hosts()),
			Subpopulation: strings.Join(matched[i], ","), Stale: len(matched[i]) == 0, Weak: b.Weak,
		})
	}
	return refs, results
}

// fitting lists the baselines that fit a subpopulation best, of those that are
// weak or of those that are not; near is the one of another kind of host that
// comes closest, -1 for none.
func (g *group) fitting(baselines []Baseline, cell hostSet, weak bool) (best []int, near int) {
	most, nearest := -1, -1
	near = -1
	for i, b := range baselines {
		if b.Weak != weak {
			continue
		}
		agree, differ, apart := g.fit(b, cell)
		if float64(agree) < fits*float64(agree+differ) {
			continue
		}
		switch score := agree - differ - apart; {
		case apart > 0 && score > nearest:
			near, nearest = i, score
		case apart > 0:
		case score > most:
			best, most = []int{i}, score
		case score == most:
			best = append(best, i)
		}
	}
	return best, near
}

func newReference(b Baseline) *reference {
	return &reference{tables: map[string]*referenceTable{}, weak: b.Weak}
}

// cellName is A for the largest subpopulation, then B, … Z, AA, …
func cellName(i int) string {
	if i < 26 {
		return string(rune('A' + i))
	}
	return cellName(i/26-1) + string(rune('A'+i%26))
}

func (r *reference) add(b Baseline) {
	r.hosts += len(b.Set.Hosts())
	r.version = append(r.version, b.Name)
	answered := map[string]int{}
	for _, h := range b.Set.Hosts() {
		for _, id := range h.Answered {
			answered[id]++
		}
	}
	for id, n := range answered {
		t := r.table(id)
		t.answered += n
	}
	for _, t := range b.Set.Tables() {
		to := r.table(t.ID())
		present := map[string]map[uint32]bool{}
		for _, f := range t.Sorted() {
			id := joinKey(f.Key)
			if to.keys[id] == nil {
				to.keys[id] = &referenceKey{}
				if shape := shapeOf(t.Rule, f.Key); shape != nil {
					to.shapes[joinKey(shape)] = true
				}
			}
			to.keys[id].facts = append(to.keys[id].facts, f)
			if present[id] == nil {
				present[id] = map[uint32]bool{}
			}
			for _, h := range f.Hosts {
				present[id][h] = true
			}
		}
		for id, hosts := range present {
			to.keys[id].hosts += len(hosts)
		}
	}
}

func (r *reference) table(id string) *referenceTable {
	if r.tables[id] == nil {
		r.tables[id] = &referenceTable{keys: map[string]*referenceKey{}, shapes: map[string]bool{}}
	}
	return r.tables[id]
}

// knows reports whether a fact is normal by the reference; told is false when
// the reference has no answer to the query.
func (r *reference) knows(t *table, f *facts.Fact) (has, told bool) {
	if r == nil {
		return false, false
	}
	if r.asked != f {
		r.asked = f
		r.has, r.told = r.look(t, f)
	}
	return r.has, r.told
}

func (r *reference) look(t *table, f *facts.Fact) (has, told bool) {
	known := r.answers(t)
	if known == nil {
		return false, false
	}
	k := known.keys[joinKey(f.Key)]
	if shape := shapeOf(t.rule, f.Key); k == nil && shape != nil {
		return known.shapes[joinKey(shape)], true
	}
	return k != nil && slices.ContainsFunc(k.facts, func(g *facts.Fact) bool { return slices.Equal(g.Values, f.Values) }), true
}

// answers returns what the reference knows of a query, nil when none of its
// hosts answered it.
func (r *reference) answers(t *table) *referenceTable {
	known, empty := r.tables[t.id], r.tables[t.rule.Name]
	switch {
	case known != nil && known.answered > 0:
		return known
	case empty != nil && empty.answered > 0:
		return empty
	}
	return nil
}
