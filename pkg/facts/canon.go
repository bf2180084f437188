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
	c := canonicaliser{set: s, host: host, id: identify(h), snapshot: h, last: s.isLast(h.Name)}
	c.place = s.addHost(host)
	if h.Begin != nil && h.Begin.Collector.Dir != "" {
		c.dir = h.Begin.Collector.Dir + "/"
	}
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
	last     bool // no host of the set comes after this one by name
	id       *identity
	snapshot *snapshot.Host
	dir      string // the collector's folder, with a slash; "" where it is not known

	raw, key []byte   // scratch: a row's cells, raw and canonical
	values   []string // scratch: canonical cells
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
	layout, joined := c.set.layout(t, c.snapshot)
	c.host.Answered = append(c.host.Answered, layout.table.id)
	if block := layout.blocks[&t.Cells[0]]; block != nil && c.last {
		for _, f := range block {
			c.has(f)
		}
		return
	}
	v := newView(layout, t, joined)
	walk := walk{prev: &layout.table.head}
	var block []*Fact
	for r := range t.Len() {
		row := t.Row(r)
		switch {
		case c.ours(&v, row):
			c.host.Own++
		case v.wanted(row):
			f := c.row(&v, &walk, row, r)
			c.has(f)
			if layout.alike && t.Shared() {
				block = append(block, f)
			}
		}
	}
	if block != nil {
		layout.remember(&t.Cells[0], block)
	}
}

// has notes that the host has a fact.
func (c *canonicaliser) has(f *Fact) {
	if n := len(f.Hosts); n == 0 || f.Hosts[n-1] != c.place {
		f.Hosts = append(f.Hosts, c.place)
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
func (c *canonicaliser) ours(v *view, row []string) bool {
	if c.dir != "" && v.path >= 0 {
		if file, below := strings.CutPrefix(row[v.path], c.dir); below && slices.Contains(ownFiles, file) {
			return true
		}
	}
	if c.snapshot.Begin == nil || v.pid < 0 || v.started < 0 {
		return false
	}
	started, ok := c.snapshot.Begin.Collector.Processes[row[v.pid]]
	return ok && started == row[v.started]
}

// ownFiles are the files that the collector has in its folder.
var ownFiles = []string{"osqueryi", "collect.sh"}

// row finds or makes the fact of a row.
func (c *canonicaliser) row(v *view, w *walk, row []string, r int) *Fact {
	var f *Fact
	k := c.known(v, w, row, r)
	if k != nil && !(c.id.maybeIn(k.grams) && c.own(v, row, r)) {
		f = k.fact
		c.example(f, v, row, r)
	} else {
		f = c.fact(v, row, r)
		if k == nil && !c.id.told {
			k = c.set.remember(v.layout.table, c.raw, f, c.grams(v, row, r))
		}
	}
	w.step(k)
	return f
}

// known returns what is remembered of a row, nil for nothing; c.raw holds its
// cells then.
func (c *canonicaliser) known(v *view, w *walk, row []string, r int) *known {
	if k := w.guess(v, row, r); k != nil {
		return k
	}
	c.raw = c.raw[:0]
	for _, col := range v.cells {
		c.raw = appendField(c.raw, v.value(row, r, col.at))
	}
	return v.layout.table.known[string(c.raw)]
}

// fact finds or makes the canonical fact of a row.
func (c *canonicaliser) fact(v *view, row []string, r int) *Fact {
	c.id.told = false
	c.key, c.values = c.key[:0], c.values[:0]
	for _, col := range v.cells {
		value := v.value(row, r, col.at)
		if col.class != "" {
			value = template(col.class, value, c.id)
		}
		c.values = append(c.values, value)
		c.key = appendField(c.key, value)
	}
	if f, ok := v.layout.table.Facts[string(c.key)]; ok {
		c.example(f, v, row, r)
		return f
	}
	values := slices.Clone(c.values)
	together(values)
	f := &Fact{Key: values[:v.keys:v.keys], Values: values[v.keys:], Row: v.raw(row, r), first: c.place}
	v.layout.table.Facts[string(c.key)] = f
	return f
}

// example makes the row the fact's example if it has to be.
func (c *canonicaliser) example(f *Fact, v *view, row []string, r int) {
	if f.first == c.place || !c.last && c.host.Name < c.set.hosts[f.first].Name {
		c.set.keepFirst(f, c.place, v.raw(row, r))
	}
}

// own reports whether something of the host's own is in a row's cells.
func (c *canonicaliser) own(v *view, row []string, r int) bool {
	for _, col := range v.cells {
		if col.class != "" && c.id.in(v.value(row, r, col.at)) {
			return true
		}
	}
	return false
}

// grams marks what is in those cells of a row that are templated.
func (c *canonicaliser) grams(v *view, row []string, r int) (grams uint64) {
	for _, col := range v.cells {
		if col.class != "" {
			grams |= gramsOf(v.value(row, r, col.at))
		}
	}
	return grams
}

// appendField appends a value so that no other list of values reads the same.
func appendField(b []byte, value string) []byte {
	if len(value) < 0x80 {
		b = append(b, byte(len(value)))
	} else {
		b = binary.AppendUvarint(b, uint64(len(value)))
	}
	return append(b, value...)
}

// cutField cuts a value that appendField wrote off the front of s, if it is that.
func cutField(s, value string) (rest string, ok bool) {
	n := len(value)
	for ; n >= 0x80; n >>= 7 {
		if s == "" || s[0] != byte(n)|0x80 {
			return "", false
		}
		s = s[1:]
	}
	if s == "" || s[0] != byte(n) || !strings.HasPrefix(s[1:], value) {
		return "", false
	}
	return s[1+len(value):], true
}
