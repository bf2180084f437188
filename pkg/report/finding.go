package report

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"diffy/pkg/triage"
)

// findingView is a finding with its rows laid side by side.
type findingView struct {
	*triage.Finding
	Number int    // its place in the ranking, from 1
	Where  string // "on 1 of 8 hosts"
	Cells  []cell // changed columns, key columns, then the rest by name
}

// cell is one column of a finding: what the others or the baseline have, and what
// this host has.
type cell struct {
	Column        string
	Before, After string
	HasBefore     bool
	HasAfter      bool
	Changed       bool
	Key           bool
}

func newFindingView(f *triage.Finding, n int) *findingView {
	return &findingView{Finding: f, Number: n, Where: where(f), Cells: cells(f)}
}

// Headline is the title of the difference and why it counts, for where its row is
// not shown.
func (f *findingView) Headline() string { return f.Title() + ": " + f.Why }

// Title names the difference in a few words, by the first key column that says
// something.
func (f *findingView) Title() string {
	s := f.Query + " " + string(f.Kind)
	for _, key := range f.Keys() {
		if value := strings.TrimSpace(key.After); value != "" {
			if _, err := strconv.Atoi(value); err == nil {
				value = key.Column + " " + value
			}
			return s + ", " + cut(value, 80)
		}
	}
	return s
}

func where(f *triage.Finding) string {
	s := "on " + ofHosts(f.HostsWith, f.HostsCompared)
	if f.Rows > 1 {
		s += ", " + number(f.Rows) + " rows folded"
	}
	return s
}

func cells(f *triage.Finding) []cell {
	names := map[string]bool{}
	for _, row := range []triage.Row{f.Key, f.Row, f.Expected} {
		for name := range row {
			names[name] = true
		}
	}
	out := make([]cell, 0, len(names))
	for name := range names {
		c := cell{Column: name, Changed: slices.Contains(f.ChangedColumns, name)}
		c.After, c.HasAfter = f.Row[name]
		c.Before, c.HasBefore = f.Expected[name]
		if value, ok := f.Key[name]; ok {
			c.Key = true
			if !c.HasAfter && !c.HasBefore {
				c.After, c.HasAfter = value, true
			}
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b cell) int {
		return cmp.Or(cmp.Compare(a.order(), b.order()), columnOrder(a.Column, b.Column))
	})
	return out
}

func (c cell) order() int {
	switch {
	case c.Changed:
		return 0
	case c.Key:
		return 1
	}
	return 2
}

// Value is what identifies a row in a key column, wherever it stands.
func (c cell) Value() string {
	if c.HasAfter {
		return c.After
	}
	return c.Before
}

// columnOrder puts first what people read first.
func columnOrder(a, b string) int {
	return cmp.Or(cmp.Compare(columnRank(a), columnRank(b)), strings.Compare(a, b))
}

func columnRank(name string) int {
	first := []string{"path", "name", "id", "username", "port", "command", "cmdline"}
	if i := slices.Index(first, name); i >= 0 {
		return i
	}
	return len(first)
}

// Keys are the columns that say which row it is. A query with one row a host has
// none.
func (f *findingView) Keys() []cell {
	names := slices.SortedFunc(maps.Keys(f.Key), columnOrder)
	return each(names, func(name string) cell { return cell{Column: name, After: f.Key[name], HasAfter: true, Key: true} })
}

// Changes are the columns that differ.
func (f *findingView) Changes() []cell {
	n := 0
	for n < len(f.Cells) && f.Cells[n].Changed {
		n++
	}
	return f.Cells[:n]
}

// Rest are the columns that are neither key nor changed: context.
func (f *findingView) Rest() []cell {
	for i, c := range f.Cells {
		if !c.Changed && !c.Key {
			return f.Cells[i:]
		}
	}
	return nil
}
