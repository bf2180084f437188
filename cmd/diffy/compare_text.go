package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"diffy/pkg/pack"
	"diffy/pkg/report"
	"diffy/pkg/triage"

	"github.com/charmbracelet/x/ansi"
)

// mostShown is how many differences of one query the text shows.
const mostShown = 15

// showComparison writes a comparison for a terminal: by query, each thing with what
// A has and what B has.
func (a *app) showComparison(c comparison) error {
	var b strings.Builder
	nameA, nameB := oneLine(c.A), oneLine(c.B)
	fmt.Fprintf(&b, "%s\n%s the same\n", a.paint(fmt.Sprintf("%s and %s differ in %s", nameA, nameB, plural(len(c.Differences), "thing", "things")), bold), plural(c.Same, "fact is", "facts are"))
	width := max(ansi.StringWidth(nameA), ansi.StringWidth(nameB))
	labels := [2]string{pad(nameA, width), pad(nameB, width)}
	for _, group := range byQuery(c.Differences) {
		fmt.Fprintf(&b, "\n%s  %s\n", a.paint(oneLine(group[0].Query), bold), a.paint(countSides(group, nameA, nameB), dim))
		for i, d := range group {
			if i == mostShown {
				fmt.Fprintf(&b, "  %s\n", a.paint(fmt.Sprintf("and %d more: --format json has them all", len(group)-i), dim))
				break
			}
			a.showDifference(&b, d, labels)
		}
	}
	if len(c.Unknown) > 0 {
		fmt.Fprintf(&b, "\n%s  %s\n", a.paint("COULD NOT BE COMPARED", bold), a.paint("nothing is known of these", dim))
		for _, u := range c.Unknown {
			fmt.Fprintf(&b, "  %s: %s\n", oneLine(u.Query), oneLine(u.Reason))
		}
	}
	_, err := a.out.Write([]byte(b.String()))
	return failed(err)
}

func byQuery(all []difference) [][]difference {
	var out [][]difference
	for i, d := range all {
		if i == 0 || all[i-1].Query != d.Query {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], d)
	}
	return out
}

// countSides says how many things only one of the hosts has, and how many differ.
func countSides(group []difference, nameA, nameB string) string {
	onlyA, onlyB, both := 0, 0, 0
	for _, d := range group {
		switch {
		case len(d.B) == 0:
			onlyA++
		case len(d.A) == 0:
			onlyB++
		default:
			both++
		}
	}
	var parts []string
	for _, p := range []struct {
		n    int
		text string
	}{{onlyA, "only on " + nameA}, {onlyB, "only on " + nameB}, {both, "different"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.text))
		}
	}
	return strings.Join(parts, ", ")
}

func (a *app) showDifference(b *strings.Builder, d difference, labels [2]string) {
	line := func(s string) { b.WriteString(strings.TrimRight(ansi.Truncate(s, a.room(), "…"), " ") + "\n") }
	order := columnOrder(d.rule)
	line("  " + rowText(d.Key, order, nil))
	for side, rows := range [2][]triage.Row{d.A, d.B} {
		label := "    " + a.paint(labels[side], dim) + "  "
		if len(rows) == 0 {
			line(label + a.paint("-", dim))
		}
		for _, row := range rows {
			line(label + rowText(pick(row, d.Columns), order, d.Key))
		}
	}
}

// pick leaves the columns in which two rows differ, or all where none is named.
func pick(row triage.Row, columns []string) triage.Row {
	if len(columns) == 0 {
		return row
	}
	out := triage.Row{}
	for _, c := range columns {
		if v, ok := row[c]; ok {
			out[c] = v
		}
	}
	return out
}

// columnOrder puts what names a thing first and what never counts last.
func columnOrder(rule *pack.Query) []string { return slices.Concat(rule.Key, rule.Compare, rule.Shown) }

// rowText writes a row on one line, the columns of the rule in their order and the
// others after them by name, without what is said already.
func rowText(row triage.Row, order []string, said triage.Row) string {
	columns := slices.Sorted(maps.Keys(row))
	slices.SortStableFunc(columns, func(a, b string) int { return cmp.Compare(rank(order, a), rank(order, b)) })
	var parts []string
	for _, c := range columns {
		if was, known := said[c]; known && was == row[c] || row[c] == "" {
			continue
		}
		parts = append(parts, oneLine(c)+": "+report.Coded(c, oneLine(row[c])))
	}
	if len(parts) == 0 {
		return "yes"
	}
	return strings.Join(parts, " · ")
}

func rank(order []string, column string) int {
	if i := slices.Index(order, column); i >= 0 {
		return i
	}
	return len(order)
}

// pad fills s with spaces to width cells.
func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(width-ansi.StringWidth(s), 0))
}
