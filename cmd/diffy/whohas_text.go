package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"diffy/pkg/pack"
)

// mostPlaces is how many places the text shows.
const mostPlaces = 50

// showHolders writes for a terminal which hosts have the value, where, and in what
// row.
func (a *app) showHolders(w holders) error {
	queries, err := pack.Load()
	if err != nil {
		return failed(err)
	}
	head := fmt.Sprintf("%s: on %d of %s", oneLine(w.Value), len(w.Seen), plural(w.Hosts, "host", "hosts"))
	if _, err := fmt.Fprintln(a.out, a.paint(head, bold)); err != nil {
		return failed(err)
	}
	var rows [][]string
	more := 0
	for _, h := range w.Seen {
		for i, p := range h.Places {
			if len(rows) == mostPlaces {
				more++
				continue
			}
			name := ""
			if i == 0 {
				name = h.Host
			}
			rule := queries.Rule(p.Query, slices.Sorted(maps.Keys(p.Row)), false)
			rows = append(rows, []string{name, p.Query + "." + p.Column, strconv.Itoa(p.Rows), rowText(p.Row, columnOrder(rule), nil)})
		}
	}
	if len(rows) > 0 {
		fmt.Fprintln(a.out)
		if err := a.grid([]string{"HOST", "WHERE", "ROWS", "THE FIRST OF THEM"}, rows); err != nil {
			return err
		}
	}
	if more > 0 {
		fmt.Fprintf(a.out, "and %d more: --format json has them all\n", more)
	}
	fmt.Fprintln(a.out)
	return a.fields(
		[2]string{"not seen", names(w.NotSeen)},
		[2]string{"unknown", names(w.Unknown) + unless(len(w.Unknown) == 0, " (not read whole)")},
	)
}

// names counts hosts and names some.
func names(hosts []string) string {
	if len(hosts) == 0 {
		return ""
	}
	return plural(len(hosts), "host", "hosts") + ": " + some(hosts)
}

func unless(not bool, s string) string {
	if not {
		return ""
	}
	return s
}
