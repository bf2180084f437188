package facts

import (
	"slices"
	"strings"

	"diffy/pkg/pack"
	"diffy/pkg/snapshot"
)

// view is a table as its rule sees it: which cells name the thing, which are
// compared, and what a join brings in from another query of the same host.
type view struct {
	table       *snapshot.Table
	key         []column
	compare     []column
	identifying []column // every cell that is not volatile: rows alike in them are one fact
	names       []string // of all columns, in order
	order       []int    // where each of them is
	filter      *pack.Filter
	filterAt    int
	joined      *snapshot.Table // nil when the rule joins nothing or the other query is not there
	joinedRow   []int           // row of this table → row of joined, -1 for none
	joinNames   []string        // "processes.path", …
	joinAt      []int           // where they stand in joined
}

// column is a cell of the view: at < 0 says that the rows lack it, at beyond
// the table's own columns that it is joined in.
type column struct {
	name  string
	class string // template class, "" for none
	at    int
}

func newView(t *snapshot.Table, rule *pack.Query, h *snapshot.Host) *view {
	v := &view{table: t, filter: rule.Where, filterAt: -1}
	v.join(rule.Join, h)
	for _, name := range rule.Key {
		v.key = append(v.key, v.column(name, rule))
	}
	for _, name := range rule.Compare {
		v.compare = append(v.compare, v.column(name, rule))
	}
	for i, name := range t.Columns {
		if !slices.Contains(rule.Volatile, name) {
			v.identifying = append(v.identifying, column{name: name, class: rule.Template[name], at: i})
		}
	}
	for i, name := range v.joinNames {
		v.identifying = append(v.identifying, column{name: name, class: rule.Template[name], at: len(t.Columns) + i})
	}
	v.sort()
	if v.filter != nil {
		v.filterAt = slices.Index(t.Columns, v.filter.Column)
	}
	return v
}

// sort lists all columns, joined ones too, in the order of their names.
func (v *view) sort() {
	names := append(slices.Clone(v.table.Columns), v.joinNames...)
	v.order = make([]int, len(names))
	for i := range names {
		v.order[i] = i
	}
	slices.SortFunc(v.order, func(a, b int) int { return strings.Compare(names[a], names[b]) })
	v.names = make([]string, len(names))
	for i, at := range v.order {
		v.names[i] = names[at]
	}
}

// column finds a column by name, of the table or joined in.
func (v *view) column(name string, rule *pack.Query) column {
	at := slices.Index(v.table.Columns, name)
	if at < 0 {
		if i := slices.Index(v.joinNames, name); i >= 0 {
			at = len(v.table.Columns) + i
		}
	}
	return column{name: name, class: rule.Template[name], at: at}
}

// join looks each row's partner up, by the column that both have.
func (v *view) join(j *pack.Join, h *snapshot.Host) {
	if j == nil {
		return
	}
	from := slices.Index(v.table.Columns, j.Column)
	other := slices.IndexFunc(h.Tables, func(t snapshot.Table) bool { return t.Query == j.Table })
	if from < 0 || other < 0 {
		return
	}
	v.joined = &h.Tables[other]
	on := slices.Index(v.joined.Columns, j.On)
	if on < 0 {
		v.joined = nil
		return
	}
	rows := make(map[string]int, v.joined.Len())
	for r := range v.joined.Len() {
		rows[v.joined.Row(r)[on]] = r
	}
	v.joinedRow = make([]int, v.table.Len())
	for r := range v.joinedRow {
		partner, ok := rows[v.table.Row(r)[from]]
		if !ok {
			partner = -1
		}
		v.joinedRow[r] = partner
	}
	for _, name := range j.Columns {
		if at := slices.Index(v.joined.Columns, name); at >= 0 {
			v.joinNames = append(v.joinNames, j.As+"."+name)
			v.joinAt = append(v.joinAt, at)
		}
	}
}

func (v *view) value(r, at int) string {
	switch own := len(v.table.Columns); {
	case at < 0:
		return ""
	case at < own:
		return v.table.Row(r)[at]
	case v.joinedRow[r] < 0:
		return ""
	default:
		return v.joined.Row(v.joinedRow[r])[v.joinAt[at-own]]
	}
}

// wanted reports whether the rule's row filter lets a row through.
func (v *view) wanted(r int) bool {
	if v.filterAt < 0 {
		return true
	}
	return v.filter.Keep(v.table.Row(r)[v.filterAt])
}

// raw copies a row out of the evidence, columns in the order of their names,
// so that the order in which the host sent them does not show.
func (v *view) raw(r int) Raw {
	raw := Raw{Columns: v.names, Values: make([]string, 0, len(v.names))}
	size := 0
	for i, at := range v.order {
		if at < len(v.table.Columns) && !v.table.Has(r, at) {
			if len(raw.Columns) == len(v.names) {
				raw.Columns = slices.Clone(v.names[:i])
			}
			continue
		}
		if len(raw.Columns) != len(v.names) {
			raw.Columns = append(raw.Columns, v.names[i])
		}
		raw.Values = append(raw.Values, v.value(r, at))
		size += len(raw.Values[len(raw.Values)-1])
	}
	var b strings.Builder
	b.Grow(size)
	for _, value := range raw.Values {
		b.WriteString(value)
	}
	all := b.String()
	for i, value := range raw.Values {
		raw.Values[i], all = all[:len(value)], all[len(value):]
	}
	return raw
}
