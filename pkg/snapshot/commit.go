package snapshot

import (
	"fmt"
	"strings"

	"diffy/pkg/triage"
)

// commit brings what a line holds to its host.
type commit struct {
	r      *reading
	h      *host
	l      *line
	query  string // as given
	source string
	number int // of the line
}

func (c *commit) fail(text string) {
	c.h.fail(c.query, fmt.Sprintf("%s: line %d: %s", c.source, c.number, text))
}

// line does what a whole line says.
func (c *commit) line() {
	l := c.l
	switch {
	case c.query == beginLine:
		c.begin()
		return
	case c.query == endLine:
		c.end()
		return
	case c.query == "":
		c.fail("expected the name of a query")
		return
	}
	if l.has(fieldUnixTime) && l.number(fieldUnixTime, -1) < 0 {
		c.fail("expected Unix seconds as unixTime: taken as unknown")
	}
	a := c.answer()
	if a == nil {
		return
	}
	if l.has(fieldError) {
		c.failure(a)
		if !l.hasRows() || l.rowCount() == 0 {
			return
		}
		a.cut = true
	}
	switch {
	case l.members[fieldSnapshot].given, l.members[fieldRows].given:
		c.whole(a, false)
	case l.members[fieldColumns].given:
		c.event(a)
	case l.members[fieldDiffResults].given:
		c.change(a, &l.rows, &l.gone)
	default:
		c.fail("expected one of snapshot, columns, diffResults, rows and error")
	}
	c.notes(a)
}

// answer finds the query's answer, unless there are too many.
func (c *commit) answer() *answer {
	before := len(c.h.order)
	a := c.h.answer(c.query)
	if a == nil {
		c.fail(fmt.Sprintf("a query beyond the limit of %d queries of one host: left out", maxQueries))
		return nil
	}
	c.r.tables += len(c.h.order) - before
	if c.r.tables > maxTables {
		c.fail(fmt.Sprintf("a query beyond the limit of %d queries of all hosts of one log: left out", maxTables))
		return nil
	}
	return a
}

// failure records that the query failed on the host.
func (c *commit) failure(a *answer) {
	c.again(a)
	a.lines++
	says := c.l.members[fieldError].value
	c.fail("the host says: " + string(says[:min(len(says), maxErrorText)]))
}

// again records a second answer where there can be one only: in our own log,
// and of a live query.
func (c *commit) again(a *answer) {
	if a.lines > 0 && (c.h.own || c.l.isFleet()) {
		c.fail("expected one line of this query and host: the last one counts")
	}
}

// whole takes a snapshot that came in one line, as far as it came.
func (c *commit) whole(a *answer, cut bool) {
	c.again(a)
	time := c.l.number(fieldUnixTime, 0)
	if a.older(time) {
		return
	}
	table := c.l.table(&c.r.limits)
	if c.l.isFleet() {
		table = table.withoutFleet()
	}
	table.Cut = cut || a.cut && c.l.has(fieldError)
	a.replace(table, time)
}

// event takes one row.
func (c *commit) event(a *answer) {
	l := c.l
	time := l.number(fieldUnixTime, 0)
	switch string(l.members[fieldAction].value) {
	case "snapshot":
		if !a.older(time) {
			a.event(&l.rows, time, l.members[fieldColumns].at, &c.r.limits)
		}
	case "added":
		c.change(a, &l.rows, &l.gone)
	case "removed":
		c.change(a, &l.gone, &l.rows)
	default:
		c.fail("expected the action snapshot, added or removed: the row is left out")
		a.cut = true
	}
}

// change takes rows that came and rows that went.
func (c *commit) change(a *answer, added, gone *rows) {
	l := c.l
	unknown, late := a.apply(change{
		added: added, gone: gone, time: l.number(fieldUnixTime, 0),
		epoch: l.number(fieldEpoch, -1), counter: l.number(fieldCounter, -1),
	}, &c.r.limits)
	if late && !strings.HasSuffix(c.query, "_events") { // osquery's tables of events have no state
		a.cut = true
		c.fail("expected the first state of this query (counter 0): rows that have not changed since are not in the log")
	}
	if unknown > 0 {
		c.fail("expected that a removed row had been added: the log does not have all states of this query")
	}
}

// notes turns what was noted in the line into errors.
func (c *commit) notes(a *answer) {
	for _, t := range []*rows{&c.l.rows, &c.l.gone} {
		t.notes.each(&c.r.limits, func(at int, text string) {
			c.h.fail(c.query, place(c.source, c.number, at)+": "+text)
		})
		a.cut = a.cut || t.notes.lossy()
	}
}

// broken takes what came before the fault of a line.
func (c *commit) broken(text string) {
	c.h.fail(c.query, text)
	if c.query == "" || c.query == beginLine || c.query == endLine {
		return
	}
	if a := c.answer(); a != nil {
		if l := c.l; l.members[fieldSnapshot].given || l.members[fieldRows].given {
			if l.rowCount() > 0 {
				c.whole(a, true)
			}
			c.notes(a)
			return
		}
		a.lines++
		a.cut = true
	}
}

// begin takes the first line of our own log. Another one means that the log
// holds another snapshot of this host: the last one counts.
func (c *commit) begin() {
	h := c.h
	if len(h.order) > 0 || h.own {
		time := h.Time
		h.forget()
		h.Time = time
		c.query = ""
		c.fail("expected one snapshot of this host: what came before this diffy_begin is left out")
		c.query = beginLine
	}
	h.own = true
	row := triage.Row{}
	if l := c.l; l.rows.n == 1 {
		t := l.rows.table("", &c.r.limits)
		row = t.Raw(0)
	}
	h.Begin = begin(row)
	if row["format"] != ownFormat {
		c.fail("expected format " + ownFormat + ": the log is of another version")
	}
}

// end takes the last line of our own log.
func (c *commit) end() {
	h := c.h
	h.ended = true
	if !h.own {
		h.Cut = true
		c.query = ""
		c.fail("expected a diffy_begin line before diffy_end: the beginning of the log is not there")
	}
}
