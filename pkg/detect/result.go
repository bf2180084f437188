package detect

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"slices"
	"strings"

	"diffy/pkg/facts"
	"diffy/pkg/triage"
)

// A flood is this many rare rows of one query on the same hosts: they are one
// finding.
const flood = 40

// mostQuiet is how many findings below medium a result lists of one query.
const mostQuiet = 200

// builder makes the Result of scored deviations.
type builder struct {
	in      Input
	group   *group
	used    []triage.Method
	notes   []string
	finding map[*deviation]*triage.Finding
}

func (b *builder) result(found []*deviation, baselines []triage.BaselineResult) *triage.Result {
	found = b.folded(found)
	b.finding = map[*deviation]*triage.Finding{}
	b.notes = append(b.notes, b.in.Notes...)
	r := &triage.Result{
		Schema: triage.ResultSchema, Hosts: []triage.HostResult{}, Findings: []triage.Finding{}, Stories: []triage.Story{},
		Pivots: []triage.PivotResult{}, Suppressed: []triage.Suppressed{},
	}
	r.Group = triage.GroupResult{Key: b.in.Group, Methods: b.used, Baselines: baselines, Subpopulations: b.subpopulations()}
	if r.Group.Baselines == nil {
		r.Group.Baselines = []triage.BaselineResult{}
	}
	for _, d := range found {
		if bits := d.score.total(); bits >= leastShown {
			f := b.newFinding(d)
			b.finding[d] = &f
		}
	}
	r.Suppressed = b.suppress()
	r.Stories = b.stories(found)
	r.Pivots = b.pivots(found)
	r.Findings = b.findings(found)
	r.Hosts = b.hosts(found, r)
	b.noteBaselines(baselines)
	b.noteTrust(found)
	b.noteClocks()
	r.Notes = sortedNotes(b.notes)
	return r
}

// folded replaces floods: many rare rows of one query and kind on the same
// hosts become the highest of them, which counts the rest.
func (b *builder) folded(found []*deviation) []*deviation {
	groups := map[string][]*deviation{}
	for _, d := range found {
		d.rows = 1
		id := string(d.kind) + "\x00" + d.table().id + "\x00" + d.hosts.key()
		groups[id] = append(groups[id], d)
	}
	gone := map[*deviation]bool{}
	for _, g := range groups {
		if len(g) <= flood {
			continue
		}
		slices.SortFunc(g, compareDeviations)
		g[0].rows = len(g)
		for _, d := range g[1:] {
			gone[d] = true
		}
	}
	found = slices.DeleteFunc(found, func(d *deviation) bool { return gone[d] })
	slices.SortFunc(found, compareDeviations)
	return found
}

// compareDeviations puts the highest score first; what follows only makes the
// order the same every time.
func compareDeviations(a, b *deviation) int {
	if c := cmp.Compare(round(b.score.total()), round(a.score.total())); c != 0 {
		return c
	}
	if c := cmp.Or(cmp.Compare(a.table().rule.Name, b.table().rule.Name), cmp.Compare(a.table().id, b.table().id)); c != 0 {
		return c
	}
	if c := slices.Compare(a.key.columns, b.key.columns); c != 0 {
		return c
	}
	return cmp.Or(
		cmp.Compare(a.kind, b.kind),
		slices.Compare(values(a), values(b)),
		cmp.Compare(a.hosts.first(), b.hosts.first()),
	)
}

func values(d *deviation) []string {
	if d.fact != nil {
		return d.fact.Values
	}
	return d.expected.Values
}

// round gives a score the one decimal that is shown.
func round(bits float64) float64 { return math.Round(bits*10) / 10 }

func (b *builder) newFinding(d *deviation) triage.Finding {
	bits := round(d.score.total())
	f := triage.Finding{
		ID: b.id(d), Hosts: b.names(d.hosts), HostsWith: d.hosts.count(), HostsCompared: max(d.compared, d.hosts.count()), Rows: d.rows,
		Query: d.table().rule.Name, Kind: d.kind, Methods: methods(d), ChangedColumns: []string{}, Score: bits, Severity: severity(bits, d.grave()),
		Techniques: techniques(d), Why: b.group.why(d),
	}
	if d.fact != nil {
		f.Row = d.fact.Row.Sent()
		f.Key = keyOf(d.table().rule.Key, d.fact.Row)
	} else {
		f.Key = keyOf(d.table().rule.Key, d.expected.Row)
	}
	if d.expected != nil {
		f.Expected = d.expected.Row.Sent()
	}
	if d.changed != nil {
		f.ChangedColumns = slices.DeleteFunc(slices.Clone(d.changed), func(c string) bool { return strings.Contains(c, ".") })
	}
	return f
}

// keyOf returns the raw values of the key columns that the host sent.
func keyOf(columns []string, row facts.Raw) triage.Row {
	sent, key := row.Sent(), triage.Row{}
	for _, c := range columns {
		if v, ok := sent[c]; ok {
			key[c] = v
		}
	}
	return key
}

// id is stable from run to run: it is made of what the finding is, not of who
// shows it.
func (b *builder) id(d *deviation) string {
	parts := []string{b.in.Group, d.table().rule.Name, string(d.kind), joinKey(d.key.columns)}
	switch {
	case d.kind == triage.Added:
		parts = append(parts, joinKey(d.fact.Values))
	case d.kind == triage.Changed:
		for i, c := range d.table().rule.Compare {
			if slices.Contains(d.changed, c) {
				parts = append(parts, c, d.fact.Values[i])
			}
		}
	}
	sum := sha256.Sum256([]byte(joinKey(parts)))
	return hex.EncodeToString(sum[:8])
}

func (b *builder) names(hosts hostSet) []string {
	names := []string{}
	hosts.each(func(h int) { names = append(names, b.group.hosts[h].Name) })
	return names
}

func methods(d *deviation) []triage.Method {
	out := []triage.Method{}
	if d.alone || d.score.baseline > 0 {
		out = append(out, triage.ByBaseline)
	}
	if !d.alone && d.score.rarity > 0 {
		out = append(out, triage.ByCluster)
	}
	if d.score.floor > 0 {
		out = append(out, triage.ByRule)
	}
	if len(out) == 0 {
		out = append(out, triage.ByCluster)
	}
	return out
}

// narrow are the queries whose rows are one technique each: those name it even
// when no trait does.
const narrow = 2

func techniques(d *deviation) []string {
	out := []string{}
	for _, t := range d.traits {
		if t.technique != "" && !slices.Contains(out, t.technique) {
			out = append(out, t.technique)
		}
	}
	if own := d.table().rule.Techniques; len(own) > 0 && len(own) <= narrow && len(out) == 0 {
		out = append(out, own[0])
	}
	slices.Sort(out)
	return out
}

// findings lists what is shown: everything a responder is asked to read, and of
// each query the highest of the rest.
func (b *builder) findings(found []*deviation) []triage.Finding {
	quiet := map[string]int{}
	out := []triage.Finding{}
	for _, d := range found {
		f := b.finding[d]
		if f == nil {
			continue
		}
		if !f.Severity.Loud() {
			if quiet[f.Query]++; quiet[f.Query] > mostQuiet {
				continue
			}
		}
		out = append(out, *f)
	}
	slices.SortStableFunc(out, func(a, b triage.Finding) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Query, b.Query), cmp.Compare(a.ID, b.ID))
	})
	return out
}

func (b *builder) subpopulations() []triage.Subpopulation {
	out := []triage.Subpopulation{}
	for i, cell := range b.group.cells {
		if cell.count() > 0 {
			out = append(out, triage.Subpopulation{ID: cellName(i), Hosts: cell.count(), Explains: b.group.explains(i)})
		}
	}
	return out
}

func sortedNotes(notes []string) []string {
	out := slices.Clone(notes)
	slices.Sort(out)
	if out = slices.Compact(out); out == nil {
		out = []string{}
	}
	return out
}
