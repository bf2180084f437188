package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Names of the lines that our own log begins and ends with.
const (
	beginLine = "diffy_begin"
	endLine   = "diffy_end"
	ownFormat = "1"
)

// ReadLog reads one log, of one or several hosts, gzip or plain. Source is the
// log's name: it stands in errors and names the query of a live query's answers.
// Hosts come sorted by name, with everything that was wrong in Host.Errors; an
// error means that there is no host in it at all.
func ReadLog(r io.Reader, source string, l Limits) ([]*Host, error) {
	u := newReading(source, l)
	u.log(r, source)
	return u.finish()
}

// log reads one log into the unit.
func (r *reading) log(from io.Reader, source string) {
	in, err := newInput(from, &r.limits, &r.budget)
	if err != nil {
		r.lost(func() string { return fmt.Sprintf("%s: %v", source, err) })
		r.cut = true
		return
	}
	lines := lines{in: in, max: int(r.limits.HostBytes), buf: r.scratch.log[:0]}
	defer func() { r.scratch.log = lines.buf }()
	for {
		data, ok := lines.next()
		if !ok {
			break
		}
		if space(data, 0) < len(data) && !isGlog(data) {
			r.take(data, &lines, source)
		}
	}
	if !errors.Is(lines.err, io.EOF) {
		r.lost(func() string {
			return fmt.Sprintf("%s: after line %d: expected more, but %v", source, lines.n, lines.err)
		})
		r.cut = true
	}
}

// isGlog reports whether a line is text of osqueryd about itself, such as
// "I1124 09:22:01.123456  1234 scheduler.cpp:83] …": no evidence.
func isGlog(line []byte) bool {
	return len(line) > 8 && bytes.IndexByte([]byte("IWEF"), line[0]) >= 0 &&
		isNumber(string(line[1:5])) && line[5] == ' ' && isNumber(string(line[6:8]))
}

// place names a place in a line for an error text.
func place(source string, line, at int) string {
	return fmt.Sprintf("%s: line %d, byte %d", source, line, at)
}

// take reads one line.
func (r *reading) take(data []byte, at *lines, source string) {
	l := &r.line
	l.repeats = r.repeats
	f := l.parse(data, &r.limits)
	if f == nil && l.isStatus() {
		return
	}
	given := l.host()
	if given == nil && f != nil {
		given = lastHost(data)
	}
	if given == nil {
		if f == nil {
			f = &fault{want: "a hostIdentifier", found: "none"}
		}
		r.lost(func() string { return at.where(source, f) })
		return
	}
	h := r.host(given, source)
	if h == nil {
		r.lost(func() string {
			return fmt.Sprintf("%s: line %d: a host beyond the limit of %d hosts: left out", source, at.n, r.limits.Hosts)
		})
		return
	}
	query := string(l.name())
	if l.isFleet() {
		query = stem(source)
	}
	if h.Bytes > r.limits.HostBytes {
		h.fail(query, fmt.Sprintf("%s: line %d: beyond the limit of %d bytes for one host: left out", source, at.n, r.limits.HostBytes))
		if a := h.answers[query]; a != nil {
			a.cut = true
		}
		return
	}
	h.Bytes += at.size
	h.Time = max(h.Time, l.number(fieldUnixTime, 0))
	c := commit{r, h, l, query, source, at.n}
	if f != nil {
		c.broken(at.where(source, f))
		return
	}
	c.line()
}

// where says where a fault is, and what it is.
func (l *lines) where(source string, f *fault) string {
	return place(source, l.n, f.at) + ": " + f.text(l.ending())
}

// text says what was expected and what was there instead.
func (f *fault) text(ending string) string {
	found := f.found
	if found == "" {
		found = ending
	}
	return "expected " + f.want + ", found " + found
}

// ending says what is at the end of the line last returned.
func (l *lines) ending() string {
	switch {
	case l.whole:
		return "the end of the line"
	case l.err == nil:
		return fmt.Sprintf("the limit of %d bytes", l.max)
	case errors.Is(l.err, io.EOF):
		return "the end of the file"
	}
	return "the place where " + l.err.Error()
}

// lastHost looks for the host in a line that broke off, so that the error is
// not everybody's. A quote inside of a value is escaped, so what it finds is a
// member.
func lastHost(data []byte) []byte {
	key := []byte(`"hostIdentifier"`)
	i := bytes.LastIndex(data, key)
	if i < 0 {
		return nil
	}
	s := scanner{data: data, at: i + len(key)}
	if s.next() != ':' {
		return nil
	}
	s.at++
	if s.next() != '"' {
		return nil
	}
	name, f := s.text()
	if f != nil || len(name) == 0 {
		return nil
	}
	return name
}

// printable makes text fit for one line of a terminal or report: paths and what
// hosts say may hold anything.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return ' '
	}, strings.ToValidUTF8(text, "?"))
}
