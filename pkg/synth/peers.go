package synth

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"diffy/pkg/pack"
	"diffy/pkg/snapshot"
	"diffy/pkg/triage"
)

// A peer is a simple way to find odd hosts, to hold ours against. It is shown
// one host after the other and then asked.
type peer interface {
	add(h *snapshot.Host)
	result() *triage.Result
}

// rowDiff compares whole rows as they are with one host's, the first it is
// shown, as Netflix's Diffy does with a baseline.
type rowDiff struct {
	reference map[string]bool
	findings  findings
}

func newRowDiff() *rowDiff { return &rowDiff{findings: newFindings()} }

func (d *rowDiff) add(h *snapshot.Host) {
	d.findings.host(h.Name)
	first := d.reference == nil
	if first {
		d.reference = map[string]bool{}
	}
	seen := map[string]bool{}
	for i := range h.Tables {
		t := &h.Tables[i]
		for r := range t.Len() {
			row := t.Raw(r)
			id := t.Query + "\x00" + rowText(row)
			seen[id] = true
			switch {
			case first:
				d.reference[id] = true
			case !d.reference[id]:
				d.findings.add(h.Name, t.Query, triage.Added, id, row)
			}
		}
	}
	if first {
		return
	}
	for id := range d.reference {
		if !seen[id] {
			query, text, _ := strings.Cut(id, "\x00")
			d.findings.add(h.Name, query, triage.Missing, id, parseRow(text))
		}
	}
}

func (d *rowDiff) result() *triage.Result {
	return d.findings.result(func(*triage.Finding) bool { return true })
}

func rowText(row triage.Row) string {
	var b strings.Builder
	for _, k := range sortedKeys(row) {
		b.WriteString(k + "\x01" + row[k] + "\x02")
	}
	return b.String()
}

func parseRow(text string) triage.Row {
	row := triage.Row{}
	for _, cell := range strings.Split(strings.TrimSuffix(text, "\x02"), "\x02") {
		k, v, _ := strings.Cut(cell, "\x01")
		row[k] = v
	}
	return row
}

// leastFrequent counts canonical rows: the columns that a rule compares, with
// own names, addresses, ids and ephemeral ports made alike. What no more than
// one host in fifty has is reported, the rarest first.
type leastFrequent struct {
	findings findings
	rules    map[string]*pack.Query
	known    map[string]string // templated values as they were made alike
}

func newLeastFrequent() *leastFrequent {
	return &leastFrequent{findings: newFindings(), rules: map[string]*pack.Query{}, known: map[string]string{}}
}

func (l *leastFrequent) add(h *snapshot.Host) {
	l.findings.host(h.Name)
	for i := range h.Tables {
		t := &h.Tables[i]
		rule := l.rules[t.Query]
		if rule == nil {
			rule = linux().Rule(t.Query, slices.Sorted(slices.Values(t.Columns)), h.Begin != nil)
			if t.Len() > 0 {
				l.rules[t.Query] = rule
			}
		}
		if rule.Mode == pack.ModeContext {
			continue
		}
		for r := range t.Len() {
			row := t.Raw(r)
			if !counts(rule, row) {
				continue
			}
			id := t.Query
			for _, c := range slices.Concat(rule.Key, rule.Compare) {
				id += "\x00" + l.alike(row[c], rule.Template[c] != "")
			}
			l.findings.add(h.Name, t.Query, triage.Added, id, row)
		}
	}
}

var variable = regexp.MustCompile(`\b10\.\d+\.\d+\.\d+\b|\b172\.(?:1[6-9]|2\d|3[01])\.\d+\.\d+\b|ip-[\d-]+[a-z0-9.-]*|\bi-0[0-9a-f]{16}\b|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F-]{22}|\b[0-9a-f]{12,}\b|\b(?:3[3-9]|[45]\d)\d{3}\b`)

// alike replaces what differs between hosts by itself; hashes and other columns
// without a template stay.
func (l *leastFrequent) alike(value string, templated bool) string {
	if !templated {
		return value
	}
	out, ok := l.known[value]
	if !ok {
		out = variable.ReplaceAllString(value, "*")
		l.known[value] = out
	}
	return out
}

func (l *leastFrequent) result() *triage.Result {
	most := max(1, len(l.findings.scores)/50)
	return l.findings.result(func(f *triage.Finding) bool { return len(f.Hosts) <= most })
}

// findings gathers the findings of a peer.
type findings struct {
	scores map[string]float64
	order  []string
	byID   map[string]*triage.Finding
}

func newFindings() findings {
	return findings{scores: map[string]float64{}, byID: map[string]*triage.Finding{}}
}

func (f *findings) host(name string) {
	f.scores[name] = 0
	f.order = append(f.order, name)
}

func (f *findings) add(host, query string, kind triage.Kind, id string, row triage.Row) {
	id = string(kind) + id
	found := f.byID[id]
	if found == nil {
		found = &triage.Finding{ID: id, Query: query, Kind: kind, Key: row, Severity: triage.Medium}
		if kind == triage.Missing {
			found.Expected = row
		} else {
			found.Row = row
		}
		f.byID[id] = found
	}
	if !slices.Contains(found.Hosts[max(0, len(found.Hosts)-1):], host) {
		found.Hosts = append(found.Hosts, host)
	}
}

// result ranks hosts by the sum of how rare their findings are.
func (f *findings) result(reported func(*triage.Finding) bool) *triage.Result {
	r := &triage.Result{Schema: triage.ResultSchema}
	for _, id := range sortedKeys(f.byID) {
		found := f.byID[id]
		if !reported(found) {
			continue
		}
		found.Why = fmt.Sprintf("on %d of %d hosts", len(found.Hosts), len(f.order))
		r.Findings = append(r.Findings, *found)
		for _, h := range found.Hosts {
			f.scores[h] += 1 / float64(len(found.Hosts))
		}
	}
	for _, h := range f.order {
		r.Hosts = append(r.Hosts, triage.HostResult{Host: h, Status: triage.Examined, Score: f.scores[h]})
	}
	slices.SortStableFunc(r.Hosts, func(a, b triage.HostResult) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Host, b.Host))
	})
	return r
}
