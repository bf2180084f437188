package snapshot

import "hash/maphash"

// rowSeed makes digests of rows that nobody can aim at: two rows with the same
// one are taken for the same row.
var rowSeed = maphash.MakeSeed()

// change is one line of a differential log.
type change struct {
	added, gone    *rows // either may have no rows
	epoch, counter int64 // -1: not given
	time           int64
	at             int // place in the line
}

// apply brings the answer to the state after a change. It returns how many
// removed rows were never there, and whether the states before the first line
// are unknown: both mean that the log does not begin where osqueryd began.
func (a *answer) apply(c change, l *Limits) (unknown int, late bool) {
	late = a.from != fromChanges && c.counter > 1
	if a.starts(c) {
		*a = answer{query: a.query, from: fromChanges, rows: &rows{}, lines: a.lines, cut: a.cut && a.from == fromChanges}
	}
	a.epoch, a.counter, a.time = c.epoch, c.counter, c.time
	a.lines++
	for row := range c.gone.n {
		if !a.remove(c.gone.digest(row)) {
			unknown++
		}
	}
	first := a.rows.n
	a.rows.append(c.added, c.at, l)
	if a.places != nil {
		a.place(first)
	}
	if len(a.dead) > 1000 && len(a.dead) > a.rows.n/2 {
		a.bury(l)
	}
	a.cut = a.cut || unknown > 0
	return unknown, late
}

// starts reports whether a change is the first state of a query and not a
// change of the state that is here: osqueryd starts again from nothing when the
// epoch changes, and counts from 0 when its database is new.
func (a *answer) starts(c change) bool {
	switch {
	case a.from != fromChanges:
		return true
	case c.epoch != a.epoch:
		return true
	case c.counter != 0 || c.gone.n > 0:
		return false
	}
	return a.counter != 0 || a.time != c.time
}

// remove takes out one row with that digest.
func (a *answer) remove(digest uint64) bool {
	if a.places == nil {
		a.places, a.dead = make(map[uint64][]int), make(map[int]struct{})
		a.place(0)
	}
	rows := a.places[digest]
	if len(rows) == 0 {
		return false
	}
	a.dead[rows[len(rows)-1]] = struct{}{}
	a.places[digest] = rows[:len(rows)-1]
	return true
}

// place records where the rows from first on are.
func (a *answer) place(first int) {
	for row := first; row < a.rows.n; row++ {
		digest := a.rows.digest(row)
		a.places[digest] = append(a.places[digest], row)
	}
}

// bury frees the rows that were removed.
func (a *answer) bury(l *Limits) {
	if len(a.dead) == 0 {
		return
	}
	living := &rows{}
	for row := range a.rows.n {
		if _, dead := a.dead[row]; !dead {
			living.copyRow(a.rows, row)
		}
	}
	a.rows, a.places, a.dead = living, nil, nil
}

// digest returns a number that rows with the same values in the same columns
// have, whatever the order of the columns.
func (t *rows) digest(row int) uint64 {
	var sum uint64
	t.each(row, func(column int, v span) {
		var h maphash.Hash
		h.SetSeed(rowSeed)
		_, _ = h.WriteString(t.columns[column])
		_ = h.WriteByte(0)
		_, _ = h.Write(t.text[v.start:v.end])
		sum += h.Sum64()
	})
	return sum
}
