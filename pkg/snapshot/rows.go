package snapshot

import "slices"

// rows gathers the rows of one table. Values are copied into one text and kept
// as spans of it, row after row, so that a row costs no allocation; table makes
// the strings. The columns of the first row are the base: every row has a span
// for each of them. Columns that appear later are kept apart until the end.
//
// One rows is used for many tables: reset keeps its memory.
type rows struct {
	columns []string
	index   map[string]int // of columns
	heads   []string       // of base columns, the bytes that begin their member: `"pid":`
	base    int
	text    []byte
	spans   []span // rows × base
	late    []lateCell
	inRow   []int // by column, the number of the last row with a late cell in it, from 1
	n       int
	notes   notes
}

// span is a value's place in the text.
type span struct{ start, end uint32 }

var absent = span{1, 0}

// lateCell is a value in a column that the first row did not have.
type lateCell struct {
	row, column int
	span        span
}

func (t *rows) reset() {
	clear(t.index)
	t.columns, t.heads, t.base = t.columns[:0], t.heads[:0], 0
	t.inRow = t.inRow[:0]
	t.empty()
}

// empty forgets the rows and keeps the columns.
func (t *rows) empty() {
	t.text, t.spans, t.late, t.n = t.text[:0], t.spans[:0], t.late[:0], 0
	t.notes = notes{}
}

// array reads an array of rows. null and the empty string are an empty array:
// Fleet and old versions of osquery write them.
func (t *rows) array(s *scanner, l *Limits) *fault {
	switch s.next() {
	case '[':
		s.at++
	case '"', 'n':
		start := s.at
		if value, f := s.text(); f != nil || len(value) == 0 {
			return f
		}
		return faultAt(s.data, start, "an array of rows")
	default:
		return s.fault("an array of rows")
	}
	if s.next() == ']' {
		s.at++
		return nil
	}
	for {
		if f := t.element(s, l); f != nil {
			return f
		}
		switch s.next() {
		case ',':
			s.at++
		case ']':
			s.at++
			return nil
		default:
			return s.fault(", or ] after a row")
		}
	}
}

// element reads an element of an array: a row, or something else that is passed
// over.
func (t *rows) element(s *scanner, l *Limits) *fault {
	c := s.next()
	switch {
	case c == 0 || c == ',' || c == ']' || c == '}' || c == ':':
		return s.fault("a row")
	case c != '{':
		t.notes.add(wrongRow, s.at)
	case t.n >= l.QueryRows:
		t.notes.add(manyRows, s.at)
	case len(t.spans)+t.base > l.QueryCells:
		t.notes.add(manyCells, s.at)
	default:
		return t.row(s, l)
	}
	return s.skip()
}

// put keeps the value of a column in the row that begins at span begin.
func (t *rows) put(begin, column int, v span, at int) {
	if column >= t.base {
		if v != absent {
			t.putLate(column, v, at)
		}
		return
	}
	switch i := begin + column; {
	case i == len(t.spans):
		t.spans = append(t.spans, v)
	case t.spans[i] == absent:
		t.spans[i] = v
	default:
		t.notes.add(twice, at)
	}
}

func (t *rows) putLate(column int, v span, at int) {
	for len(t.inRow) <= column {
		t.inRow = append(t.inRow, 0)
	}
	if t.inRow[column] == t.n+1 {
		t.notes.add(twice, at)
		return
	}
	t.inRow[column] = t.n + 1
	t.late = append(t.late, lateCell{t.n, column, v})
}

// pad gives the row that begins at span begin all its spans.
func (t *rows) pad(begin int) {
	for len(t.spans) < begin+t.base {
		t.spans = append(t.spans, absent)
	}
}

// keep copies a value into the text, unless it is the one of the row before.
func (t *rows) keep(v []byte, begin, column int) span {
	if above := begin - t.base + column; above >= 0 && column < t.base {
		if s := t.spans[above]; s != absent && string(t.text[s.start:s.end]) == string(v) {
			return s
		}
	}
	start := len(t.text)
	t.text = append(t.text, v...)
	return span{uint32(start), uint32(len(t.text))}
}

// column returns the number of a column, -1 if there are too many. The first
// row makes the base.
func (t *rows) column(name, head string, at int) int {
	c := len(t.columns)
	if c == maxColumns {
		t.notes.add(manyColumns, at)
		return -1
	}
	if t.index == nil {
		t.index = make(map[string]int)
	}
	t.index[name] = c
	t.columns = append(t.columns, name)
	if t.n == 0 {
		t.heads = append(t.heads, head)
		t.base++
	}
	return c
}

// table makes the table of what was gathered. It shares no memory with t.
func (t *rows) table(query string, l *Limits) Table {
	width := len(t.columns)
	if len(t.late) > 0 && t.n*width > l.QueryCells {
		t.notes.add(manyHoles, 0)
		width, t.late = t.base, nil
	}
	out := Table{Query: query, Columns: slices.Clone(t.columns[:width])}
	if t.n == 0 {
		return out
	}
	text := string(t.text)
	out.Cells = make([]string, t.n*width)
	for row := range t.n {
		t.fill(&out, row, text)
	}
	for _, c := range t.late {
		cell := c.row*width + c.column
		out.Cells[cell] = text[c.span.start:c.span.end]
		out.absent[cell/64] &^= 1 << (cell % 64)
	}
	return out
}

// fill sets the cells of a row's base columns; the others are absent.
func (t *rows) fill(out *Table, row int, text string) {
	width := len(out.Columns)
	cells := out.Cells[row*width : (row+1)*width]
	for c, s := range t.spans[row*t.base : (row+1)*t.base] {
		if s == absent {
			out.leaveOut(row*width + c)
			continue
		}
		cells[c] = text[s.start:s.end]
	}
	for c := t.base; c < width; c++ {
		out.leaveOut(row*width + c)
	}
}

func (t *Table) leaveOut(cell int) {
	if t.absent == nil {
		t.absent = make([]uint64, (len(t.Cells)+63)/64)
	}
	t.absent[cell/64] |= 1 << (cell % 64)
}
