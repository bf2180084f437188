package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"diffy/pkg/pack"

	"github.com/spf13/cobra"
)

func (a *app) queries() *cobra.Command {
	cmd := &cobra.Command{Use: "queries", Short: "What hosts are asked, and how the answers are compared"}
	var asJSON bool
	list := &cobra.Command{
		Use: "list", Short: "List the queries of the pack", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.listQueries(asJSON) },
	}
	list.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	show := &cobra.Command{
		Use: "show NAME", Short: "Show one query: why it is asked, its SQL and its rule", Args: cobra.ExactArgs(1),
		RunE:              func(_ *cobra.Command, args []string) error { return a.showQuery(args[0]) },
		ValidArgsFunction: completeQueries,
	}
	cmd.AddCommand(list, show)
	return cmd
}

func completeQueries(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	p, err := pack.Load()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, q := range p.Queries {
		names = append(names, q.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) listQueries(asJSON bool) error {
	p, err := pack.Load()
	if err != nil {
		return failed(err)
	}
	if asJSON {
		out := json.NewEncoder(a.out)
		out.SetIndent("", "  ")
		return failed(out.Encode(p.Queries))
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tTACTIC\tTIER\tMODE\tCOST\tTECHNIQUES")
	for _, q := range p.Queries {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", q.Name, q.Tactic, q.Tier, q.Mode, q.Cost, strings.Join(q.Techniques, " "))
	}
	return failed(w.Flush())
}

func (a *app) showQuery(name string) error {
	p, err := pack.Load()
	if err != nil {
		return failed(err)
	}
	q := p.Query(name)
	if q == nil {
		return usage("diffy queries list", "pack %s has no query %q", p.Name, name)
	}
	fmt.Fprintf(a.out, "%s\n\n%s\n\n%s\n\n", q.Name, q.Why, q.SQL)
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, line := range [][2]string{
		{"key", strings.Join(q.Key, ", ")},
		{"compared", strings.Join(q.Compare, ", ")},
		{"shown", strings.Join(q.Shown, ", ")},
		{"volatile", strings.Join(q.Volatile, ", ")},
		{"tier, mode, cost", q.Tier + ", " + q.Mode + ", " + q.Cost},
		{"privacy", q.Privacy},
		{"prior", fmt.Sprintf("%+.1f bits", q.Prior)},
		{"techniques", techniqueNames(p, q)},
	} {
		if line[1] != "" {
			fmt.Fprintf(w, "%s\t%s\n", line[0], line[1])
		}
	}
	return failed(w.Flush())
}

func techniqueNames(p *pack.Pack, q *pack.Query) string {
	names := make([]string, len(q.Techniques))
	for i, id := range q.Techniques {
		names[i] = id + " " + p.Techniques[id]
	}
	return strings.Join(names, ", ")
}
