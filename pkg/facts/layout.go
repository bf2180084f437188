package facts

import (
	"slices"
	"strings"

	"diffy/pkg/pack"
	"diffy/pkg/snapshot"
)

// layout is how rows of one query with the same columns are seen by their rule.
// It is worked out once for all hosts that send such rows.
type layout struct {
	table   *Table
	columns []string // of the rows
	partner []string // columns of the table that is joined; nil for none

	cells []column // those that name the thing, then those that are compared
	keys  int      // how many of them name it
	names []string // of all columns, joined ones too, in order
	order []int    // where each of them is

	filter   *pack.Filter
	filterAt int // -1: the rows lack the filter's column

	path, pid, started int // columns that tell the collector's own rows, -1 for none

	from, on  int      // the columns that the join goes by
	joinNames []string // "processes.path", …
	joinAt    []int    // where they stand in the partner

	alike  bool                // rows alike are the same facts on every host
	blocks map[*string][]*Fact // facts of tables that hosts share, by their first cell
}

// column is a cell of a row: at < 0 says that the rows lack it, at beyond the
// table's own columns that it is joined in.
type column struct {
	class string // template class, "" for none
	at    int
}

// layout finds or makes the layout of a table of a host, and finds the table of
// the same host that its rule joins, nil for none. Mostly the last host had the
// same columns.
func (s *Set) layout(t *snapshot.Table, h *snapshot.Host) (l *layout, joined *snapshot.Table) {
	last, ours := s.latest[t.Query], h.Begin != nil
	if last != nil && last.table.ours == ours && slices.Equal(last.columns, t.Columns) {
		joined = last.table.joins(t, h)
		if joined == nil && last.partner == nil || joined != nil && slices.Equal(last.partner, joined.Columns) {
			return last, joined
		}
	}
	table := s.table(t.Query, t.Columns, ours)
	joined = table.joins(t, h)
	l = newLayout(table, t.Columns, joined)
	s.latest[t.Query] = l
	return l, joined
}

// joins returns the table of the same host that the rule joins, if both have the
// column to go by.
func (t *Table) joins(rows *snapshot.Table, h *snapshot.Host) *snapshot.Table {
	j := t.Rule.Join
	if j == nil || !slices.Contains(rows.Columns, j.Column) {
		return nil
	}
	other := slices.IndexFunc(h.Tables, func(t snapshot.Table) bool { return t.Query == j.Table })
	if other < 0 || !slices.Contains(h.Tables[other].Columns, j.On) {
		return nil
	}
	return &h.Tables[other]
}

func newLayout(t *Table, columns []string, joined *snapshot.Table) *layout {
	l := &layout{table: t, columns: slices.Clone(columns), keys: len(t.Rule.Key), filter: t.Rule.Where, filterAt: -1}
	l.path, l.pid, l.started = slices.Index(columns, "path"), slices.Index(columns, "pid"), slices.Index(columns, "start_time")
	if l.filter != nil {
		l.filterAt = slices.Index(columns, l.filter.Column)
	}
	if joined != nil {
		l.join(t.Rule.Join, joined.Columns)
	}
	all := slices.Concat(l.columns, l.joinNames)
	for _, name := range slices.Concat(t.Rule.Key, t.Rule.Compare) {
		l.cells = append(l.cells, column{class: t.Rule.Template[name], at: slices.Index(all, name)})
	}
	l.sort(all)
	own := l.path >= 0 || l.pid >= 0 && l.started >= 0 // a row may be the collector's
	l.alike = joined == nil && !own && !slices.ContainsFunc(l.cells, func(c column) bool { return c.class != "" })
	return l
}

// maxBlocks is how many shared tables of one layout are remembered.
const maxBlocks = 64

// remember keeps the facts of a table that hosts share.
func (l *layout) remember(first *string, facts []*Fact) {
	if l.blocks == nil || len(l.blocks) == maxBlocks {
		l.blocks = map[*string][]*Fact{}
	}
	l.blocks[first] = facts
}

// join says where the joined columns are.
func (l *layout) join(j *pack.Join, partner []string) {
	l.partner = slices.Clone(partner)
	l.from, l.on = slices.Index(l.columns, j.Column), slices.Index(partner, j.On)
	for _, name := range j.Columns {
		if at := slices.Index(partner, name); at >= 0 {
			l.joinNames = append(l.joinNames, j.As+"."+name)
			l.joinAt = append(l.joinAt, at)
		}
	}
}

// sort lists all columns in the order of their names.
func (l *layout) sort(all []string) {
	l.order = make([]int, len(all))
	for i := range all {
		l.order[i] = i
	}
	slices.SortFunc(l.order, func(a, b int) int { return strings.Compare(all[a], all[b]) })
	l.names = make([]string, len(all))
	for i, at := range l.order {
		l.names[i] = all[at]
	}
}
