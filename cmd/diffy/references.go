package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"diffy/pkg/detect"
	"diffy/pkg/facts"
	"diffy/pkg/pack"
	"diffy/pkg/pipeline"

	"github.com/spf13/cobra"
)

// references is what --baseline names: PATHs and stored versions.
type references struct {
	paths  []string
	stored []pipeline.Version
	from   kept // where they are stored
}

// references tells PATHs from names of stored baselines: what is there on disk is a
// PATH, and anything else has to be the name of a baseline, or NAME@VERSION.
func (a *app) references(ctx context.Context, asked []string) (references, error) {
	r := references{from: a.files()}
	for _, arg := range asked {
		stored, err := r.from.stored(ctx, arg)
		if err != nil {
			return r, err
		}
		_, missing := os.Stat(arg)
		switch {
		case arg == stdin || missing == nil:
			if len(stored) > 0 {
				a.say("--baseline %s is the one on disk; for the stored baseline: %s@%s", arg, arg, stored[0].Version)
			}
			r.paths = append(r.paths, arg)
		case len(stored) > 0:
			r.stored = append(r.stored, stored...)
		default:
			return r, r.from.noBaseline(ctx, arg)
		}
	}
	return r, nil
}

// stored finds the versions that NAME or NAME@VERSION stands for, none if there is
// no such baseline.
func (k kept) stored(ctx context.Context, arg string) ([]pipeline.Version, error) {
	all, err := k.called(ctx, arg)
	if err != nil {
		return nil, err
	}
	if len(all) > 0 {
		return slices.DeleteFunc(all, func(v pipeline.Version) bool { return !v.Used }), nil
	}
	name, version, ok := cutVersion(arg)
	if !ok {
		return nil, nil
	}
	all, err = k.called(ctx, name)
	return slices.DeleteFunc(all, func(v pipeline.Version) bool { return v.Version != version }), err
}

// cutVersion takes NAME@VERSION apart. A name may have an @ itself, a version has
// none.
func cutVersion(arg string) (name, version string, ok bool) {
	at := strings.LastIndexByte(arg, '@')
	if at < 0 {
		return arg, "", false
	}
	return arg[:at], arg[at+1:], true
}

// noBaseline says that there is no baseline of a name, and which there are.
func (k kept) noBaseline(ctx context.Context, arg string) error {
	names, err := k.names(ctx)
	if err != nil {
		return err
	}
	hint := "no baseline is stored yet: give a PATH, or diffy baseline create NAME PATH…"
	if len(names) > 0 {
		hint = "stored are " + some(names) + "; see diffy baseline list"
	}
	return usage(hint, "baseline %q is neither a PATH nor a stored baseline", arg)
}

// names are the stored baselines', as short as the command line takes them.
func (k kept) names(ctx context.Context) ([]string, error) {
	groups, err := k.Groups(ctx)
	for i, g := range groups {
		groups[i] = k.short(g)
	}
	return groups, k.failed(err)
}

// load reads the references' facts, and says what should be known of them.
func (a *app) load(ctx context.Context, p *pack.Pack, r references) (out []detect.Baseline, notes []string, err error) {
	for _, path := range r.paths {
		clean := &evidence{app: a}
		set, err := clean.facts(ctx, p, []string{path})
		if err != nil {
			return nil, nil, err
		}
		out = append(out, detect.Baseline{Name: baseName(path), Created: clean.created(), Set: set})
		notes = append(notes, clean.lost...)
	}
	for _, v := range r.stored {
		set, err := r.from.facts(ctx, p, v)
		if err != nil {
			return nil, nil, err
		}
		name := r.from.short(v.Group)
		out = append(out, detect.Baseline{Name: name, Version: v.Version, Created: v.Created, Set: set, Weak: v.Weak})
		switch {
		case v.Weak:
			notes = append(notes, fmt.Sprintf("baseline %s %s is the last good run: nobody has said that its hosts were clean", name, v.Version))
		case !v.Approved:
			notes = append(notes, fmt.Sprintf("baseline %s %s is not approved: nobody has said that its hosts were clean", name, v.Version))
		}
	}
	return out, notes, nil
}

// facts reads the facts of one version.
func (k kept) facts(ctx context.Context, p *pack.Pack, v pipeline.Version) (*facts.Set, error) {
	found, err := k.Find(ctx, v.Group, v.Version)
	if err != nil {
		return nil, k.failed(err)
	}
	name := k.short(v.Group)
	set, err := facts.Decode(p, bytes.NewReader(found[0].Data))
	if errors.Is(err, facts.ErrTemplates) {
		return nil, &exit{
			code: exitFailed, err: fmt.Errorf("baseline %s %s: %w; here it is pack %s, templates %s", name, v.Version, err, packName(p), p.Templates),
			hint: "make it again from its evidence: diffy baseline create " + quoted(name) + " PATH…",
		}
	}
	if err != nil {
		return nil, failed(fmt.Errorf("read baseline %s %s: %w", name, v.Version, err))
	}
	return set, nil
}

// packName is how a stored baseline names the pack that it was made with.
func packName(p *pack.Pack) string { return p.Name + " " + p.Version }

// baseName is the last part of a path, also where that is "." or "..".
func baseName(path string) string {
	if whole, err := filepath.Abs(path); err == nil && path != stdin {
		path = whole
	}
	return filepath.Base(path)
}

// completeBaselines completes the names of stored baselines.
func (a *app) completeBaselines(besides cobra.ShellCompDirective) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		names, err := a.files().names(cmd.Context())
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return names, besides
	}
}

// isNotFound reports whether something that was named is not in the store.
func isNotFound(err error) bool { return errors.Is(err, pipeline.ErrNotFound) }
