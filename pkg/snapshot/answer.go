package snapshot

// answer is what one query returned on one host, as far as it has been read: a
// table that came whole, or rows that come one by one.
type answer struct {
	query string // as given
	from  origin
	table Table
	rows  *rows
	time  int64 // Unix seconds of the snapshot or change last read; 0: unknown
	lines int
	cut   bool
	notes notes // of the making of the table

	// Of differential logs.
	epoch, counter int64
	places         map[uint64][]int // rows by digest; nil until a row is removed
	dead           map[int]struct{} // rows that were removed
}

// origin is the form that an answer came in.
type origin int

const (
	fromNothing origin = iota
	fromArray          // all rows at once
	fromEvents         // a snapshot, a row a line
	fromChanges        // added and removed rows
)

// replace sets the table of a snapshot that came whole.
func (a *answer) replace(table Table, time int64) {
	*a = answer{query: a.query, from: fromArray, table: table, time: time, lines: a.lines + 1}
}

// older reports whether a snapshot of that time was taken before the one that
// is here.
func (a *answer) older(time int64) bool { return time != 0 && a.time != 0 && time < a.time }

// event adds the row of a snapshot of which each row is a line. Another time
// begins another snapshot.
func (a *answer) event(src *rows, time int64, at int, l *Limits) {
	if a.from != fromEvents || a.time != time {
		*a = answer{query: a.query, from: fromEvents, rows: &rows{}, time: time, lines: a.lines}
	}
	a.lines++
	a.rows.append(src, at, l)
}

// finish makes the table; ok is false where there is none, only errors.
func (a *answer) finish(name string, l *Limits) (table Table, ok bool) {
	switch a.from {
	case fromNothing:
		return Table{}, false
	case fromArray:
		table = a.table
	default:
		a.bury(l)
		table, a.notes = a.rows.table(name, l), a.rows.notes
		a.rows = nil
	}
	table.Query = name
	table.Cut = table.Cut || a.cut
	return table, true
}
