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

// pivots looks for each value on every host.
func (b *builder) pivots(found []*deviation) []triage.PivotResult {
	out := []triage.PivotResult{}
	for _, p := range b.in.Pivots {
		seen, told := newHostSet(len(b.group.hosts)), newHostSet(len(b.group.hosts))
		for _, t := range b.group.tables {
			if !asks(t, p) {
				continue
			}
			told = told.or(t.answered)
			for _, k := range t.keys {
				for _, f := range k.facts {
					if matches(t, f.Row, p) {
						seen = seen.or(f.hosts)
						if 2*f.hosts.count() <= len(b.group.hosts) { // what most hosts have is no lead
							b.raise(found, f, p)
						}
					}
				}
			}
		}
		r := triage.PivotResult{Kind: p.Kind, Value: p.Value, Seen: b.names(seen), NotSeen: b.names(told.minus(seen)), Unknown: b.names(b.group.all.minus(told).minus(seen))}
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

// asks reports whether a query's rows can hold the value of a pivot.
func asks(t *table, p triage.Pivot) bool {
	if p.Kind == triage.PivotModule && t.rule.Name == "kernel_modules" {
		return true
	}
	for _, k := range t.keys {
		for _, f := range k.facts {
			return slices.ContainsFunc(pivotColumns[p.Kind], func(c string) bool { return slices.Contains(f.Row.Columns, c) })
		}
	}
	return false
}

func matches(t *table, row facts.Raw, p triage.Pivot) bool {
	if p.Kind == triage.PivotModule && t.rule.Name == "kernel_modules" && row.Value("name") == p.Value {
		return true
	}
	for _, c := range pivotColumns[p.Kind] {
		v := row.Value(c)
		if v == p.Value {
			return true
		}
		if p.Value != "" && (slices.Contains(partial, p.Kind) || c == "cmdline" || c == "command") && strings.Contains(v, p.Value) {
			return true
		}
	}
	return false
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
