package snapshot

import (
	"bytes"
	"slices"
	"strconv"
)

// line is one line of a log: an object whose members say whose rows it holds, of
// which query, and what became of them. One line serves for all lines of a log:
// what it holds stays good until the next parse.
type line struct {
	members [fieldCount]member
	rows    rows  // of snapshot, columns, rows and diffResults.added
	gone    rows  // of diffResults.removed
	array   array // of snapshot and rows, where it ends the line
	repeats *repeats
}

// member is one member of a line.
type member struct {
	given bool
	at    int    // where its value begins
	value []byte // of a string or number; nil for null
}

// field is a member of a line that is read; all others are passed over.
type field int

const (
	fieldName field = iota
	fieldHostIdentifier
	fieldHostname
	fieldHost
	fieldUnixTime
	fieldEpoch
	fieldCounter
	fieldAction
	fieldError
	fieldMessage
	fieldSnapshot // this and those after it hold rows
	fieldColumns
	fieldRows
	fieldDiffResults
	fieldCount
)

func fieldOf(key []byte) (field, bool) {
	switch string(key) {
	case "name":
		return fieldName, true
	case "hostIdentifier":
		return fieldHostIdentifier, true
	case "hostname":
		return fieldHostname, true
	case "host":
		return fieldHost, true
	case "unixTime":
		return fieldUnixTime, true
	case "epoch":
		return fieldEpoch, true
	case "counter":
		return fieldCounter, true
	case "action":
		return fieldAction, true
	case "error":
		return fieldError, true
	case "message":
		return fieldMessage, true
	case "snapshot":
		return fieldSnapshot, true
	case "columns":
		return fieldColumns, true
	case "rows":
		return fieldRows, true
	case "diffResults":
		return fieldDiffResults, true
	}
	return 0, false
}

// parse reads a line. Where it breaks off, what came before the fault stands.
func (l *line) parse(data []byte, limits *Limits) *fault {
	l.members = [fieldCount]member{}
	l.rows.empty()
	l.gone.empty()
	l.array = array{}
	s := scanner{data: data}
	if s.next() != '{' {
		return s.fault("a line of an osquery log, which is an object")
	}
	f := s.object(func(key []byte) *fault { return l.member(&s, key, limits) })
	if f == nil && s.next() != 0 {
		f = s.fault("the end of the line")
	}
	return f
}

// object reads an object and calls f at each value, which f must pass over.
func (s *scanner) object(f func(key []byte) *fault) *fault {
	s.at++
	if s.next() == '}' {
		s.at++
		return nil
	}
	for {
		if s.next() != '"' {
			return s.fault("a name of a member")
		}
		key, bad := s.text()
		if bad != nil {
			return bad
		}
		if s.next() != ':' {
			return s.fault(": after the name of a member")
		}
		s.at++
		s.next()
		if bad = f(key); bad != nil {
			return bad
		}
		switch s.next() {
		case ',':
			s.at++
		case '}':
			s.at++
			return nil
		default:
			return s.fault(", or } after a value")
		}
	}
}

// member reads the value of one member of the line.
func (l *line) member(s *scanner, key []byte, limits *Limits) *fault {
	which, ok := fieldOf(key)
	if !ok {
		return s.skip()
	}
	m := &l.members[which]
	if m.given || which >= fieldSnapshot && l.hasRows() {
		return &fault{at: s.at, want: "one of its kind", found: "a second member for the same thing"}
	}
	m.given, m.at = true, s.at
	switch which {
	case fieldSnapshot, fieldRows:
		return l.snapshot(s, limits)
	case fieldColumns:
		return l.columns(s, limits)
	case fieldDiffResults:
		return l.diff(s, limits)
	}
	var f *fault
	m.value, f = s.text()
	return f
}

// snapshot reads an array of rows. If it is the last member, as in our own logs,
// it may be one that is known.
func (l *line) snapshot(s *scanner, limits *Limits) *fault {
	l.rows.reset()
	start, end := s.at, len(s.data)-1
	if start < end && s.data[end] == '}' {
		l.array = l.repeats.find(s.data[start:end])
	}
	if l.array.known != nil {
		s.at = end
		return nil
	}
	f := l.rows.array(s, limits)
	if f != nil || s.at != end {
		l.array = array{}
	}
	return f
}

// rowCount returns how many rows there are in the line.
func (l *line) rowCount() int {
	if l.array.known != nil {
		return l.array.known.Len()
	}
	return l.rows.n
}

// table makes the table of a snapshot's rows.
func (l *line) table(limits *Limits) Table {
	if l.array.known != nil {
		t := *l.array.known
		t.shared = true
		return t
	}
	t := l.rows.table("", limits)
	if l.array.raw != nil && l.rows.notes == (notes{}) {
		l.repeats.keep(l.array, t)
	}
	return t
}

// columns reads the one row of a line of events. Mostly it has the columns of
// the line before, which then need not be made again.
func (l *line) columns(s *scanner, limits *Limits) *fault {
	if s.next() != '{' {
		return s.fault("an object with the columns of a row")
	}
	t, start, known := &l.rows, s.at, len(l.rows.columns)
	if f := t.row(s, limits); f == nil && t.n == 1 && len(t.columns) == known && !slices.Contains(t.spans, absent) {
		return nil
	}
	s.at = start
	t.reset()
	return t.row(s, limits)
}

// diff reads a batch of changes.
func (l *line) diff(s *scanner, limits *Limits) *fault {
	if s.next() != '{' {
		return s.fault("an object with added and removed rows")
	}
	l.rows.reset()
	l.gone.reset()
	return s.object(func(key []byte) *fault {
		switch string(key) {
		case "added":
			return l.rows.array(s, limits)
		case "removed":
			return l.gone.array(s, limits)
		}
		return s.skip()
	})
}

func (l *line) hasRows() bool {
	for _, m := range l.members[fieldSnapshot:] {
		if m.given {
			return true
		}
	}
	return false
}

// host returns the name of the host that the line is about, as given.
func (l *line) host() []byte {
	for _, which := range []field{fieldHostIdentifier, fieldHostname, fieldHost} {
		if m := &l.members[which]; len(m.value) > 0 {
			return m.value
		}
	}
	return nil
}

// name returns the query's name, as given.
func (l *line) name() []byte { return l.members[fieldName].value }

func (l *line) has(which field) bool { return l.members[which].value != nil }

// isFleet reports whether the line is a host's answer to a live query.
func (l *line) isFleet() bool {
	return !l.has(fieldName) && l.has(fieldHost) && (l.members[fieldRows].given || l.has(fieldError))
}

// isStatus reports whether the line is about osqueryd and holds no evidence.
func (l *line) isStatus() bool {
	return !l.has(fieldName) && l.has(fieldMessage) && !l.hasRows()
}

// number returns the value of a member that has to be a whole number, written as
// a number or a string. What is not given or no such number is missing.
func (l *line) number(which field, missing int64) int64 {
	whole, _, _ := bytes.Cut(l.members[which].value, []byte("."))
	n, err := strconv.ParseInt(string(whole), 10, 64)
	if err != nil {
		return missing
	}
	return n
}
