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
			"finding; it holds for this difference in this group (--group), on whatever hosts.",
		a.suppressAdd(), a.suppressList(), a.suppressRemove(),
	)
}

func (a *app) suppressAdd() *cobra.Command {
	var reason, author, expires string
	cmd := &cobra.Command{
		Use:   "add ID --reason REASON",
		Short: "Declare a finding known and good",
		Example: "  diffy suppress add 3f9c2a71d04be865 --reason 'the leader runs the scheduler' --expires 90d\n" +
			"  diffy suppress add 3f9c2a71d04be865 --reason 'until the next image' --expires 2027-01-31",
		Args: arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s := triage.Suppression{Finding: args[0], Reason: strings.TrimSpace(reason), Author: cmp.Or(author, a.env("USER"))}
			var err error
			if s.Expires, err = expiry(expires, now()); err != nil {
				return err
			}
			return a.addSuppression(cmd.Context(), s)
		},
	}
	f := cmd.Flags()
	f.StringVar(&reason, "reason", "", "why it is known and good (required)")
	f.StringVar(&author, "author", "", "who says so (default $USER)")
	f.StringVar(&expires, "expires", "", "when it stops working: a `DATE` (2027-01-31), or how long (90d, 2w, 12h); default never")
	return cmd
}

// findingID is the form of a finding's id.
var findingID = regexp.MustCompile(`^[0-9a-f]{16}$`)

func (a *app) addSuppression(ctx context.Context, s triage.Suppression) error {
	switch {
	case !findingID.MatchString(s.Finding):
		return usage("an id has 16 hexadecimal digits; every form of the result shows it", "%q is no finding's id", s.Finding)
	case s.Reason == "":
		return usage("--reason 'why it is known and good'", "a suppression needs a reason")
	case s.Author == "":
		return usage("--author NAME", "a suppression needs an author, and USER is empty")
	}
	old, err := a.suppressed(ctx, s.Finding)
	if err == nil {
		err = a.table().Suppress(ctx, "", s)
	}
	if err != nil {
		return failed(err)
	}
	fmt.Fprintf(a.out, "%s: suppressed%s\n", s.Finding, until(s))
	if old != nil {
		a.say("it takes the place of what %s had declared: %s", old.Author, old.Reason)
	}
	return nil
}

// suppressed finds what was declared of a finding, nil if nothing was.
func (a *app) suppressed(ctx context.Context, finding string) (*triage.Suppression, error) {
	all, err := a.table().Suppressed(ctx)
	for _, s := range all {
		if s.Finding == finding {
			return &s.Suppression, err
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

var span = regexp.MustCompile(`^(\d{1,5})([hdw])$`)

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
		n, _ := strconv.Atoi(m[1]) // at most five digits
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
	var format string
	cmd := &cobra.Command{
		Use: "list", Short: "List what is declared known and good, by whom, and until when", Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := a.table().Suppressed(cmd.Context())
			if err != nil {
				return failed(err)
			}
			if all == nil {
				all = []pipeline.Declared{}
			}
			rows := make([][]string, len(all))
			for i, s := range all {
				rows[i] = []string{s.Finding, expiresCell(s.Suppression, now()), s.Author, s.Reason}
			}
			return a.list(format, all, []string{"FINDING", "EXPIRES", "AUTHOR", "REASON"}, rows, "nothing is suppressed")
		},
	}
	addFormat(cmd, &format)
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
	return &cobra.Command{
		Use: "remove ID", Short: "Let a finding count again", Args: arguments(1, 1),
		Example: "  diffy suppress remove 3f9c2a71d04be865",
		RunE: func(cmd *cobra.Command, args []string) error {
			err := a.table().Unsuppress(cmd.Context(), "", args[0])
			if isNotFound(err) {
				return usage("diffy suppress list", "finding %q is not suppressed", args[0])
			}
			if err == nil {
				_, err = fmt.Fprintf(a.out, "%s: counts again\n", oneLine(args[0]))
			}
			return failed(err)
		},
		ValidArgsFunction: a.completeFirst(func() ([]string, error) {
			all, err := a.table().Suppressed(context.Background())
			var ids []string
			for _, s := range all {
				ids = append(ids, s.Finding)
			}
			return ids, err
		}, cobra.ShellCompDirectiveNoFileComp),
	}
}
