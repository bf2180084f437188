package detect

import (
	"slices"
	"strings"

	"diffy/pkg/facts"
	"diffy/pkg/triage"
)

// pivotColumns are the columns in which a pivot's value can stand, by kind.
var pivotColumns = map[triage.PivotKind][]string{
	triage.PivotPath:    {"path", "process.path", "proc_path", "map_path", "fragment_path", "source_path", "parent_path", "symlink_target_path", "key_file", "cmdline", "command"},
	triage.PivotSHA256:  {"sha256", "key_sha256"},
	triage.PivotCmdline: {"cmdline", "process.cmdline", "command"},
	triage.PivotParent:  {"parent_path", "parent_name"},
	triage.PivotModule:  {"module"},
	triage.PivotPreload: {"value", "path"},
	triage.PivotIP:      {"remote_address", "address", "host", "b", "command", "cmdline"},
	triage.PivotPort:    {"port", "remote_port", "local_port"},
	triage.PivotDomain:  {"b", "hostnames", "host", "command", "cmdline"},
	triage.PivotUser:    {"username", "user"},
}

// partial kinds are found inside longer values too.
var partial = []triage.PivotKind{triage.PivotCmdline, triage.PivotDomain, triage.PivotIP, triage.PivotPreload}

// sight is what the facts tell of one pivot.
type sight struct {
	seen  hostSet
	maybe hostSet // have the canonical form, and the raw value is not kept for them
	told  hostSet // answered a query whose rows could hold the value
}

// pivots looks for each value on every host.
func (b *builder) pivots(found []*deviation) []triage.PivotResult {
	out := []triage.PivotResult{}
	for _, p := range b.in.Pivots {
		s := b.look(p, found)
		maybe := s.maybe.minus(s.seen)
		r := triage.PivotResult{
			Kind: p.Kind, Value: p.Value, Seen: b.names(s.seen), NotSeen: b.names(s.told.minus(s.seen).minus(maybe)),
			Unknown: b.names(b.group.all.minus(s.told).or(maybe).minus(s.seen)),
		}
		for _, o := range b.in.Outcomes {
			if _, ok := b.number(o.Host); !ok {
				r.Unknown = append(r.Unknown, o.Host)
			}
		}
		slices.Sort(r.Unknown)
		out = append(out, r)
	}
	return out
}

// look goes through all that hosts have answered. Where the run has asked for the
// value itself, those answers decide who can tell: another query that could hold it
// proves nothing by not having it.
func (b *builder) look(p triage.Pivot, found []*deviation) sight {
	n := len(b.group.hosts)
	s := sight{newHostSet(n), newHostSet(n), newHostSet(n)}
	own := b.in.Set.PivotNames(p)
	for _, t := range b.group.tables {
		switch {
		case slices.Contains(own, t.rule.Name):
			b.lookAtAll(&s, t, p, found)
		case len(t.rule.Pivots) > 0: // asked for another value, and may show this one all the same
			b.lookThrough(&s, t, p, found)
		case asks(t, p):
			s.told = s.told.or(t.answered)
			b.lookThrough(&s, t, p, found)
		}
	}
	if told, asked := b.answered(own); asked {
		s.told, s.maybe = told, s.maybe.minus(told)
	}
	return s
}

// lookThrough holds each fact of a query against a pivot.
func (b *builder) lookThrough(s *sight, t *table, p triage.Pivot, found []*deviation) {
	for _, f := range t.every() {
		b.lookAt(s, t, f, p, found)
	}
}

// lookAtAll takes every row of a query that asked for the value: it has no others.
func (b *builder) lookAtAll(s *sight, t *table, p triage.Pivot, found []*deviation) {
	for _, f := range t.every() {
		s.seen = s.seen.or(f.hosts)
		b.lead(found, f, p)
	}
}

// answered returns the hosts that have answered all of these queries, and whether
// any host was asked one of them.
func (b *builder) answered(queries []string) (all hostSet, asked bool) {
	all = newHostSet(len(b.group.hosts))
	for i, h := range b.group.hosts {
		whole := len(queries) > 0
		for _, query := range queries {
			broken := slices.Contains(h.Broken, query)
			told := slices.ContainsFunc(h.Answered, func(table string) bool {
				name, _, _ := strings.Cut(table, "\x00")
				return name == query
			})
			asked = asked || told || broken
			whole = whole && told && !broken
		}
		if whole {
			all.add(i)
		}
	}
	return all, asked
}

// lookAt holds one fact against a pivot. The raw row is the first host's; where
// the value went through a template, the others have the same canonical form and
// any raw value of that form.
func (b *builder) lookAt(s *sight, t *table, f *fact, p triage.Pivot, found []*deviation) {
	column := matching(t, f.Row, p)
	switch {
	case column == "" && couldHold(t, f, p):
		s.maybe = s.maybe.or(f.hosts)
		return
	case column == "":
		return
	case folded(t, column, f.Row.Value(column)):
		s.seen.add(f.hosts.first())
		s.maybe = s.maybe.or(f.hosts)
	default:
		s.seen = s.seen.or(f.hosts)
	}
	b.lead(found, f, p)
}

// lead raises what few hosts have: what most have leads nowhere.
func (b *builder) lead(found []*deviation, f *fact, p triage.Pivot) {
	if 2*f.hosts.count() <= len(b.group.hosts) {
		b.raise(found, f, p)
	}
}

// folded reports whether a column's template makes another value of this one.
func folded(t *table, column, value string) bool {
	class := t.rule.Template[column]
	return class != "" && facts.Canonical(class, value) != value
}

// couldHold reports whether a fact has the canonical form of a pivot's value in
// a column where that is not the value itself.
func couldHold(t *table, f *fact, p triage.Pivot) bool {
	for _, column := range pivotColumns[p.Kind] {
		if class := t.rule.Template[column]; class != "" && folded(t, column, p.Value) && f.canonical(t, column) == facts.Canonical(class, p.Value) {
			return true
		}
	}
	return false
}

// canonical returns the canonical value of a key or compared column.
func (f *fact) canonical(t *table, column string) string {
	if i := slices.Index(t.rule.Key, column); i >= 0 {
		return f.Key[i]
	}
	if i := slices.Index(t.rule.Compare, column); i >= 0 {
		return f.Values[i]
	}
	return ""
}

// asks reports whether a query's rows can hold the value of a pivot.
func asks(t *table, p triage.Pivot) bool {
	if p.Kind == triage.PivotModule && t.rule.Name == "kernel_modules" {
		return true
	}
	for _, f := range t.every() {
		return slices.ContainsFunc(pivotColumns[p.Kind], func(c string) bool { return slices.Contains(f.Row.Columns, c) })
	}
	return false
}

// matching returns the column of a row in which a pivot's value stands, "" if
// none.
func matching(t *table, row facts.Raw, p triage.Pivot) string {
	if p.Kind == triage.PivotModule && t.rule.Name == "kernel_modules" && row.Value("name") == p.Value {
		return "name"
	}
	for _, c := range pivotColumns[p.Kind] {
		v := row.Value(c)
		inside := slices.Contains(partial, p.Kind) || c == "cmdline" || c == "command"
		if v == p.Value || p.Value != "" && inside && strings.Contains(v, p.Value) {
			return c
		}
	}
	return ""
}

// raise lifts the findings of a row that was asked for.
func (b *builder) raise(found []*deviation, f *fact, p triage.Pivot) {
	for _, d := range found {
		finding := b.finding[d]
		if d.fact != f || finding == nil {
			continue
		}
		if !slices.Contains(finding.Methods, triage.ByPivot) {
			finding.Methods = append(finding.Methods, triage.ByPivot)
			finding.Why += "; it was asked for"
		}
		if finding.Score < thresholdMed {
			finding.Score = thresholdMed
		}
		finding.Severity = severity(finding.Score, true)
	}
}
