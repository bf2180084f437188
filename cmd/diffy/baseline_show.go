package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"diffy/pkg/facts"
	"diffy/pkg/pack"
	"diffy/pkg/pipeline"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
)

// listed is a version in lists of versions.
type listed struct {
	Name     string `json:"name"`
	Group    string `json:"group"` // with account and region, where it has them
	Version  string `json:"version"`
	Created  string `json:"created"`
	Hosts    int    `json:"hosts"`
	Pack     string `json:"pack"`
	Approved bool   `json:"approved"`
	pipeline.Approval
	Weak bool `json:"weak"` // the last good run, or the one before
	Used bool `json:"used"` // when the baseline is named and no version
}

func (k kept) listed(v pipeline.Version) listed {
	return listed{k.short(v.Group), v.Group, v.Version, v.Created, v.Hosts, v.Pack, v.Approved, v.Approval, v.Weak, v.Used}
}

// state is what to know of a version before relying on it.
func (l listed) state() string {
	switch {
	case l.Approved:
		return "approved by " + l.By + " " + day(l.At)
	case l.Weak && l.Used:
		return "last good run, weak"
	case l.Weak:
		return "good run, not used"
	case l.Used:
		return "latest, not approved"
	}
	return "not used"
}

func (a *app) baselineList() *cobra.Command {
	var format, where string
	cmd := &cobra.Command{
		Use: "list", Short: "List the stored baselines and their versions", Args: arguments(0, 0),
		Example: "  diffy baseline list\n  diffy baseline list --format json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			k, err := a.kept(cmd.Context(), where)
			if err != nil {
				return err
			}
			all, err := k.all(cmd.Context())
			if err != nil {
				return k.failed(err)
			}
			versions := make([]listed, len(all))
			rows := make([][]string, len(all))
			for i, v := range all {
				l := k.listed(v)
				versions[i] = l
				rows[i] = []string{l.Name, l.Version, minute(l.Created), strconv.Itoa(l.Hosts), l.Pack, l.state()}
			}
			return a.list(format, versions, []string{"NAME", "VERSION", "EVIDENCE OF", "HOSTS", "PACK", "STATE"}, rows,
				"no baseline is stored"+k.where()+": diffy baseline create NAME PATH…")
		},
	}
	addFormat(cmd, &format)
	addPersistence(cmd, &where)
	return cmd
}

// all lists the versions of every group, the groups in order.
func (k kept) all(ctx context.Context) ([]pipeline.Version, error) {
	groups, err := k.Groups(ctx)
	if err != nil {
		return nil, err
	}
	found := make([][]pipeline.Version, len(groups))
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(8) // of a group at once
	for i, group := range groups {
		work.Go(func() (err error) {
			found[i], err = k.Versions(ctx, group)
			return err
		})
	}
	err = work.Wait()
	return slices.Concat(found...), err
}

func (a *app) baselineShow() *cobra.Command {
	var format, where string
	cmd := &cobra.Command{
		Use: "show NAME [VERSION]", Short: "Show a version: its hosts, and how much it knows of each query", Args: arguments(1, 2),
		Example: "  diffy baseline show web-prod\n  diffy baseline show web-prod 1.9.0",
		RunE: func(cmd *cobra.Command, args []string) error {
			k, err := a.kept(cmd.Context(), where)
			if err != nil {
				return err
			}
			versions, err := k.chosen(cmd.Context(), args, false)
			if err != nil {
				return err
			}
			return a.showBaseline(cmd.Context(), k, format, versions[0])
		},
		ValidArgsFunction: a.completeBaseline(&where, cobra.ShellCompDirectiveNoFileComp),
	}
	addFormat(cmd, &format)
	addPersistence(cmd, &where)
	return cmd
}

// shownQuery is how much a baseline knows of one query.
type shownQuery struct {
	Query string `json:"query"`
	Facts int    `json:"facts"`
	Hosts int    `json:"hosts"` // that have any of them
}

func (a *app) showBaseline(ctx context.Context, k kept, format string, v pipeline.Version) error {
	encoded, err := asJSON(format)
	if err != nil {
		return err
	}
	p, err := pack.Load()
	if err != nil {
		return failed(err)
	}
	out := struct {
		listed
		HostNames []string     `json:"host_names"`
		Queries   []shownQuery `json:"queries"`
		Problem   string       `json:"problem,omitempty"` // why it cannot be compared with any more
	}{listed: k.listed(v), HostNames: []string{}, Queries: []shownQuery{}}
	set, err := k.facts(ctx, p, v)
	var known *exit
	switch {
	case errors.As(err, &known) && errors.Is(err, facts.ErrTemplates):
		out.Problem = known.hint
	case err != nil:
		return err
	default:
		for _, h := range set.Hosts() {
			out.HostNames = append(out.HostNames, h.Name)
		}
		out.Queries = shownQueries(set)
	}
	if encoded {
		return a.json(out)
	}
	if err := a.fields(
		[2]string{"baseline", out.Name}, [2]string{"version", out.Version}, [2]string{"state", out.state()},
		[2]string{"evidence of", minute(out.Created)}, [2]string{"pack", out.Pack},
		[2]string{"hosts", cmp.Or(some(out.HostNames), strconv.Itoa(out.Hosts))},
		[2]string{"problem", out.Problem},
	); err != nil || out.Problem != "" {
		return err
	}
	rows := make([][]string, len(out.Queries))
	for i, q := range out.Queries {
		rows[i] = []string{q.Query, strconv.Itoa(q.Facts), strconv.Itoa(q.Hosts)}
	}
	fmt.Fprintln(a.out)
	return a.grid([]string{"QUERY", "FACTS", "HOSTS"}, rows)
}

func shownQueries(set *facts.Set) []shownQuery {
	var out []shownQuery
	for _, t := range set.Tables() {
		hosts := map[uint32]bool{}
		for _, f := range t.Facts {
			for _, h := range f.Hosts {
				hosts[h] = true
			}
		}
		out = append(out, shownQuery{t.Rule.Name, len(t.Facts), len(hosts)})
	}
	return out
}
