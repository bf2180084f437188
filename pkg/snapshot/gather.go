package snapshot

import (
	"slices"
	"sort"
)

// each calls f with the values that a row has, base columns first.
func (t *rows) each(row int, f func(column int, v span)) {
	for c, v := range t.spans[row*t.base : (row+1)*t.base] {
		if v != absent {
			f(c, v)
		}
	}
	first := sort.Search(len(t.late), func(i int) bool { return t.late[i].row >= row })
	for _, c := range t.late[first:] {
		if c.row != row {
			return
		}
		f(c.column, c.span)
	}
}

// append adds the rows of src, within the limits. What it has to note is noted
// in src, at that place.
func (t *rows) append(src *rows, at int, l *Limits) {
	if t.fits(src, l) {
		t.splice(src)
		return
	}
	for row := range src.n {
		switch {
		case t.n >= l.QueryRows:
			src.notes.add(manyRows, at)
		case len(t.spans)+t.base > l.QueryCells:
			src.notes.add(manyCells, at)
		default:
			t.copyRow(src, row)
		}
	}
	if n := t.notes[manyColumns].n; n > 0 {
		src.notes[manyColumns].at, src.notes[manyColumns].n = at, n
		t.notes = notes{}
	}
}

// fits reports whether the rows of src have the columns of t and are within the
// limits.
func (t *rows) fits(src *rows, l *Limits) bool {
	return len(src.late) == 0 && t.n > 0 && slices.Equal(t.columns, src.columns) && t.base == src.base &&
		t.n+src.n <= l.QueryRows && len(t.spans)+len(src.spans) <= l.QueryCells
}

// splice adds the rows of src, which have the same columns.
func (t *rows) splice(src *rows) {
	offset := uint32(len(t.text))
	t.text = append(t.text, src.text...)
	for _, v := range src.spans {
		if v != absent {
			v.start, v.end = v.start+offset, v.end+offset
		}
		t.spans = append(t.spans, v)
	}
	t.n += src.n
}

// copyRow adds one row of src.
func (t *rows) copyRow(src *rows, row int) {
	begin := len(t.spans)
	if t.n > 0 {
		t.pad(begin)
	}
	src.each(row, func(c int, v span) {
		own, ok := t.index[src.columns[c]]
		if !ok {
			own = t.column(src.columns[c], "", 0)
		}
		if own >= 0 {
			t.put(begin, own, t.keep(src.text[v.start:v.end], begin, own), 0)
		}
	})
	t.n++
}
