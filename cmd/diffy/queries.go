package main

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"diffy/pkg/pack"

	"github.com/spf13/cobra"
)

func (a *app) queries() *cobra.Command {
	return family(
		"queries", "What hosts are asked, and how the answers are compared",
		"A query is one osquery statement with the rule for its rows: which columns say what thing it is,\n"+
			"which are compared, and which never.",
		a.queriesList(), a.queriesShow(), a.queriesCheck(),
	)
}

func (a *app) queriesList() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "list", Short: "List the queries of the pack", Args: arguments(0, 0),
		RunE: func(*cobra.Command, []string) error {
			p, err := pack.Load()
			if err != nil {
				return failed(err)
			}
			rows, data := make([][]string, len(p.Queries)), make([]queryData, len(p.Queries))
			for i, q := range p.Queries {
				data[i] = newQueryData(q)
				rows[i] = []string{q.Name, q.Tactic, q.Tier, q.Mode, q.Cost, strings.Join(q.Techniques, " ")}
			}
			return a.list(format, data, []string{"NAME", "TACTIC", "TIER", "MODE", "COST", "TECHNIQUES"}, rows, "the pack has no queries")
		},
	}
	addFormat(cmd, &format)
	return cmd
}

func (a *app) queriesShow() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "show NAME", Short: "Show one query: why it is asked, its SQL and its rule", Args: arguments(1, 1),
		Example:           "  diffy queries show crontab",
		RunE:              func(_ *cobra.Command, args []string) error { return a.showQuery(format, args[0]) },
		ValidArgsFunction: a.completeFirst(queryNames, cobra.ShellCompDirectiveNoFileComp),
	}
	addFormat(cmd, &format)
	return cmd
}

// queryData is a query as JSON.
type queryData struct {
	Name       string            `json:"name"`
	Tactic     string            `json:"tactic"`
	Why        string            `json:"why"`
	SQL        string            `json:"sql"`
	OnRequest  bool              `json:"on_request"`
	Pivot      []string          `json:"pivot"` // asked once for each value of these kinds, in place of {value}
	Tier       string            `json:"tier"`
	Mode       string            `json:"mode"`
	Cost       string            `json:"cost"`
	Privacy    string            `json:"privacy"`
	Key        []string          `json:"key"`
	Compare    []string          `json:"compare"`
	Shown      []string          `json:"shown"`
	Volatile   []string          `json:"volatile"`
	Template   map[string]string `json:"template"`
	Prior      float64           `json:"prior"` // bits
	Techniques []string          `json:"techniques"`
}

func newQueryData(q *pack.Query) queryData {
	list := func(s []string) []string { return append([]string{}, s...) } // never null
	template := map[string]string{}
	maps.Copy(template, q.Template)
	return queryData{
		q.Name, q.Tactic, q.Why, q.SQL, q.OnRequest, kindsOf(q), q.Tier, q.Mode, q.Cost, q.Privacy,
		list(q.Key), list(q.Compare), list(q.Shown), list(q.Volatile), template, q.Prior, list(q.Techniques),
	}
}

func kindsOf(q *pack.Query) []string {
	kinds := make([]string, len(q.Pivots))
	for i, kind := range q.Pivots {
		kinds[i] = string(kind)
	}
	return kinds
}

// whenAsked says when a run has the query in its bundle.
func whenAsked(q *pack.Query) string {
	switch {
	case len(q.Pivots) > 0:
		return "for each value of a pivot: " + strings.Join(kindsOf(q), ", ")
	case q.OnRequest:
		return "by name only"
	case q.Tier == pack.TierCore:
		return "in every run"
	}
	return "in runs with tier " + q.Tier
}

func queryNames(context.Context) ([]string, error) {
	p, err := pack.Load()
	if err != nil {
		return nil, err
	}
	names := make([]string, len(p.Queries))
	for i, q := range p.Queries {
		names[i] = q.Name
	}
	return names, nil
}

func (a *app) showQuery(format, name string) error {
	encoded, err := asJSON(format)
	if err != nil {
		return err
	}
	p, err := pack.Load()
	if err != nil {
		return failed(err)
	}
	q := p.Query(name)
	if q == nil {
		return usage("diffy queries list", "pack %s has no query %q", p.Name, name)
	}
	if encoded {
		return a.json(newQueryData(q))
	}
	if _, err := fmt.Fprintf(a.out, "%s\n\n%s\n\n%s\n\n", a.paint(q.Name, bold), q.Why, q.SQL); err != nil {
		return failed(err)
	}
	return a.fields(
		[2]string{"asked", whenAsked(q)},
		[2]string{"key", strings.Join(q.Key, ", ")},
		[2]string{"compared", strings.Join(q.Compare, ", ")},
		[2]string{"shown", strings.Join(q.Shown, ", ")},
		[2]string{"volatile", strings.Join(q.Volatile, ", ")},
		[2]string{"tier, mode, cost", q.Tier + ", " + q.Mode + ", " + q.Cost},
		[2]string{"privacy", q.Privacy},
		[2]string{"prior", fmt.Sprintf("%+.1f bits", q.Prior)},
		[2]string{"techniques", techniqueNames(p, q)},
	)
}

func techniqueNames(p *pack.Pack, q *pack.Query) string {
	names := make([]string, len(q.Techniques))
	for i, id := range q.Techniques {
		names[i] = id + " " + p.Techniques[id]
	}
	return strings.Join(names, ", ")
}
