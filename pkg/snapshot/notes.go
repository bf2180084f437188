package snapshot

import "fmt"

// A note is something about a table that does not stop its reading.
type note int

const (
	wrongValue note = iota // neither string nor number nor null
	wrongRow               // not an object
	emptyRow               // an object without members
	twice                  // a column twice in a row
	badEscape              // a backslash that begins no escape
	longValue              // beyond a limit, as all that follow
	manyRows
	manyColumns
	longColumn
	manyCells
	manyHoles
	noteKinds
)

// notes counts what was met in a table, and where first.
type notes [noteKinds]struct{ at, n int }

func (t *notes) add(kind note, at int) {
	if t[kind].n == 0 {
		t[kind].at = at
	}
	t[kind].n++
}

// noteText says what is wrong and what became of it.
func noteText(kind note, l *Limits) string {
	switch kind {
	case wrongValue:
		return "expected a string or a number as value: left out"
	case wrongRow:
		return "expected an object as row: left out"
	case emptyRow:
		return "expected a row with columns: left out"
	case twice:
		return "expected each column once in a row: its first value counts"
	case badEscape:
		return "expected an escape after a backslash: kept as it is"
	case longValue:
		return fmt.Sprintf("a value beyond the limit of %d bytes: only its beginning is kept", l.ValueBytes)
	case manyRows:
		return fmt.Sprintf("a row beyond the limit of %d rows: left out", l.QueryRows)
	case manyColumns:
		return fmt.Sprintf("a column beyond the limit of %d columns: left out", maxColumns)
	case longColumn:
		return fmt.Sprintf("a column's name beyond the limit of %d bytes: left out", maxColumnName)
	case manyCells:
		return fmt.Sprintf("a row beyond the limit of %d cells: left out", l.QueryCells)
	}
	return fmt.Sprintf("columns that the first row does not have, beyond the limit of %d cells: left out", l.QueryCells)
}

// lossy reports whether something that was sent is not in the table.
func (t *notes) lossy() bool {
	n := 0
	for kind, seen := range t {
		if note(kind) != badEscape && note(kind) != emptyRow {
			n += seen.n
		}
	}
	return n > 0
}

// each calls f with the place and text of each kind of note that was made.
func (t *notes) each(l *Limits, f func(at int, text string)) {
	for kind, seen := range t {
		if seen.n == 0 {
			continue
		}
		text := noteText(note(kind), l)
		if seen.n > 1 {
			text += fmt.Sprintf(" (and %d more like it)", seen.n-1)
		}
		f(seen.at, text)
	}
}
