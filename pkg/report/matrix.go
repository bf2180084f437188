package report

import (
	"maps"
	"slices"

	"diffy/pkg/triage"
)

// The matrix shows the hosts and queries that have something to show, up to these.
const (
	matrixHosts   = 60
	matrixQueries = 50
)

// matrix is hosts by queries: where findings are, and where nothing could be read.
type matrix struct {
	Queries     []string
	Rows        []matrixRow
	MoreHosts   int // with something, not shown
	MoreQueries int
}

type matrixRow struct {
	Host  *hostView
	Cells []matrixCell
}

// matrixCell sums up one query on one host.
type matrixCell struct {
	Query    string
	Count    int             // findings
	Severity triage.Severity // of the loudest
	Finding  int             // number of the best; 0: none
	Unread   bool            // the query failed there, or nothing came from the host
}

func newMatrix(v *view) matrix {
	queries := matrixColumns(v)
	var m matrix
	m.Queries, m.MoreQueries = head(queries, matrixQueries)
	at := map[string]map[string]*matrixCell{}
	for _, f := range v.Seen {
		for _, h := range f.Hosts {
			cellOf(at, h, f.Query).add(f)
		}
	}
	for _, h := range v.Ranked {
		for _, e := range h.Errors {
			cellOf(at, h.Host, e.Query).Unread = true
		}
		if at[h.Host] == nil && h.Status != triage.NotExamined {
			continue
		}
		if len(m.Rows) == matrixHosts {
			m.MoreHosts++
			continue
		}
		m.Rows = append(m.Rows, matrixRow{Host: h, Cells: rowCells(at[h.Host], m.Queries, h.Status)})
	}
	return m
}

// matrixColumns orders queries by their best finding; those that only failed
// somewhere come last.
func matrixColumns(v *view) []string {
	var out []string
	have := map[string]bool{}
	for _, f := range v.Seen {
		if !have[f.Query] {
			have[f.Query] = true
			out = append(out, f.Query)
		}
	}
	failed := map[string]bool{}
	for _, h := range v.Hosts {
		for _, e := range h.Errors {
			if !have[e.Query] {
				failed[e.Query] = true
			}
		}
	}
	return append(out, slices.Sorted(maps.Keys(failed))...)
}

func cellOf(at map[string]map[string]*matrixCell, host, query string) *matrixCell {
	if at[host] == nil {
		at[host] = map[string]*matrixCell{}
	}
	if at[host][query] == nil {
		at[host][query] = &matrixCell{Query: query}
	}
	return at[host][query]
}

func (c *matrixCell) add(f *findingView) {
	if c.Count == 0 || !c.Severity.AtLeast(f.Severity) {
		c.Severity, c.Finding = f.Severity, f.Number
	}
	c.Count++
}

func rowCells(have map[string]*matrixCell, queries []string, status triage.Status) []matrixCell {
	return each(queries, func(q string) matrixCell {
		c := matrixCell{Query: q}
		if have[q] != nil {
			c = *have[q]
		}
		c.Unread = c.Unread || status == triage.NotExamined
		return c
	})
}

// head is the first n of a list and how many are left out.
func head[T any](s []T, n int) ([]T, int) {
	if len(s) <= n {
		return s, 0
	}
	return s[:n], len(s) - n
}
