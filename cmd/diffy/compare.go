package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"diffy/pkg/facts"
	"diffy/pkg/pack"
	"diffy/pkg/snapshot"
	"diffy/pkg/triage"

	"github.com/spf13/cobra"
)

func (a *app) compare() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "compare HOST_A HOST_B PATH…",
		Short: "Lay two hosts side by side",
		Long: "Show in what two hosts differ: each thing that one has and the other has not, or has otherwise.\n" +
			"What always differs between hosts (their own names, addresses, ids, times) is left out. It is no\n" +
			"verdict: which of them is odd, diffy analyze says.",
		Example: "  diffy compare web-1 web-7 evidence/\n  diffy compare web-1 web-7 evidence/ --format json",
		Args:    arguments(3, anyMore),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runCompare(cmd.Context(), format, args[0], args[1], args[2:])
		},
	}
	addFormat(cmd, &format)
	return cmd
}

// comparison is two hosts side by side.
type comparison struct {
	A           string       `json:"a"`
	B           string       `json:"b"`
	Same        int          `json:"same"` // facts that both have
	Differences []difference `json:"differences"`
	Unknown     []unknown    `json:"unknown"` // what cannot be compared, and why
}

// difference is one thing that the hosts do not have alike: the rows of each that
// the other does not have.
type difference struct {
	Query   string       `json:"query"`
	Key     triage.Row   `json:"key"`
	A       []triage.Row `json:"a"`
	B       []triage.Row `json:"b"`
	Columns []string     `json:"columns"` // in which one row of each differs

	rule *pack.Query
}

type unknown struct {
	Query  string `json:"query"`
	Reason string `json:"reason"`
}

func (a *app) runCompare(ctx context.Context, format, hostA, hostB string, paths []string) error {
	encoded, err := asJSON(format)
	switch {
	case err != nil:
		return err
	case hostA == hostB:
		return usage("name two hosts", "%q is the same host twice", hostA)
	}
	p, err := pack.Load()
	if err != nil {
		return failed(err)
	}
	set, err := a.only(ctx, p, paths, hostA, hostB)
	if err != nil {
		return err
	}
	c := compareHosts(set, hostA, hostB)
	if encoded {
		err = a.json(c)
	} else {
		err = a.showComparison(c)
	}
	return cmp.Or(err, a.notWhole(set, "what it does not show may be there"))
}

// only reads the facts of the named hosts, all of which must be there.
func (a *app) only(ctx context.Context, p *pack.Pack, paths []string, names ...string) (*facts.Set, error) {
	found := make([]*snapshot.Host, len(names))
	others := make([][]string, workers())
	all := &evidence{app: a}
	err := all.each(ctx, paths, func(worker int, h *snapshot.Host) {
		if i := slices.Index(names, h.Name); i >= 0 {
			found[i] = h
		} else {
			others[worker] = append(others[worker], h.Name)
		}
	})
	if err != nil {
		return nil, err
	}
	set := facts.NewSet(p)
	for i, h := range found {
		if h == nil {
			there := slices.Sorted(slices.Values(slices.Concat(others...)))
			return nil, usage("there are "+some(there), "no host %q in %s", names[i], strings.Join(paths, ", "))
		}
		set.Add(h)
	}
	return set, nil
}

func compareHosts(set *facts.Set, hostA, hostB string) comparison {
	placeA, _ := set.Place(hostA)
	placeB, _ := set.Place(hostB)
	a, b := set.Host(placeA), set.Host(placeB)
	c := comparison{A: hostA, B: hostB, Differences: []difference{}, Unknown: unanswered(a, b)}
	for _, t := range set.Tables() {
		if !told(a, t) || !told(b, t) {
			if !slices.ContainsFunc(c.Unknown, func(u unknown) bool { return u.Query == t.Rule.Name }) {
				c.Unknown = append(c.Unknown, unknown{t.Rule.Name, "the hosts have other columns"})
			}
			continue
		}
		things := map[string]*difference{}
		var order []*difference
		for _, f := range t.Sorted() {
			if len(f.Hosts) == 2 {
				c.Same++
				continue
			}
			id := strings.Join(f.Key, "\x00")
			d := things[id]
			if d == nil {
				d = &difference{Query: t.Rule.Name, Key: keyRow(t.Rule, f), A: []triage.Row{}, B: []triage.Row{}, Columns: []string{}, rule: t.Rule}
				things[id] = d
				order = append(order, d)
			}
			if f.Hosts[0] == placeA {
				d.A = append(d.A, f.Row.Sent())
			} else {
				d.B = append(d.B, f.Row.Sent())
			}
		}
		for _, d := range order {
			d.Columns = d.changed()
			c.Differences = append(c.Differences, *d)
		}
	}
	slices.SortStableFunc(c.Unknown, func(a, b unknown) int { return cmp.Compare(a.Query, b.Query) })
	return c
}

// told reports whether a host has answered what is in a table. One without rows
// has answered by the query's name.
func told(h *facts.Host, t *facts.Table) bool {
	return slices.Contains(h.Answered, t.ID()) || slices.Contains(h.Answered, t.Rule.Name)
}

// unanswered lists the queries that one of two hosts has not answered, and why.
func unanswered(a, b *facts.Host) []unknown {
	out := []unknown{}
	for _, pair := range [][2]*facts.Host{{a, b}, {b, a}} {
		silent, other := queriesOf(pair[0]), queriesOf(pair[1])
		reasons := map[string]string{}
		for q := range other {
			if !silent[q] {
				reasons[q] = pair[0].Name + " has no answer"
			}
		}
		for _, e := range pair[0].Errors {
			if e.Query != "" {
				reasons[e.Query] = pair[0].Name + ": " + e.Error
			}
		}
		for _, q := range slices.Sorted(maps.Keys(reasons)) {
			out = append(out, unknown{q, reasons[q]})
		}
	}
	return out
}

// queriesOf names what a host has answered, by the query alone.
func queriesOf(h *facts.Host) map[string]bool {
	out := map[string]bool{}
	for _, id := range h.Answered {
		name, _, _ := strings.Cut(id, "\x00")
		out[name] = true
	}
	return out
}

// keyRow is what the thing is called: the key's values as the first host sent them.
func keyRow(rule *pack.Query, f *facts.Fact) triage.Row {
	sent, key := f.Row.Sent(), triage.Row{}
	for _, c := range rule.Key {
		if v, ok := sent[c]; ok {
			key[c] = v
		}
	}
	return key
}

// changed names the compared columns in which one row of each host differs.
func (d *difference) changed() []string {
	out := []string{}
	if len(d.A) != 1 || len(d.B) != 1 {
		return out
	}
	for _, c := range d.rule.Compare {
		if d.A[0][c] != d.B[0][c] {
			out = append(out, c)
		}
	}
	return out
}
