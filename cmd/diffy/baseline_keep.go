package main

import (
	"fmt"
	"slices"

	"diffy/pkg/local"

	"github.com/spf13/cobra"
)

func (a *app) baselineApprove() *cobra.Command {
	return &cobra.Command{
		Use:   "approve NAME [VERSION]",
		Short: "Say that the hosts of a version were clean",
		Long: "Record that the hosts of a version (the latest where none is named) were clean, with your name\n" +
			"($USER) and the time. Approved versions are used in place of the latest.",
		Example: "  diffy baseline approve web-prod\n  diffy baseline approve web-prod 1.9.0",
		Args:    arguments(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			versions, err := a.chosen(args, false)
			if err != nil {
				return err
			}
			by := a.env("USER")
			if by == "" {
				return usage("set USER to your name", "an approval needs a name and USER is empty")
			}
			v := versions[0]
			if err := a.table().Approve(cmd.Context(), v.Group, v.Version, by, now()); err != nil {
				return failed(err)
			}
			fmt.Fprintf(a.out, "%s %s: approved by %s\n", oneLine(v.Group), v.Version, oneLine(by))
			return nil
		},
		ValidArgsFunction: a.completeFirst(a.baselineNames, cobra.ShellCompDirectiveNoFileComp),
	}
}

func (a *app) baselineDelete() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:     "delete NAME [VERSION]",
		Short:   "Delete a version, or all versions of a baseline",
		Example: "  diffy baseline delete web-prod 1.8.0 --yes",
		Args:    arguments(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			versions, err := a.chosen(args, true)
			if err != nil {
				return err
			}
			if !yes {
				return usage("repeat it with --yes", "this would delete %s of %s: %s", plural(len(versions), "version", "versions"), args[0], some(versionNames(versions)))
			}
			for _, v := range versions {
				if err := a.table().Delete(cmd.Context(), v.Group, v.Version); err != nil {
					return failed(err)
				}
				fmt.Fprintf(a.out, "%s %s: deleted\n", oneLine(v.Group), v.Version)
			}
			return nil
		},
		ValidArgsFunction: a.completeFirst(a.baselineNames, cobra.ShellCompDirectiveNoFileComp),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "really delete")
	return cmd
}

// chosen finds the versions that NAME [VERSION] or NAME@VERSION names: without
// VERSION the latest, or all of them.
func (a *app) chosen(args []string, all bool) ([]local.Version, error) {
	versions, err := a.table().Versions(args[0])
	if name, version, both := cutVersion(args[0]); err == nil && len(versions) == 0 && both && len(args) == 1 {
		return a.chosen([]string{name, version}, all)
	}
	switch {
	case err != nil:
		return nil, failed(err)
	case len(versions) == 0:
		return nil, a.noStored(args[0])
	case len(args) < 2 && !all:
		return versions[:1], nil
	case len(args) < 2:
		return versions, nil
	}
	i := slices.IndexFunc(versions, func(v local.Version) bool { return v.Version == args[1] })
	if i < 0 {
		return nil, usage("versions are "+some(versionNames(versions)), "baseline %s has no version %q", args[0], args[1])
	}
	return versions[i : i+1], nil
}

func versionNames(versions []local.Version) []string {
	names := make([]string, len(versions))
	for i, v := range versions {
		names[i] = v.Version
	}
	return names
}
