package snapshot

import (
	"fmt"
	"slices"
	"strings"

	"diffy/pkg/triage"
)

// host is a host that is being read.
type host struct {
	Host
	given   string             // name
	answers map[string]*answer // by the query's name as given
	order   []*answer
	own     bool           // there was a diffy_begin
	ended   bool           // there was a diffy_end
	failed  map[string]int // errors by query, counted further than they are kept
}

// answer finds what a query has returned so far; nil if the host has too many
// queries.
func (h *host) answer(query string) *answer {
	if a, ok := h.answers[query]; ok {
		return a
	}
	if len(h.order) == maxQueries {
		return nil
	}
	if h.answers == nil {
		h.answers = make(map[string]*answer)
	}
	a := &answer{query: query}
	h.answers[query] = a
	h.order = append(h.order, a)
	return a
}

// fail records an error of a query; of the same query the first few are kept.
func (h *host) fail(query, text string) {
	if h.failed == nil {
		h.failed = make(map[string]int)
	}
	n, known := h.failed[query]
	if !known && len(h.failed) >= maxQueries {
		query = "" // the count of errors of the host as a whole
		n = h.failed[query]
	}
	h.failed[query] = n + 1
	if n < maxSameErrors {
		h.Errors = append(h.Errors, triage.QueryError{Query: query, Error: printable(text)})
	}
}

// forget drops everything that was read of the host.
func (h *host) forget() {
	h.answers, h.order, h.failed, h.Errors = nil, nil, nil, nil
	h.Begin, h.own, h.ended, h.Cut, h.Time = nil, false, false, false, 0
}

// finish makes the host of what was read. Its queries get the names that names
// has for them.
func (h *host) finish(names names, l *Limits) *Host {
	if h.Name = hostName(h.given); h.Name != h.given {
		h.fail("", h.Source+": expected a host's name that is safe in a path and on a terminal: shown encoded")
	}
	h.missing()
	for _, a := range h.order {
		table, ok := a.finish(names.of(a.query), l)
		if !ok {
			continue
		}
		a.notes.each(l, func(_ int, text string) { h.fail(a.query, h.Source+": "+text) })
		h.Tables = append(h.Tables, table)
	}
	for i, e := range slices.Backward(h.Errors) {
		if more := h.failed[e.Query] - maxSameErrors; more > 0 {
			h.failed[e.Query] = 0 // said once
			h.Errors[i].Error += fmt.Sprintf(" (and %d more errors of this query)", more)
		}
		h.Errors[i].Query = names.of(e.Query)
	}
	out := h.Host
	return &out
}

// missing records what our own log says it should hold and does not.
func (h *host) missing() {
	if h.own && !h.ended {
		h.Cut = true
		h.fail("", h.Source+": expected a diffy_end line: the log was cut or the collector was stopped")
	}
	if h.Begin == nil {
		return
	}
	for _, query := range h.Begin.Queries {
		if h.answers[query] == nil && h.failed[query] == 0 {
			h.fail(query, h.Source+": expected a line of this query, which diffy_begin names")
		}
	}
}

// begin reads the columns of a diffy_begin line.
func begin(row triage.Row) *Begin {
	b := &Begin{
		Pack: row["pack"], PackVersion: row["pack_version"], OsqueryVersion: row["osquery_version"],
		Collector: collector(row["collector"]),
	}
	for query := range strings.SplitSeq(row["queries"], ",") {
		if query = strings.TrimSpace(query); query != "" && len(b.Queries) < maxQueries {
			b.Queries = append(b.Queries, query)
		}
	}
	return b
}

// collector reads "<dir> <pid>:<start_time> …". What looks like a process is one
// only after the folder, which may have spaces.
func collector(text string) Collector {
	words := strings.Fields(text)
	var c Collector
	for len(words) > 0 {
		pid, start, ok := strings.Cut(words[len(words)-1], ":")
		if !ok || !isNumber(pid) || !isNumber(start) {
			break
		}
		if c.Processes == nil {
			c.Processes = make(map[string]string)
		}
		c.Processes[pid] = start
		words = words[:len(words)-1]
	}
	c.Dir = strings.Join(words, " ")
	return c
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
