package report

import (
	"bufio"
	"io"
	"regexp"
	"strconv"
	"strings"

	"diffy/pkg/triage"
)

// maxCell is how many characters a CSV cell may have; spreadsheets end at 32,767.
const maxCell = 30000

var csvHeader = []string{
	"number", "severity", "score", "kind", "query", "key", "hosts_with", "hosts_compared", "hosts", "rows",
	"changed_columns", "before", "after", "techniques", "methods", "why", "id",
}

// CSV writes one line a finding, in the order of the result, with a header. No
// cell can act as a formula: one that could begins with an apostrophe.
func CSV(w io.Writer, r *triage.Result) error {
	v := newView(r)
	b := bufio.NewWriter(w)
	writeLine(b, csvHeader)
	for _, f := range v.Seen {
		writeLine(b, csvLine(f))
	}
	return b.Flush()
}

func csvLine(f *findingView) []string {
	methods := each(f.Methods, func(m triage.Method) string { return string(m) })
	return []string{
		strconv.Itoa(f.Number), string(f.Severity), bits(f.Score), string(f.Kind), f.Query, pairs(f.Keys(), cell.Value),
		strconv.Itoa(f.HostsWith), strconv.Itoa(f.HostsCompared), strings.Join(f.Hosts, " "), strconv.Itoa(f.Rows),
		strings.Join(f.ChangedColumns, " "), pairs(f.beforeCells(), func(c cell) string { return c.Before }),
		pairs(f.afterCells(), func(c cell) string { return c.After }),
		strings.Join(f.Techniques, " "), strings.Join(methods, " "), f.Why, f.ID,
	}
}

// beforeCells is what the others have: the changed columns, or the missing row.
func (f *findingView) beforeCells() []cell {
	if f.Kind == triage.Changed {
		return f.Changes()
	}
	return keep(f.Cells, func(c cell) bool { return c.HasBefore })
}

// afterCells is what this host has: the changed columns, or the added row.
func (f *findingView) afterCells() []cell {
	if f.Kind == triage.Changed {
		return f.Changes()
	}
	return keep(f.Cells, func(c cell) bool { return c.HasAfter && f.Row != nil })
}

func keep[T any](s []T, ok func(T) bool) []T {
	var out []T
	for _, v := range s {
		if ok(v) {
			out = append(out, v)
		}
	}
	return out
}

func pairs(cells []cell, value func(cell) string) string {
	return strings.Join(each(cells, func(c cell) string { return c.Column + "=" + value(c) }), " | ")
}

// Every cell is quoted, so that a comma or a semicolon in it stays in it; write
// errors stay in the bufio.Writer until Flush.
func writeLine(b *bufio.Writer, cells []string) {
	for i, c := range cells {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('"')
		b.WriteString(strings.ReplaceAll(defuse(cut(c, maxCell)), `"`, `""`))
		b.WriteByte('"')
	}
	b.WriteString("\r\n")
}

// formulaAfter finds a would-be formula behind a separator: where a spreadsheet
// splits at semicolons instead of commas, a cell begins there.
var formulaAfter = regexp.MustCompile(`(;["\s]*)([=+\-@＝＋－＠])`)

// defuse keeps a spreadsheet from taking a cell for a formula. Line ends and tabs
// are already spelled out.
func defuse(s string) string {
	s = formulaAfter.ReplaceAllString(s, "$1'$2")
	if t := strings.TrimLeft(s, ` "'`); t != "" && strings.ContainsAny(firstRune(t), "=+-@＝＋－＠|%") {
		return "'" + s
	}
	return s
}

func firstRune(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}
