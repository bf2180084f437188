package main

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"diffy/pkg/pipeline"
	"diffy/pkg/triage"

	"github.com/spf13/cobra"
)

func (a *app) suppress() *cobra.Command {
	return family(
		"suppress", "Declare findings known and good",
		"A suppressed finding is left out of later results, which list it with its reason. When it has\n"+
			"expired it counts again, and the result says so. Every form of the result shows the id of a\n"+
			"finding; it holds for this difference in this group (--group), on whatever hosts.\n\n"+
			"They are kept in the account where diffy is deployed and a deployment is named, else in files.",
		a.suppressAdd(), a.suppressList(), a.suppressRemove(),
	)
}

// declaration is what suppress add is asked for.
type declaration struct {
	triage.Suppression
	group, run string // where the finding is of; both empty: to be found
	where      string // --persistence
}

func (a *app) suppressAdd() *cobra.Command {
	var d declaration
	var expires string
	cmd := &cobra.Command{
		Use:   "add ID --reason REASON",
		Short: "Declare a finding known and good",
		Long: "Declare a finding known and good in its group. In the account the group is that of the run\n" +
			"(--run) or is named (--group); without either the latest runs are searched for the finding.",
		Example: "  diffy suppress add 3f9c2a71d04be865 --reason 'the leader runs the scheduler' --expires 90d\n" +
			"  diffy suppress add 3f9c2a71d04be865 --reason 'until the next image' --expires 2027-01-31\n" +
			"  diffy suppress add 3f9c2a71d04be865 --reason 'our scanner' --run asg-web-prod-202611240312-1f3a",
		Args: arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d.Finding, d.Reason = args[0], strings.TrimSpace(d.Reason)
			var err error
			if d.Expires, err = expiry(expires, now()); err != nil {
				return err
			}
			return a.addSuppression(cmd.Context(), d)
		},
	}
	f := cmd.Flags()
	f.StringVar(&d.Reason, "reason", "", "why it is known and good (required)")
	f.StringVar(&d.Author, "author", "", "who says so (default: the ARN of your credentials in the account, else $USER)")
	f.StringVar(&expires, "expires", "", "when it stops working: a `DATE` (2027-01-31), or how long (90d, 2w, 12h); default never")
	f.StringVar(&d.group, "group", "", "the finding's group, as results `NAME` it (asg:web-prod); in the account")
	f.StringVar(&d.run, "run", "", "a `RUN` that has the finding; in the account")
	addPersistence(cmd, &d.where)
	return cmd
}

// findingID is the form of a finding's id.
var findingID = regexp.MustCompile(`^[0-9a-f]{16}$`)

func (a *app) addSuppression(ctx context.Context, d declaration) error {
	switch {
	case !findingID.MatchString(d.Finding):
		return usage("an id has 16 hexadecimal digits; every form of the result shows it", "%q is no finding's id", d.Finding)
	case d.Reason == "":
		return usage("--reason 'why it is known and good'", "a suppression needs a reason")
	}
	k, err := a.kept(ctx, d.where)
	if err != nil {
		return err
	}
	if d.Author == "" {
		if d.Author, err = k.who(ctx); err != nil {
			return err
		}
	}
	group, err := a.groupOf(ctx, k, d)
	if err != nil {
		return err
	}
	old, err := k.suppressed(ctx, group, d.Finding)
	if err == nil {
		err = k.Suppress(ctx, group, d.Suppression)
	}
	if err != nil {
		return k.failed(err)
	}
	in := ""
	if group != "" {
		in = " in " + oneLine(k.short(group))
	}
	fmt.Fprintf(a.out, "%s: suppressed%s%s\n", d.Finding, in, until(d.Suppression))
	if old != nil {
		a.say("it takes the place of what %s had declared: %s", old.Author, old.Reason)
	}
	return nil
}

// suppressed finds what was declared of a finding in a group, nil if nothing was.
func (k kept) suppressed(ctx context.Context, group, finding string) (*triage.Suppression, error) {
	all, err := k.Suppressions(ctx, group)
	for _, s := range all {
		if s.Finding == finding {
			return &s, err
		}
	}
	return nil, err
}

func until(s triage.Suppression) string {
	if s.Expires == "" {
		return ", for ever"
	}
	return " until " + minute(s.Expires)
}

var span = regexp.MustCompile(`^(\d{1,4})([hdw])$`)

// expiry reads a date, a time or a span from now on, as RFC 3339.
func expiry(text string, now time.Time) (string, error) {
	if text == "" {
		return "", nil
	}
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		at, err = time.Parse(time.RFC3339, text)
	}
	if m := span.FindStringSubmatch(text); m != nil {
		n, _ := strconv.Atoi(m[1]) // at most four digits: 192 years of weeks
		unit := map[string]time.Duration{"h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}[m[2]]
		at, err = now.Add(time.Duration(n)*unit), nil
	}
	const hint = "--expires 2027-01-31, 90d, 2w or 12h"
	if err != nil {
		return "", usage(hint, "%q is no date and no span of time", text)
	}
	if !at.After(now) {
		return "", usage(hint, "--expires %s has passed already", text)
	}
	return at.UTC().Format(time.RFC3339), nil
}

func (a *app) suppressList() *cobra.Command {
	var format, where string
	cmd := &cobra.Command{
		Use: "list", Short: "List what is declared known and good, by whom, and until when", Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			k, err := a.kept(cmd.Context(), where)
			if err != nil {
				return err
			}
			all, err := k.Suppressed(cmd.Context())
			if err != nil {
				return k.failed(err)
			}
			if all == nil {
				all = []pipeline.Declared{}
			}
			rows := make([][]string, len(all))
			for i, s := range all {
				rows[i] = []string{s.Finding, expiresCell(s.Suppression, now()), s.Author, s.Reason}
				if k.account != nil {
					rows[i] = append([]string{cmp.Or(k.short(s.Group), "every group")}, rows[i]...)
				}
			}
			head := []string{"FINDING", "EXPIRES", "AUTHOR", "REASON"}
			if k.account != nil {
				head = append([]string{"GROUP"}, head...)
			}
			return a.list(format, all, head, rows, "nothing is suppressed"+k.where())
		},
	}
	addFormat(cmd, &format)
	addPersistence(cmd, &where)
	return cmd
}

func expiresCell(s triage.Suppression, now time.Time) string {
	at, err := time.Parse(time.RFC3339, s.Expires)
	switch {
	case s.Expires == "":
		return "never"
	case err != nil || !now.Before(at):
		return "expired " + day(s.Expires)
	}
	return minute(s.Expires)
}

func (a *app) suppressRemove() *cobra.Command {
	var group, where string
	cmd := &cobra.Command{
		Use: "remove ID", Short: "Let a finding count again", Args: arguments(1, 1),
		Example: "  diffy suppress remove 3f9c2a71d04be865",
		RunE: func(cmd *cobra.Command, args []string) error {
			k, err := a.kept(cmd.Context(), where)
			if err != nil {
				return err
			}
			return a.removeSuppression(cmd.Context(), k, group, args[0])
		},
		ValidArgsFunction: a.completeFirst(func(ctx context.Context) ([]string, error) {
			k, err := a.kept(ctx, where)
			if err != nil {
				return nil, err
			}
			all, err := k.Suppressed(ctx)
			var ids []string
			for _, s := range all {
				ids = append(ids, s.Finding)
			}
			return ids, err
		}, cobra.ShellCompDirectiveNoFileComp),
	}
	cmd.Flags().StringVar(&group, "group", "", "in this group alone, as results `NAME` it; in the account")
	addPersistence(cmd, &where)
	return cmd
}

// removeSuppression takes back what was declared of a finding, in one group or
// wherever it was.
func (a *app) removeSuppression(ctx context.Context, k kept, group, finding string) error {
	var groups []string
	if group != "" {
		groups = []string{k.group(group)}
	} else {
		all, err := k.Suppressed(ctx)
		if err != nil {
			return k.failed(err)
		}
		for _, d := range all {
			if d.Finding == finding {
				groups = append(groups, d.Group)
			}
		}
	}
	removed := false
	for _, g := range groups {
		err := k.Unsuppress(ctx, g, finding)
		if err != nil && !isNotFound(err) {
			return k.failed(err)
		}
		removed = removed || err == nil
	}
	if !removed {
		return usage("diffy suppress list", "finding %q is not suppressed", finding)
	}
	_, err := fmt.Fprintf(a.out, "%s: counts again\n", oneLine(finding))
	return failed(err)
}
