package facts

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"diffy/pkg/pack"
	"diffy/pkg/triage"
)

// Set is the canonical facts of some hosts. Sets of different hosts merge in
// any order and grouping to the same Set. The zero value is not usable.
type Set struct {
	pack   *pack.Pack
	hosts  []*Host
	index  map[string]uint32  // host name → place in hosts
	tables map[string]*Table  // by name and rule
	ruled  map[string]*Table  // by query and columns: which table rows go to
	latest map[string]*layout // by query: how its rows looked last
	last   string             // the host that is last by name

	knownBytes int // that remembered rows take
}

// Host is what a Set knows of one host besides its facts.
type Host struct {
	Name     string
	Source   string
	Time     int64 // Unix seconds by the host's clock
	Uptime   int64 // seconds, 0 when unknown
	Cut      bool
	Foreign  bool // a log of somebody else's: complete as far as it goes
	Rows     int
	Own      int      // rows of the collector's own doing, left out
	Answered []string // tables by id; a query without rows by its name
	Broken   []string // queries whose answer is not whole: what is missing there means nothing
	Errors   []triage.QueryError
}

// Table is the facts of one query under one rule.
type Table struct {
	Rule    *pack.Query
	Facts   map[string]*Fact // by canonical identity
	columns []string         // that chose the rule
	id      string           // its name in a Set
	ours    bool
	known   map[string]*known // rows that have been met, by their cells
	head    known             // before the first row
}

// Fact is one canonical row: what it is (Key), what it says (Values, in the
// order of the rule's compared columns), and which hosts have it.
type Fact struct {
	Key    []string
	Values []string
	Hosts  []uint32 // places in Set.hosts, ascending
	Row    Raw      // as the first host by name sent it
	first  uint32   // that host
}

// Raw is a row as sent. Columns that were joined in from another query have a
// dot in their name and are no part of it; see Split.
type Raw struct {
	Columns []string
	Values  []string
}

// Value returns the raw value of a column, "" when the row had none.
func (r Raw) Value(column string) string {
	for i, c := range r.Columns {
		if c == column {
			return r.Values[i]
		}
	}
	return ""
}

// Sent returns the columns that the host itself sent.
func (r Raw) Sent() triage.Row {
	row := make(triage.Row, len(r.Columns))
	for i, c := range r.Columns {
		if !joined(c) {
			row[c] = r.Values[i]
		}
	}
	return row
}

func joined(column string) bool { return strings.Contains(column, ".") }

// NewSet returns an empty Set whose facts follow the rules of p.
func NewSet(p *pack.Pack) *Set {
	return &Set{pack: p, index: map[string]uint32{}, tables: map[string]*Table{}, ruled: map[string]*Table{}, latest: map[string]*layout{}}
}

// Hosts returns the hosts in name order.
func (s *Set) Hosts() []*Host {
	hosts := slices.Clone(s.hosts)
	slices.SortFunc(hosts, func(a, b *Host) int { return cmp.Compare(a.Name, b.Name) })
	return hosts
}

// PivotNames returns the names that evidence has for queries that ask for a pivot's
// value itself.
func (s *Set) PivotNames(p triage.Pivot) (names []string) {
	for _, q := range s.pack.PivotQueries(p) {
		names = append(names, q.Name)
	}
	return names
}

// Host returns the host at a place that a Fact names.
func (s *Set) Host(place uint32) *Host { return s.hosts[place] }

// Place returns the place of a host by name.
func (s *Set) Place(name string) (uint32, bool) {
	place, ok := s.index[name]
	return place, ok
}

// Tables returns the tables in the order of their names.
func (s *Set) Tables() []*Table {
	names := make([]string, 0, len(s.tables))
	for name := range s.tables {
		names = append(names, name)
	}
	slices.Sort(names)
	tables := make([]*Table, len(names))
	for i, name := range names {
		tables[i] = s.tables[name]
	}
	return tables
}

// ID names the table among those of a Set: the query and the rule it follows.
func (t *Table) ID() string { return t.id }

// Sorted returns the facts in the order of their canonical identity.
func (t *Table) Sorted() []*Fact {
	facts := make([]*Fact, 0, len(t.Facts))
	for _, f := range t.Facts {
		facts = append(facts, f)
	}
	slices.SortFunc(facts, func(a, b *Fact) int {
		if c := slices.Compare(a.Key, b.Key); c != 0 {
			return c
		}
		return slices.Compare(a.Values, b.Values)
	})
	return facts
}

// Merge adds the hosts of another Set. A host may be in one of them only.
func (s *Set) Merge(o *Set) error {
	place := make([]uint32, len(o.hosts))
	for i, h := range o.hosts {
		if _, twice := s.index[h.Name]; twice {
			return fmt.Errorf("merge facts: host %q is in both sets", h.Name)
		}
		place[i] = s.addHost(h)
	}
	for name, from := range o.tables {
		to := s.tables[name]
		if to == nil {
			to = &Table{Rule: from.Rule, Facts: make(map[string]*Fact, len(from.Facts)), columns: from.columns, ours: from.ours, id: name}
			s.tables[name] = to
		}
		for id, f := range from.Facts {
			hosts := make([]uint32, len(f.Hosts))
			for i, h := range f.Hosts {
				hosts[i] = place[h]
			}
			slices.Sort(hosts)
			first := place[f.first]
			g := to.Facts[id]
			if g == nil {
				to.Facts[id] = &Fact{Key: f.Key, Values: f.Values, Hosts: hosts, Row: f.Row, first: first}
				continue
			}
			g.Hosts = append(g.Hosts, hosts...) // in order: hosts that are added come after all others
			s.keepFirst(g, first, f.Row)
		}
	}
	return nil
}

// table finds or makes the table of a query under the rule that fits its
// columns, in whatever order the rows have them. Rows of one query that follow
// different rules are different tables: their facts cannot be compared.
func (s *Set) table(query string, columns []string, ours bool) *Table {
	columns = slices.Sorted(slices.Values(columns))
	asked := strings.Join(columns, "\x00") + "\x00\x00" + query
	if ours {
		asked += "\x00ours"
	}
	if t := s.ruled[asked]; t != nil {
		return t
	}
	t := s.newTable(query, columns, ours)
	s.ruled[asked] = t
	return t
}

func (s *Set) newTable(query string, columns []string, ours bool) *Table {
	rule := s.pack.Rule(query, columns, ours)
	name := strings.Join([]string{query, rule.Name, strings.Join(rule.Key, ","), strings.Join(rule.Compare, ",")}, "\x00")
	if t := s.tables[name]; t != nil {
		return t
	}
	t := &Table{Rule: named(rule, query), Facts: map[string]*Fact{}, columns: columns, ours: ours}
	t.id = name
	s.tables[name] = t
	return t
}

// named gives a rule the name that the evidence has for its query.
func named(rule *pack.Query, query string) *pack.Query {
	if rule.Name == query {
		return rule
	}
	renamed := *rule
	renamed.Name = query
	return &renamed
}

// identity is what makes a fact itself: its canonical key and values.
func (f *Fact) identity() string {
	var b []byte
	for _, value := range f.Key {
		b = appendField(b, value)
	}
	for _, value := range f.Values {
		b = appendField(b, value)
	}
	return string(b)
}

func (s *Set) addHost(h *Host) uint32 {
	place := uint32(len(s.hosts))
	s.hosts = append(s.hosts, h)
	s.index[h.Name] = place
	s.last = max(s.last, h.Name)
	return place
}

// isLast reports whether a host comes after all others by name.
func (s *Set) isLast(name string) bool { return name >= s.last }

// keepFirst makes row the fact's example if its host comes before the one of
// the present example, or it is the same host's and comes before it: then the
// order in which hosts and rows arrive does not show.
func (s *Set) keepFirst(f *Fact, host uint32, row Raw) {
	if f.first == host {
		if cmp.Or(slices.Compare(row.Columns, f.Row.Columns), slices.Compare(row.Values, f.Row.Values)) >= 0 {
			return
		}
	} else if s.hosts[host].Name >= s.hosts[f.first].Name {
		return
	}
	f.first, f.Row = host, row
}
