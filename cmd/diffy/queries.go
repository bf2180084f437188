package main

import (
	"fmt"
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
			rows := make([][]string, len(p.Queries))
			for i, q := range p.Queries {
				rows[i] = []string{q.Name, q.Tactic, q.Tier, q.Mode, q.Cost, strings.Join(q.Techniques, " ")}
			}
			return a.list(format, p.Queries, []string{"NAME", "TACTIC", "TIER", "MODE", "COST", "TECHNIQUES"}, rows, "the pack has no queries")
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

func queryNames() ([]string, error) {
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
		return a.json(q)
	}
	if _, err := fmt.Fprintf(a.out, "%s\n\n%s\n\n%s\n\n", a.paint(q.Name, bold), q.Why, q.SQL); err != nil {
		return failed(err)
	}
	return a.fields(
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
