package main

import (
	"context"
	"fmt"
	"slices"

	"diffy/pkg/pipeline"

	"github.com/spf13/cobra"
)

func (a *app) baselineApprove() *cobra.Command {
	var where string
	cmd := &cobra.Command{
		Use:   "approve NAME [VERSION]",
		Short: "Say that the hosts of a version were clean",
		Long: "Record that the hosts of a version (the latest where none is named) were clean, with the time and\n" +
			"who says so: in the account the ARN of your credentials, else $USER. Approved versions are used in\n" +
			"place of the latest. A good run that is approved becomes a version like any other.",
		Example: "  diffy baseline approve web-prod\n  diffy baseline approve web-prod 1.9.0",
		Args:    arguments(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			k, err := a.kept(cmd.Context(), where)
			if err != nil {
				return err
			}
			versions, err := k.chosen(cmd.Context(), args, false)
			if err != nil {
				return err
			}
			return a.approve(cmd.Context(), k, versions[0])
		},
		ValidArgsFunction: a.completeBaseline(&where, cobra.ShellCompDirectiveNoFileComp),
	}
	addPersistence(cmd, &where)
	return cmd
}

func (a *app) approve(ctx context.Context, k kept, v pipeline.Version) error {
	by, err := k.who(ctx)
	if err != nil {
		return err
	}
	if v.Weak {
		if err := k.choose(ctx, v); err != nil {
			return err
		}
	}
	if err := k.Approve(ctx, v.Group, v.Version, by, now()); err != nil {
		return k.failed(err)
	}
	_, err = fmt.Fprintf(a.out, "%s %s: approved by %s\n", oneLine(k.short(v.Group)), v.Version, oneLine(by))
	return failed(err)
}

// choose makes a version of a good run.
func (k kept) choose(ctx context.Context, v pipeline.Version) error {
	found, err := k.Find(ctx, v.Group, v.Version)
	if err == nil {
		found[0].Weak = false
		err = k.Store(ctx, found[0])
	}
	return k.failed(err)
}

func (a *app) baselineDelete() *cobra.Command {
	var yes bool
	var where string
	cmd := &cobra.Command{
		Use:     "delete NAME [VERSION]",
		Short:   "Delete a version, or all versions of a baseline",
		Example: "  diffy baseline delete web-prod 1.8.0 --yes",
		Args:    arguments(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			k, err := a.kept(cmd.Context(), where)
			if err != nil {
				return err
			}
			versions, err := k.chosen(cmd.Context(), args, true)
			if err != nil {
				return err
			}
			if !yes {
				return usage("repeat it with --yes", "this would delete %s of %s: %s", plural(len(versions), "version", "versions"), k.short(versions[0].Group), some(versionNames(versions)))
			}
			return a.deleteBaselines(cmd.Context(), k, versions)
		},
		ValidArgsFunction: a.completeBaseline(&where, cobra.ShellCompDirectiveNoFileComp),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "really delete")
	addPersistence(cmd, &where)
	return cmd
}

func (a *app) deleteBaselines(ctx context.Context, k kept, versions []pipeline.Version) error {
	for _, v := range versions {
		if err := k.Delete(ctx, v.Group, v.Version); err != nil && !isNotFound(err) { // by somebody else meanwhile
			return k.failed(err)
		}
		if _, err := fmt.Fprintf(a.out, "%s %s: deleted\n", oneLine(k.short(v.Group)), v.Version); err != nil {
			return failed(err)
		}
	}
	return nil
}

// chosen finds the versions that NAME [VERSION] or NAME@VERSION names: without
// VERSION the latest, or all of them.
func (k kept) chosen(ctx context.Context, args []string, all bool) ([]pipeline.Version, error) {
	versions, err := k.called(ctx, args[0])
	if name, version, both := cutVersion(args[0]); err == nil && len(versions) == 0 && both && len(args) == 1 {
		return k.chosen(ctx, []string{name, version}, all)
	}
	switch {
	case err != nil:
		return nil, err
	case len(versions) == 0:
		return nil, k.noStored(ctx, args[0])
	case len(args) < 2 && !all:
		return versions[:1], nil
	case len(args) < 2:
		return versions, nil
	}
	i := slices.IndexFunc(versions, func(v pipeline.Version) bool { return v.Version == args[1] })
	if i < 0 {
		return nil, usage("versions are "+some(versionNames(versions)), "baseline %s has no version %q", args[0], args[1])
	}
	return versions[i : i+1], nil
}

func versionNames(versions []pipeline.Version) []string {
	names := make([]string, len(versions))
	for i, v := range versions {
		names[i] = v.Version
	}
	return names
}
