package pack

import (
	"cmp"
	"slices"
)

// The least that two sets of columns share before one tells the other's table.
const (
	fewest = 3 // columns of a part of a table
	half   = 2 // a table is at least this part of rows that have more columns
)

// Rule returns the rule for rows of a query with these columns; it never returns
// nil. In our own logs the pack's entry of that name decides; elsewhere the entry
// must select nothing that the rows lack, else the rule of the plain table with
// that name or those columns holds, else what the columns' names suggest. A rule
// may name columns that the rows lack; columns that the pack or the table does not
// know get a role, never that of identity.
//
// Rule keeps nothing: a caller with many tables keeps the answer for each name
// and columns.
func (p *Pack) Rule(name string, columns []string, ours bool) *Query {
	rows := columnSet(columns)
	own := p.byName[name]
	if own == nil {
		own = p.pivotRule(name)
	}
	if own != nil && (ours || rows.all(own.Columns)) {
		return p.complete(own, columns)
	}
	q := p.tables[name]
	if q == nil || !rows.some(q.Key) {
		q = p.fit(rows)
	}
	if q == nil {
		return infer(name, columns)
	}
	return extend(q, columns)
}

type columnSet []string

func (s columnSet) all(columns []string) bool {
	for _, c := range columns {
		if !slices.Contains(s, c) {
			return false
		}
	}
	return true
}

// some reports whether one of the columns is there; where no column is, or none
// is asked for, nothing speaks against it.
func (s columnSet) some(columns []string) bool {
	return len(s) == 0 || len(columns) == 0 ||
		slices.ContainsFunc(columns, func(c string) bool { return slices.Contains(s, c) })
}

// fit returns the one plain table that rows with these columns come from, or nil
// when none or several could be it.
func (p *Pack) fit(rows columnSet) *Query {
	var equal, whole, part []*Query
	for _, t := range p.Tables {
		contains, contained := rows.all(t.Columns), columnSet(t.Columns).all(rows)
		switch {
		case len(rows) < 2: // one column fits too much
		case contains && contained:
			equal = append(equal, t)
		case contains && len(t.Columns) >= fewest:
			whole = append(whole, t)
		case contained && len(rows) >= fewest && rows.all(t.ownKey()):
			part = append(part, t)
		}
	}
	switch {
	case len(equal) > 0:
		return only(equal)
	case len(whole) > 0:
		return largest(whole, len(rows))
	}
	return only(part)
}

func only(tables []*Query) *Query {
	if len(tables) == 1 {
		return tables[0]
	}
	return nil
}

// largest returns the table that has all columns of the others and at least half
// of the rows' columns: rows of two tables joined are of neither.
func largest(tables []*Query, columns int) *Query {
	most := slices.MaxFunc(tables, func(a, b *Query) int { return cmp.Compare(len(a.Columns), len(b.Columns)) })
	for _, t := range tables {
		if !columnSet(most.Columns).all(t.Columns) {
			return nil
		}
	}
	if len(most.Columns)*half < columns {
		return nil
	}
	return most
}

// ownKey returns the key columns that are not joined in.
func (q *Query) ownKey() []string {
	return slices.DeleteFunc(slices.Clone(q.Key), q.joined)
}
