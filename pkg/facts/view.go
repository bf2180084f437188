package facts

import (
	"slices"
	"strings"

	"diffy/pkg/snapshot"
)

// view is a host's table as its rule sees it, with what a join brings in from
// another query of the same host.
type view struct {
	*layout
	table     *snapshot.Table
	joined    *snapshot.Table // nil when the rule joins nothing or the other query is not there
	joinedRow []int           // row of this table → row of joined, -1 for none
}

func newView(l *layout, t, joined *snapshot.Table) view {
	v := view{layout: l, table: t, joined: joined}
	if joined != nil {
		v.match()
	}
	return v
}

// match looks each row's partner up, by the column that both have.
func (v *view) match() {
	rows := make(map[string]int, v.joined.Len())
	for r := range v.joined.Len() {
		rows[v.joined.Row(r)[v.on]] = r
	}
	v.joinedRow = make([]int, v.table.Len())
	for r := range v.joinedRow {
		partner, ok := rows[v.table.Row(r)[v.from]]
		if !ok {
			partner = -1
		}
		v.joinedRow[r] = partner
	}
}

// value returns a cell of row r, whose own cells are row.
func (v *view) value(row []string, r, at int) string {
	switch {
	case uint(at) < uint(len(row)):
		return row[at]
	case at < 0 || v.joinedRow[r] < 0:
		return ""
	default:
		return v.joined.Row(v.joinedRow[r])[v.joinAt[at-len(row)]]
	}
}

// wanted reports whether the rule's row filter lets a row through.
func (v *view) wanted(row []string) bool {
	return v.filterAt < 0 || v.filter.Keep(row[v.filterAt])
}

// raw copies a row out of the evidence, columns in the order of their names,
// so that the order in which the host sent them does not show.
func (v *view) raw(row []string, r int) Raw {
	raw := Raw{Columns: v.names, Values: make([]string, 0, len(v.names))}
	for i, at := range v.order {
		if at < len(row) && !v.table.Has(r, at) {
			if len(raw.Columns) == len(v.names) {
				raw.Columns = slices.Clone(v.names[:i])
			}
			continue
		}
		if len(raw.Columns) != len(v.names) {
			raw.Columns = append(raw.Columns, v.names[i])
		}
		raw.Values = append(raw.Values, v.value(row, r, at))
	}
	together(raw.Values)
	return raw
}

// together moves values into memory of their own: a host's evidence must not
// stay for the sake of a few of them.
func together(values []string) {
	all := strings.Join(values, "")
	for i, value := range values {
		values[i], all = all[:len(value)], all[len(value):]
	}
}
