// Package facts turns the raw rows of a snapshot into canonical facts: which
// thing a row names, what it says of it, without what differs on every host.
//
// In go hosts as package snapshot read them and the rules of package pack; out
// comes a Set, the facts of many hosts, each once with the hosts that have it.
// Raw rows stay beside the facts, one for each. The package never judges: which
// fact is odd is for detect. It has no clock and no I/O but for encoding a Set.
package facts

import (
	"encoding/binary"
	"slices"
	"strings"

	"diffy/pkg/snapshot"
	"diffy/pkg/triage"
)

// rowCache remembers the fact that a row became, by its table and the cells
// that matter, for rows that hold nothing of their host's own. Most rows of a
// group are the same on every host.
type rowCache map[string]*Fact

// Add adds a host. A host that is there already is an error of that host's
// and changes nothing else.
func (s *Set) Add(h *snapshot.Host) {
	if place, twice := s.index[h.Name]; twice {
		known := s.hosts[place]
		known.Errors = append(known.Errors, triage.QueryError{Error: h.Source + ": the same host was read from " + known.Source + " before; this one is left out"})
		return
	}
	host := &Host{
		Name: h.Name, Source: h.Source, Time: h.Time, Cut: h.Cut,
		Foreign: h.Begin == nil && !h.Cut, Errors: slices.Clone(h.Errors),
	}
	c := canonicaliser{set: s, host: host, place: s.addHost(host), id: identify(h), snapshot: h}
	for i := range h.Tables {
		c.table(&h.Tables[i])
	}
	slices.Sort(host.Answered)
	host.Answered = slices.Compact(host.Answered)
	for _, e := range h.Errors {
		if e.Query != "" {
			host.Broken = append(host.Broken, e.Query)
		}
	}
	slices.Sort(host.Broken)
	host.Broken = slices.Compact(host.Broken)
}

// canonicaliser turns the rows of one host into facts.
type canonicaliser struct {
	set      *Set
	host     *Host
	place    uint32
	id       *identity
	snapshot *snapshot.Host
	key, raw []byte // scratch
}

func (c *canonicaliser) table(t *snapshot.Table) {
	c.host.Rows += t.Len()
	if t.Cut {
		c.host.Broken = append(c.host.Broken, t.Query)
	}
	if t.Len() == 0 {
		// Without rows there are no columns to tell the rule by: the answer
		// counts for every table of this query.
		c.host.Answered = append(c.host.Answered, t.Query)
		return
	}
	if t.Query == "uptime" || t.Query == "host_identity" {
		c.uptime(t)
	}
	table := c.set.table(t.Query, t.Columns, c.snapshot.Begin != nil)
	c.host.Answered = append(c.host.Answered, table.id)
	view := newView(t, table.Rule, c.snapshot)
	for r := range t.Len() {
		switch {
		case c.ours(t, r):
			c.host.Own++
		case view.wanted(r):
			c.row(table, view, r)
		}
	}
}

func (c *canonicaliser) uptime(t *snapshot.Table) {
	for _, column := range []string{"uptime_s", "total_seconds"} {
		if i := slices.Index(t.Columns, column); i >= 0 && t.Len() > 0 {
			if n, ok := decimal(t.Row(0)[i]); ok {
				c.host.Uptime = n
			}
		}
	}
}

// ours reports whether a row is the collector's own doing: exactly its
// programs' paths, or one of its pairs of pid and start time.
func (c *canonicaliser) ours(t *snapshot.Table, r int) bool {
	if c.snapshot.Begin == nil {
		return false
	}
	own := &c.snapshot.Begin.Collector
	row := t.Row(r)
	if i := slices.Index(t.Columns, "path"); i >= 0 && own.Dir != "" {
		if file, below := strings.CutPrefix(row[i], own.Dir+"/"); below && slices.Contains(ownFiles, file) {
			return true
		}
	}
	p, s := slices.Index(t.Columns, "pid"), slices.Index(t.Columns, "start_time")
	if p < 0 || s < 0 {
		return false
	}
	started, ok := own.Processes[row[p]]
	return ok && started == row[s]
}

// ownFiles are the files that the collector has in its folder.
var ownFiles = []string{"osqueryi", "collect.sh"}

// row adds one row to the facts of its table.
func (c *canonicaliser) row(table *Table, v *view, r int) {
	c.raw = append(c.raw[:0], table.id...)
	own := false
	for _, col := range v.identifying {
		value := v.value(r, col.at)
		own = own || col.class != "" && c.id.in(value)
		c.raw = appendField(c.raw, value)
	}
	if !own {
		if f, ok := c.set.rows[string(c.raw)]; ok {
			c.seen(f, v, r)
			return
		}
	}
	f := c.fact(table, v, r)
	if !own {
		c.set.rows[string(c.raw)] = f
	}
	c.seen(f, v, r)
}

// fact finds or makes the canonical fact of a row.
func (c *canonicaliser) fact(table *Table, v *view, r int) *Fact {
	values := make([]string, 0, len(v.key)+len(v.compare))
	c.key = c.key[:0]
	for _, col := range v.key {
		values = append(values, c.canonical(col, v.value(r, col.at)))
		c.key = appendField(c.key, values[len(values)-1])
	}
	for _, col := range v.compare {
		values = append(values, c.canonical(col, v.value(r, col.at)))
		c.key = appendField(c.key, values[len(values)-1])
	}
	if f, ok := table.Facts[string(c.key)]; ok {
		return f
	}
	for i := range values {
		values[i] = strings.Clone(values[i])
	}
	f := &Fact{Key: values[:len(v.key):len(v.key)], Values: values[len(v.key):], Row: v.raw(r), first: c.place}
	table.Facts[string(c.key)] = f
	return f
}

func (c *canonicaliser) canonical(col column, value string) string {
	if col.class == "" {
		return value
	}
	return template(col.class, value, c.id)
}

func (c *canonicaliser) seen(f *Fact, v *view, r int) {
	if n := len(f.Hosts); n == 0 || f.Hosts[n-1] != c.place {
		f.Hosts = append(f.Hosts, c.place)
	}
	if f.first == c.place || c.host.Name < c.set.hosts[f.first].Name {
		c.set.keepFirst(f, c.place, v.raw(r))
	}
}

// appendField appends a value so that no other list of values reads the same.
func appendField(b []byte, value string) []byte {
	b = binary.AppendUvarint(b, uint64(len(value)))
	return append(b, value...)
}
