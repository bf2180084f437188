package synth

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"diffy/pkg/pack"
	"diffy/pkg/snapshot"
	"diffy/pkg/triage"
)

// linux is the pack whose rules say which columns name a row.
var linux = sync.OnceValue(func() *pack.Pack {
	p, err := pack.Load()
	if err != nil {
		panic(err) // compiled in, and tested
	}
	return p
})

// change is one row that is another, new or gone between two states of one
// host.
type change struct {
	query  string
	kind   triage.Kind
	stable map[string]string // the row without what varies by itself
	key    map[string]string
}

// differ compares two states of one host by whole rows. Rows that changed at
// the same key are one change, with the later row.
func differ(before, after *machine) []change {
	was := map[string]snapshot.Table{}
	for _, t := range before.answers() {
		was[t.Query] = t
	}
	var out []change
	for _, t := range after.answers() {
		rule := linux().Rule(t.Query, t.Columns, before.plan.spec.Form == Pack)
		if rule.Mode == pack.ModeContext {
			continue
		}
		out = append(out, differTable(rule, was[t.Query], t)...)
	}
	return out
}

func differTable(rule *pack.Query, was, is snapshot.Table) []change {
	gone := rowsByText(was)
	var added []int
	for i := range is.Len() {
		text := strings.Join(is.Row(i), "\x00")
		if left := gone[text]; len(left) > 0 {
			gone[text] = left[1:]
			continue
		}
		added = append(added, i)
	}
	missing := map[string]map[string]string{}
	for _, text := range slices.Sorted(maps.Keys(gone)) {
		for _, i := range gone[text] {
			row := was.Raw(i)
			missing[keyText(rule, row)] = row
		}
	}
	var out []change
	for _, i := range added {
		row := is.Raw(i)
		if !counts(rule, row) {
			continue
		}
		kind := triage.Added
		if _, changed := missing[keyText(rule, row)]; changed {
			kind = triage.Changed
			delete(missing, keyText(rule, row))
		}
		out = append(out, newChange(rule, kind, row))
	}
	for _, k := range slices.Sorted(maps.Keys(missing)) {
		if counts(rule, missing[k]) {
			out = append(out, newChange(rule, triage.Missing, missing[k]))
		}
	}
	return out
}

// counts reports whether a rule looks at a row at all.
func counts(rule *pack.Query, row map[string]string) bool {
	return rule.Where == nil || rule.Where.Keep(row[rule.Where.Column])
}

func rowsByText(t snapshot.Table) map[string][]int {
	out := map[string][]int{}
	for i := range t.Len() {
		text := strings.Join(t.Row(i), "\x00")
		out[text] = append(out[text], i)
	}
	return out
}

func keyText(rule *pack.Query, row map[string]string) string {
	var b strings.Builder
	for _, c := range rule.Key {
		b.WriteString(row[c] + "\x00")
	}
	return b.String()
}

func newChange(rule *pack.Query, kind triage.Kind, row map[string]string) change {
	c := change{query: rule.Name, kind: kind, stable: map[string]string{}, key: map[string]string{}}
	for column, value := range row {
		if !slices.Contains(rule.Volatile, column) {
			c.stable[column] = value
		}
		if slices.Contains(rule.Key, column) {
			c.key[column] = value
		}
	}
	return c
}
