package detect

import (
	"slices"

	"diffy/pkg/triage"
)

// rates is what the group shows anyway.
type rates struct {
	kin  map[string]*kin // by query and class of deviation
	keys map[string]int  // different keys by query and template class
}

// kin is what the group shows of one class of deviations of a query.
type kin struct {
	deviations int         // host and key pairs that deviate; of one host only so many
	each       map[int]int // host → its deviations
	hosts      hostSet     // that do
	rarest     map[int]int // host → how few hosts share its rarest deviation
	fewest     []int       // the same of all hosts, ascending
	shared     []int       // of each deviation of several hosts, how many
}

// rateClass names what a deviation is compared with: a row that is suspicious by
// itself is no look-alike of the many that are not.
func (d *deviation) rateClass() string {
	class := d.table().rule.Name + "\x00" + d.class
	if d.suspicious() {
		class += " suspicious"
	}
	if d.novel() {
		class += " of its own"
	}
	if d.kind == triage.Changed && d.key.churns() {
		class += " of " + joinKey(d.key.columns)
	}
	return class
}

// churns reports whether so many values are found under one key that it varies
// by itself: that says nothing of the others of its query.
func (k *key) churns() bool { return len(k.facts) >= churning }

const churning = 4

// learn counts what the group shows and tells each deviation its kin.
func learn(g *group, all []*deviation) *rates {
	r := &rates{kin: map[string]*kin{}, keys: map[string]int{}}
	for _, t := range g.tables {
		for _, k := range t.keys {
			r.keys[t.rule.Name+"\x00"+k.templates]++
		}
	}
	for _, d := range all {
		class := d.rateClass()
		if r.kin[class] == nil {
			r.kin[class] = &kin{hosts: newHostSet(len(g.hosts)), rarest: map[int]int{}, each: map[int]int{}}
		}
		d.kin, d.alike = r.kin[class], r.keys[d.table().rule.Name+"\x00"+d.key.templates]
		if d.kind == triage.Changed && d.key.churns() {
			d.alike = 1
		}
		d.kin.add(d)
	}
	for _, k := range r.kin {
		k.count(len(g.hosts))
		for _, with := range k.rarest {
			k.fewest = append(k.fewest, with)
		}
		slices.Sort(k.fewest)
	}
	return r
}

func (k *kin) add(d *deviation) {
	if d.with >= gatherHosts/2 {
		k.shared = append(k.shared, d.with)
	}
	d.hosts.each(func(h int) {
		k.hosts.add(h)
		k.each[h]++
		if with, ok := k.rarest[h]; !ok || d.with < with {
			k.rarest[h] = d.with
		}
	})
}

// perHost is how many deviations of one class a host counts with at least, before
// it is held to twice what the host in the middle shows.
const perHost = 5

// count adds up the deviations, each host's only so far: a host that floods a
// query with rare rows makes the query no noisier for the others.
func (k *kin) count(hosts int) {
	each := make([]int, 0, len(k.each))
	for _, n := range k.each {
		each = append(each, n)
	}
	slices.Sort(each)
	most := perHost
	if middle := hosts/2 - (hosts - len(each)); middle >= 0 && middle < len(each) { // hosts without any come first
		most = max(most, 2*each[middle])
	}
	for _, n := range each {
		k.deviations += min(n, most)
	}
}

// expected is the learned rate of such deviations in the query, per host and
// key, the deviation's own hosts left out: at least one of each is the deviation
// itself or of the same host.
func (r *rates) expected(d *deviation, n int) float64 {
	others := max(d.kin.deviations-d.kin.hosts.overlap(d.hosts), 0)
	b := beta
	if d.table().rule.Prior >= 1 {
		b = betaStable
	}
	return (float64(others) + 0.5) / (float64(d.alike)*float64(n-1) + b)
}

// likes counts the other hosts that are as odd in the same query. What many
// hosts share is no like of what single ones show: it is counted against what as
// many share.
func (r *rates) likes(d *deviation) int {
	n := 0
	if d.with >= gatherHosts {
		for _, with := range d.kin.shared {
			if 2*with >= d.with && with <= d.with {
				n++
			}
		}
		return max(0, n-1)
	}
	n, _ = slices.BinarySearch(d.kin.fewest, d.with+1)
	d.hosts.each(func(h int) {
		if with, ok := d.kin.rarest[h]; ok && with <= d.with {
			n-- // its own
		}
	})
	return n
}
