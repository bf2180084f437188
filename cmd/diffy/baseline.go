package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
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
			"Who names a baseline and no version gets its approved versions, else its latest.",
		a.baselineCreate(), a.baselineList(), a.baselineShow(), a.baselineCompare(), a.baselineApprove(), a.baselineDelete(),
	)
}

func (a *app) baselineCreate() *cobra.Command {
	var version string
	cmd := &cobra.Command{
		Use:   "create NAME PATH…",
		Short: "Store the facts of clean hosts as a new version",
		Long: "Store the facts of the hosts in PATH… as a new version of the baseline NAME. The name is that of\n" +
			"the group: diffy triage --local --group NAME compares with it by itself.",
		Example: "  diffy baseline create web-prod clean/\n" +
			"  diffy baseline create web-prod clean/web-1 clean/web-2 --version 1.9.0",
		Args: arguments(2, anyMore),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.createBaseline(cmd.Context(), args[0], version, args[1:])
		},
	}
	cmd.Flags().StringVar(&version, "version", "", "call it `VERSION` (default: the time)")
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

func (a *app) createBaseline(ctx context.Context, name, version string, paths []string) error {
	if err := checkName(name, version); err != nil {
		return err
	}
	p, err := pack.Load()
	if err != nil {
		return failed(err)
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
	stored, err := a.store(ctx, pipeline.Baseline{
		Group: name, Version: version, Created: earlier(clean.created(), now()), Hosts: len(set.Hosts()), Pack: packName(p), Data: data.Bytes(),
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "%s %s: %s\n", oneLine(name), stored, plural(len(set.Hosts()), "host", "hosts"))
	a.say("nobody has approved it yet: diffy baseline approve %s %s", quoted(name), stored)
	return a.notWhole(set, "this baseline does not know what else the host has")
}

// store stores a version. One that has no name yet gets the time for one, and a
// number when there is one of this time already.
func (a *app) store(ctx context.Context, b pipeline.Baseline) (string, error) {
	named := b.Version != ""
	if !named {
		b.Version = now().Format("20060102T150405Z")
	}
	stamp := b.Version
	for n := 2; ; n++ {
		err := a.table().Store(ctx, b)
		switch {
		case err == nil:
			return b.Version, nil
		case !errors.Is(err, pipeline.ErrExists):
			return "", failed(err)
		case named:
			return "", usage("versions are never replaced: choose another, or diffy baseline delete it first", "baseline %s has a version %s with other facts", b.Group, b.Version)
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
	cmd := &cobra.Command{
		Use:   "compare NAME PATH…",
		Short: "Compare hosts with a baseline, and not with each other",
		Long: "Compare the hosts in PATH… with the stored baseline NAME (or NAME@VERSION) alone: what the group\n" +
			"has in common counts for nothing. diffy analyze --baseline NAME does both.",
		Example: "  diffy baseline compare web-prod evidence/\n  diffy baseline compare web-prod@1.9.0 evidence/web-7 --format json",
		Args:    arguments(2, anyMore),
		RunE: func(cmd *cobra.Command, args []string) error {
			stored, err := a.stored(args[0])
			if err != nil {
				return err
			}
			if len(stored) == 0 {
				return a.noStored(args[0])
			}
			q.baselines, q.paths = nil, args[1:]
			for _, v := range stored {
				q.baselines = append(q.baselines, v.Group+"@"+v.Version)
			}
			return a.runAnalyze(cmd.Context(), q)
		},
		ValidArgsFunction: a.completeFirst(a.baselineNames, cobra.ShellCompDirectiveDefault),
	}
	cmd.Flags().StringVar(&q.group, "group", "local", "the group's `NAME` in the result")
	q.flags(cmd)
	return cmd
}

// noStored is the error of a name that has to be a stored baseline's.
func (a *app) noStored(name string) error {
	names, err := a.baselineNames()
	if err != nil {
		return failed(err)
	}
	if len(names) == 0 {
		return usage("diffy baseline create NAME PATH…", "there is no baseline %q: none is stored yet", name)
	}
	slices.Sort(names)
	return usage("stored are "+some(names)+"; see diffy baseline list", "there is no baseline %q", name)
}
