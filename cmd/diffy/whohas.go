package main

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"diffy/pkg/snapshot"
	"diffy/pkg/triage"

	"github.com/spf13/cobra"
)

func (a *app) whoHas() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "who-has VALUE PATH…",
		Short: "Say which hosts have a path, hash, address, user, port or key",
		Long: "Look for a value in every row of every host. A word or a number (a user, a port) has to be the\n" +
			"whole value of a column; a path, an address, a domain, a hash or a key is found inside of longer\n" +
			"values too, such as command lines and URLs, where it stands by itself.",
		Example: "  diffy who-has /tmp/.x/bash evidence/\n  diffy who-has 31337 evidence/\n  diffy who-has 198.51.100.7 evidence/ --format json",
		Args:    arguments(2, anyMore),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runWhoHas(cmd.Context(), format, args[0], args[1:])
		},
	}
	addFormat(cmd, &format)
	return cmd
}

// holders says which hosts have a value.
type holders struct {
	Value    string   `json:"value"`
	Hosts    int      `json:"hosts"` // that were looked at
	Seen     []holder `json:"seen"`
	NotSeen  []string `json:"not_seen"`
	Unknown  []string `json:"unknown"` // did not show it, but were not read whole
	notWhole bool
}

// holder is a host that has the value, and where.
type holder struct {
	Host   string  `json:"host"`
	Rows   int     `json:"rows"`
	Places []place `json:"places"`
}

// place is a column in which the value stands.
type place struct {
	Query  string     `json:"query"`
	Column string     `json:"column"`
	Rows   int        `json:"rows"`
	Row    triage.Row `json:"row"` // the first of them
}

func (a *app) runWhoHas(ctx context.Context, format, value string, paths []string) error {
	encoded, err := asJSON(format)
	switch {
	case err != nil:
		return err
	case strings.TrimSpace(value) == "":
		return usage("diffy who-has VALUE PATH…", "there is no value to look for")
	}
	parts := make([]holders, workers())
	find := newFinder(value)
	all := &evidence{app: a}
	if err := all.each(ctx, paths, func(worker int, h *snapshot.Host) { parts[worker].add(h, find) }); err != nil {
		return err
	}
	who := holders{Value: value, Seen: []holder{}, NotSeen: []string{}, Unknown: []string{}}
	for _, p := range parts {
		who.Hosts += p.Hosts
		who.Seen = append(who.Seen, p.Seen...)
		who.NotSeen = append(who.NotSeen, p.NotSeen...)
		who.Unknown = append(who.Unknown, p.Unknown...)
		who.notWhole = who.notWhole || p.notWhole
	}
	slices.SortFunc(who.Seen, func(a, b holder) int { return cmp.Compare(a.Host, b.Host) })
	slices.Sort(who.NotSeen)
	slices.Sort(who.Unknown)
	if encoded {
		err = a.json(who)
	} else {
		err = a.showHolders(who)
	}
	if err == nil && who.notWhole {
		err = &exit{code: exitPartial}
	}
	return err
}

func (w *holders) add(h *snapshot.Host, find finder) {
	w.Hosts++
	w.notWhole = w.notWhole || !whole(h)
	found := holder{Host: h.Name}
	for t := range h.Tables {
		found.table(&h.Tables[t], find)
	}
	switch {
	case found.Rows > 0:
		w.Seen = append(w.Seen, found)
	case whole(h):
		w.NotSeen = append(w.NotSeen, h.Name)
	default:
		w.Unknown = append(w.Unknown, h.Name)
	}
}

func (f *holder) table(t *snapshot.Table, find finder) {
	at := map[int]int{} // column → place
	for r := range t.Len() {
		hit := false
		for c, v := range t.Row(r) {
			if !find.in(v) {
				continue
			}
			hit = true
			i, known := at[c]
			if !known {
				i = len(f.Places)
				at[c] = i
				f.Places = append(f.Places, place{Query: t.Query, Column: t.Columns[c], Row: t.Raw(r)})
			}
			f.Places[i].Rows++
		}
		if hit {
			f.Rows++
		}
	}
}
