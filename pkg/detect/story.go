package detect

import (
	"cmp"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"diffy/pkg/triage"
)

// Deviations whose quiet score is at least this many bits count towards a
// story: what varies anyway proves nothing by coming together.
const (
	quietBits    = 4.5
	linkedBits   = 1.5 // for each further query that tells of the same thing on one host
	linkedMost   = 4.0
	sharedWeight = 0.6 // of the bits that a set of hosts takes to name, for each further query
	sharedMost   = 2   // further queries that count
)

// bundle is deviations of one set of hosts: rare facts on the same hosts belong
// together.
type bundle struct {
	hosts      hostSet
	deviations []*deviation
}

// bundles groups deviations by their host set, in a fixed order.
func bundles(all []*deviation) []*bundle {
	index := map[string]*bundle{}
	var out []*bundle
	for _, d := range all {
		id := d.hosts.key()
		if index[id] == nil {
			index[id] = &bundle{hosts: d.hosts}
			out = append(out, index[id])
		}
		index[id].deviations = append(index[id].deviations, d)
	}
	slices.SortStableFunc(out, func(a, b *bundle) int {
		if c := cmp.Compare(a.hosts.first(), b.hosts.first()); c != 0 {
			return c
		}
		return cmp.Compare(a.hosts.key(), b.hosts.key())
	})
	return out
}

// Sets of at least this many hosts that are alike to this part are one: on some
// host of a campaign a row is always missing.
const (
	gatherHosts = 4
	gatherAlike = 0.8
)

// gathered puts bundles together whose sets of hosts are nearly the same, with
// the largest of them.
func gathered(all []*bundle) []*bundle {
	var out, large []*bundle
	slices.SortStableFunc(all, func(a, b *bundle) int { return cmp.Compare(len(b.deviations), len(a.deviations)) })
	for _, b := range all {
		if b.hosts.count() < gatherHosts {
			out = append(out, b)
			continue
		}
		if i := slices.IndexFunc(large, func(l *bundle) bool { return alike(l.hosts, b.hosts) >= gatherAlike }); i >= 0 {
			large[i].deviations = append(large[i].deviations, b.deviations...)
		} else {
			large = append(large, b)
		}
	}
	return append(out, large...)
}

// alike is the part of two sets' hosts that is in both.
func alike(a, b hostSet) float64 {
	return float64(a.overlap(b)) / float64(a.or(b).count())
}

// quiet reports whether a deviation would count if one host showed it.
func (d *deviation) quiet(r *rates) bool {
	if d.score.explained < 0 || d.known && !d.weak || d.alone {
		return false
	}
	return rare(1, d.compared, r.expected(d, d.compared))+d.score.likes+d.score.spread+min(d.score.prior, 0) >= quietBits
}

// joinStories adds to each deviation what the others of its host set add:
// several hosts that share facts in several queries share a cause, and rows of
// one host that name the same thing are one mechanism.
func (g *group) joinStories(all []*deviation, r *rates) {
	var quietOnes []*deviation
	for _, d := range all {
		if d.quiet(r) {
			quietOnes = append(quietOnes, d)
		}
	}
	g.tellQuiet(quietOnes)
	g.lift(all)
}

// tellQuiet adds to deviations that would count alone what their story adds.
func (g *group) tellQuiet(quietOnes []*deviation) {
	for _, b := range gathered(bundles(quietOnes)) {
		quiet := b.deviations
		if len(quiet) < 2 {
			continue
		}
		if s := b.hosts.count(); s > 1 {
			bits, tables := sharedWeight*log2Choose(len(g.hosts), s), tablesOf(quiet)
			for _, d := range quiet {
				d.score.together = min(bits*float64(min(otherQueries(d, tables), sharedMost)), rarityCap-d.score.rarity)
			}
			continue
		}
		for _, mechanism := range mechanisms(quiet, g.common) {
			tables := tablesOf(mechanism)
			for _, d := range mechanism {
				d.score.together = min(linkedMost, linkedBits*float64(otherQueries(d, tables)))
			}
		}
	}
}

// liftBits is what a new row gains that names the very thing of which another
// query's row is loud: the connection of a program that came with an intruder says
// little by itself, among many, and belongs to it.
const liftBits = 5.0

// lift raises the quiet rows of a mechanism of which others are loud.
func (g *group) lift(all []*deviation) {
	var fresh []*deviation
	for _, d := range all {
		if d.kind == triage.Added && d.score.explained == 0 && !d.known && !d.alone {
			fresh = append(fresh, d)
		}
	}
	for _, b := range bundles(fresh) {
		for _, mechanism := range mechanisms(b.deviations, g.common) {
			loud := map[*table]bool{}
			for _, d := range mechanism {
				if d.score.total() >= thresholdMed && (d.suspicious() || d.novel()) {
					loud[d.table()] = true
				}
			}
			for _, d := range mechanism {
				if loud[d.table()] && len(loud) > 1 || !loud[d.table()] && len(loud) > 0 {
					d.score.together = max(d.score.together, min(liftBits, thresholdMed+d.score.together-d.score.total()))
				}
			}
		}
	}
}

// novel reports whether a row brings a program of its own.
func (d *deviation) novel() bool {
	return slices.ContainsFunc(d.traits, func(t trait) bool { return t.novel })
}

// tablesOf lists the tables of deviations, each once: a flood of rows has few.
func tablesOf(all []*deviation) []*table {
	seen := map[*table]bool{}
	var out []*table
	for _, d := range all {
		if t := d.table(); !seen[t] {
			seen[t] = true
			out = append(out, t)
		}
	}
	return out
}

// otherQueries counts the queries of the tables that are not the deviation's own.
func otherQueries(d *deviation, tables []*table) int {
	names := map[string]bool{}
	for _, t := range tables {
		if t != d.table() {
			names[t.rule.Name] = true
		}
	}
	return len(names)
}

// log2Choose is log2 of the number of ways to choose k of n.
func log2Choose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return (a - b - c) / math.Ln2
}

// mechanisms splits deviations of one host set into those that name the same
// things: a path, a unit, a process id.
func mechanisms(all []*deviation, common map[string]bool) [][]*deviation {
	parent := make([]int, len(all))
	for i := range parent {
		parent[i] = i
	}
	find := func(i int) int {
		for parent[i] != i {
			i = parent[i]
		}
		return i
	}
	owner := map[string]int{}
	for i, d := range all {
		for _, name := range links(d) {
			if common[name] && d.kind == triage.Added {
				continue
			}
			if o, ok := owner[name]; ok {
				parent[find(i)] = find(o)
			} else {
				owner[name] = i
			}
		}
	}
	groups := map[int][]*deviation{}
	var order []int
	for i, d := range all {
		root := find(i)
		if groups[root] == nil {
			order = append(order, root)
		}
		groups[root] = append(groups[root], d)
	}
	out := make([][]*deviation, len(order))
	for i, root := range order {
		out[i] = groups[root]
	}
	return out
}

// links are the strings by which rows of different queries name one thing.
func links(d *deviation) []string {
	row, names := d.row(), subjects(d)
	out := slices.Clone(names)
	for _, s := range names {
		if base := stem(s); base != "" {
			out = append(out, "stem:"+base)
		}
	}
	for _, column := range []string{"cgroup_path", "process.cgroup_path"} {
		if unit := path.Base(row.Value(column)); strings.HasSuffix(unit, ".service") {
			out = append(out, unit, "stem:"+strings.TrimSuffix(unit, ".service"))
		}
	}
	pids := []string{row.Value("pid")}
	if slices.Contains(shells, path.Base(row.Value("parent_path"))) {
		pids = append(pids, row.Value("parent")) // what a script runs is the script's doing
	}
	for _, pid := range pids {
		if n, err := strconv.Atoi(pid); err == nil && n > 1 {
			out = append(out, "pid:"+pid)
		}
	}
	return out
}

// commonSubjects are the strings that rows of most hosts name: they tie nothing
// together.
func (g *group) commonSubjects() map[string]bool {
	common := map[string]bool{}
	for _, t := range g.tables {
		for k, f := range t.every() {
			if 2*f.hosts.count() <= len(g.hosts) {
				continue
			}
			d := &deviation{key: k, fact: f}
			for _, name := range links(d) {
				common[name] = true
			}
		}
	}
	return common
}

// stem is the last part of a path or a unit's name without what follows the
// first dot: sentineld of /opt/sentinel/bin/sentineld and of sentineld.service.
func stem(s string) string {
	base, _, _ := strings.Cut(path.Base(s), ".")
	if len(base) < 4 {
		return ""
	}
	return base
}
