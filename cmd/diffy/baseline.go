package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"diffy/pkg/facts"
	"diffy/pkg/pack"
	"diffy/pkg/pipeline"
	"diffy/pkg/report"
	"diffy/pkg/triage"

	"github.com/spf13/cobra"
)

func (a *app) baseline() *cobra.Command {
	return family(
		"baseline", "Keep what clean hosts look like, and compare with it",
		"A baseline is the facts of one or a few clean, representative hosts of a group, in versions.\n"+
			"Who names a baseline and no version gets its approved versions, else its latest, else the last\n"+
			"good run of the group, which speaks more softly: nobody has chosen it.\n\n"+
			"They are kept in the account where diffy is deployed and a deployment is named, else in files.\n"+
			"There a NAME is what results call the group (asg:web-prod, lt:lt-0a1b, stack:shop); web-prod is\n"+
			"short for asg:web-prod, and 111122223333/eu-west-1/asg:web-prod is one of another account or region.",
		a.baselineCreate(), a.baselineList(), a.baselineShow(), a.baselineCompare(), a.baselineApprove(), a.baselineDelete(),
	)
}

func (a *app) baselineCreate() *cobra.Command {
	var version, where string
	cmd := &cobra.Command{
		Use:   "create NAME PATH…",
		Short: "Store the facts of clean hosts as a new version",
		Long: "Store the facts of the hosts in PATH… as a new version of the baseline NAME. The name is that of\n" +
			"the group: diffy triage --local --group NAME compares with it by itself, and so does a run in AWS\n" +
			"when it is stored there. A version of hosts in AWS is made by a run of purpose baseline.",
		Example: "  diffy baseline create web-prod clean/\n" +
			"  diffy baseline create web-prod clean/web-1 clean/web-2 --version 1.9.0\n" +
			"  diffy baseline create asg:web-prod clean/ --persistence aws",
		Args: arguments(2, anyMore),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.createBaseline(cmd.Context(), where, args[0], version, args[1:])
		},
	}
	cmd.Flags().StringVar(&version, "version", "", "call it `VERSION` (default: the time)")
	addPersistence(cmd, &where)
	return cmd
}

// versionWord is a version: it can stand after NAME@.
var versionWord = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$`)

func checkName(name, version string) error {
	if name == "" || len(name) > 200 || report.Visible(name) != name || strings.HasPrefix(name, "-") {
		return usage("a NAME is that of a group, such as web-prod or asg:web-prod", "%q cannot be the name of a baseline", name)
	}
	if version != "" && !versionWord.MatchString(version) || version == "auto" || version == "none" {
		return usage("a VERSION has letters, digits, dots and dashes, and is neither auto nor none", "%q cannot be a version", version)
	}
	return nil
}

func (a *app) createBaseline(ctx context.Context, where, name, version string, paths []string) error {
	if err := checkName(name, version); err != nil {
		return err
	}
	p, err := pack.Load()
	if err != nil {
		return failed(err)
	}
	k, err := a.kept(ctx, where)
	if err != nil {
		return err
	}
	clean := &evidence{app: a}
	set, err := clean.facts(ctx, p, paths)
	if err != nil {
		return err
	}
	var data bytes.Buffer
	if err := set.Encode(&data); err != nil {
		return failed(err)
	}
	stored, err := k.add(ctx, pipeline.Baseline{
		Group: k.group(name), Version: version, Created: earlier(clean.created(), now()), Hosts: len(set.Hosts()), Pack: packName(p), Data: data.Bytes(),
	})
	if err != nil {
		return err
	}
	name = k.short(k.group(name))
	fmt.Fprintf(a.out, "%s %s: %s\n", oneLine(name), stored, plural(len(set.Hosts()), "host", "hosts"))
	if k.account != nil {
		a.say("it is the baseline of %s", k.group(name))
	}
	a.say(unapproved, quoted(name), stored)
	return a.notWhole(set, "this baseline does not know what else the host has")
}

// add stores a version. One that has no name yet gets the time for one, and a
// number when there is one of this time already.
func (k kept) add(ctx context.Context, b pipeline.Baseline) (string, error) {
	named := b.Version != ""
	if !named {
		b.Version = now().Format("20060102T150405Z")
	}
	stamp := b.Version
	for n := 2; ; n++ {
		err := k.Store(ctx, b)
		switch {
		case err == nil:
			return b.Version, nil
		case !errors.Is(err, pipeline.ErrExists):
			return "", k.failed(err)
		case named:
			return "", usage("versions are never replaced: choose another, or diffy baseline delete it first", "baseline %s has a version %s with other facts", k.short(b.Group), b.Version)
		}
		b.Version = fmt.Sprintf("%s-%d", stamp, n)
	}
}

// earlier is when the evidence was made, or now where it does not say or names a
// time to come.
func earlier(created string, now time.Time) string {
	if at, err := time.Parse(time.RFC3339, created); err == nil && at.Before(now) {
		return created
	}
	return now.Format(time.RFC3339)
}

// notWhole names the hosts that were not read whole, and ends with the code for it.
func (a *app) notWhole(set *facts.Set, means string) error {
	code := error(nil)
	for _, h := range set.Hosts() {
		if why := gaps(h); why != "" {
			a.say("%s was not read whole (%s): %s", h.Name, why, means)
			code = &exit{code: exitPartial}
		}
	}
	return code
}

// gaps says what is missing of a host, "" when nothing is.
func gaps(h *facts.Host) string {
	switch {
	case h.Cut:
		return "the evidence is cut"
	case len(h.Errors) > 0:
		return plural(len(h.Errors), "query failed", "queries failed")
	case len(h.Answered) == 0:
		return "no query answered"
	}
	return ""
}

func (a *app) baselineCompare() *cobra.Command {
	q := analysis{methods: []string{string(triage.ByBaseline)}}
	var where string
	cmd := &cobra.Command{
		Use:   "compare NAME PATH…",
		Short: "Compare hosts with a baseline, and not with each other",
		Long: "Compare the hosts in PATH… with the stored baseline NAME (or NAME@VERSION) alone: what the group\n" +
			"has in common counts for nothing. diffy analyze --baseline NAME does both.",
		Example: "  diffy baseline compare web-prod evidence/\n  diffy baseline compare web-prod@1.9.0 evidence/web-7 --format json",
		Args:    arguments(2, anyMore),
		RunE: func(cmd *cobra.Command, args []string) error {
			k, err := a.kept(cmd.Context(), where)
			if err != nil {
				return err
			}
			stored, err := k.stored(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if len(stored) == 0 {
				return k.noStored(cmd.Context(), args[0])
			}
			if k.account != nil && !cmd.Flags().Changed("group") { // as its runs call it
				q.group = key(stored[0].Group)
			}
			q.against, q.paths = references{stored: stored, from: k}, args[1:]
			return a.runAnalyze(cmd.Context(), q)
		},
		ValidArgsFunction: a.completeBaseline(&where, cobra.ShellCompDirectiveDefault),
	}
	cmd.Flags().StringVar(&q.group, "group", "local", "the group's `NAME` in the result")
	addPersistence(cmd, &where)
	q.flags(cmd)
	return cmd
}

// key is a group without its account and region.
func key(group string) string {
	if parts := strings.SplitN(group, "/", 3); len(parts) == 3 {
		return parts[2]
	}
	return group
}

// noStored is the error of a name that has to be a stored baseline's.
func (k kept) noStored(ctx context.Context, name string) error {
	names, err := k.names(ctx)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return usage("diffy baseline create NAME PATH…", "there is no baseline %q: none is stored yet", name)
	}
	return usage("stored are "+some(names)+"; see diffy baseline list", "there is no baseline %q", name)
}

// completeBaseline completes the names of baselines where they are kept.
func (a *app) completeBaseline(where *string, rest cobra.ShellCompDirective) cobra.CompletionFunc {
	return a.completeFirst(func(ctx context.Context) ([]string, error) {
		k, err := a.kept(ctx, *where)
		if err != nil {
			return nil, err
		}
		return k.names(ctx)
	}, rest)
}
