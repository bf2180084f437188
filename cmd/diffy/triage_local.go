package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"diffy/pkg/local"
	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

const localHint = "--local takes a folder of recorded snapshots, or localhost"

// triageLocally runs the pipeline on this machine.
func (a *app) triageLocally(ctx context.Context, q ask) error {
	check := q.checkLocal
	if q.program != nil {
		check = q.checkProgram
	}
	if err := check(ctx, a); err != nil {
		return err
	}
	shown, other := a.progress(), &skipped{app: a}
	run, dir, result, err := local.Run(ctx, local.Options{
		Source: q.source, Exec: q.program, Out: q.folder, Home: a.home(), Baselines: q.baselines, Request: q.request, Retried: q.retried, Group: q.group, Version: version,
		Now: now, ID: func() string { return strings.ToLower(rand.Text()[:4]) },
		Said:     func(text string) { a.say("%s", text) },
		Skipped:  other.say,
		Progress: shown.step,
	})
	shown.done()
	other.rest()
	switch {
	case errors.Is(err, local.ErrNoEvidence):
		return usage(localHint, "%w", err)
	case run == "": // it has not begun: what it was given cannot be used
		return &exit{code: exitUsage, err: err}
	}
	if err = cmp.Or(err, a.table().KeepFolder(ctx, run, dir)); err != nil {
		return failed(err)
	}
	a.say("run %s: %s", run, filepath.Join(dir, "report.html"))
	q.folder = "" // it is all there
	err = a.deliver(result, q.output)
	if q.request.Purpose == triage.PurposeBaseline {
		a.say(unapproved, quoted(q.group), run)
	}
	return err
}

// checkLocal looks at what the flags say before anything is read.
func (q *ask) checkLocal(ctx context.Context, a *app) error {
	switch where := q.selectors.target; {
	case len(q.chosen()) > 0:
		return usage("leave out "+strings.Join(flagNames(q.chosen()), ", "), "--local brings its own hosts: the group is all of them")
	case where.Account != "" || where.Region != "":
		return usage("leave out --account and --region", "--local has no accounts and regions")
	case q.expand || q.only:
		return usage("leave out --expand and --only", "--local brings its own hosts: the group is all of them")
	case q.plan:
		return usage("leave out --plan", "--plan says what would be asked of AWS, and --local asks nobody")
	}
	if _, err := os.Stat(q.source); q.source != local.Localhost && err != nil {
		return usage(localHint, "read %s: %w", q.source, bare(err))
	}
	if q.source == local.Localhost && !osqueryPlug().Ready {
		return usage("install osquery (osquery.io/downloads), or give --local a folder that was recorded elsewhere", "there is no osqueryi on this machine")
	}
	if err := q.retryLocal(ctx, a); err != nil {
		return err
	}
	q.group = cmp.Or(q.group, "local")
	return q.sortBaselines(ctx, a)
}

// retryLocal finds the run to retry, by its id or its folder, and fills in what the
// flags do not say.
func (q *ask) retryLocal(ctx context.Context, a *app) error {
	if q.request.Retry == "" {
		return nil
	}
	const hint = "--retry takes the folder of a run, or a run's id: diffy runs list --persistence file"
	dir := q.request.Retry
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		q.retried = dir
	} else if dir, err = a.table().Folder(ctx, dir); err != nil {
		return failed(err)
	}
	var plan pipeline.Plan
	if err := readPlan(dir, &plan); err != nil {
		return usage(hint, "there is nothing to retry: read %s: %w", filepath.Join(dir, "plan.json"), bare(err))
	}
	var before triage.Request
	if err := readJSON(filepath.Join(dir, "request.json"), &before); err != nil {
		return usage(hint, "there is nothing to retry: read %s: %w", filepath.Join(dir, "request.json"), bare(err))
	}
	before.Target, before.Expand, before.Baseline = q.request.Target, q.request.Expand, "" // as --local has them
	goOn(&q.request, before)
	if q.group == "" {
		q.group = plan.Key
	}
	q.request.Retry = plan.Run
	return nil
}

func readPlan(dir string, plan *pipeline.Plan) error {
	return readJSON(filepath.Join(dir, "plan.json"), plan)
}

func readJSON(file string, v any) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}

// sortBaselines tells PATHs from versions: what is there on disk is a PATH, and
// anything else has to be a version of the group's own baseline.
func (q *ask) sortBaselines(ctx context.Context, a *app) error {
	var paths []string
	for _, b := range q.baselines {
		if _, err := os.Stat(b); err == nil {
			paths = append(paths, b)
			continue
		}
		if q.request.Baseline != "" {
			return usage("give one version, or PATHs", "baselines %s and %s are two versions", q.request.Baseline, b)
		}
		if err := q.version(ctx, a, b); err != nil {
			return err
		}
	}
	if q.request.Baseline != "" && len(paths) > 0 {
		return usage("give one version, or PATHs", "baseline %s is a version and %s a PATH", q.request.Baseline, paths[0])
	}
	q.baselines = paths
	return nil
}

// version takes a version of the group's baseline, also in the form NAME[@VERSION]
// that other commands take.
func (q *ask) version(ctx context.Context, a *app, asked string) error {
	version := strings.TrimPrefix(asked, q.group+"@")
	if asked == q.group {
		version = "auto"
	}
	if version == "auto" || version == "none" {
		q.request.Baseline = version
		return nil
	}
	versions, err := a.table().Versions(ctx, q.group)
	if err != nil {
		return failed(err)
	}
	if slices.ContainsFunc(versions, func(v pipeline.Version) bool { return v.Version == version }) {
		q.request.Baseline = version
		return nil
	}
	if others, err := a.files().stored(ctx, asked); err == nil && len(others) > 0 {
		return usage("--group "+quoted(others[0].Group)+" says that these hosts are of that group, and compares with its baseline",
			"baseline %s is not of the group %s", asked, q.group)
	}
	hint := "group " + q.group + " has no stored baseline: give a PATH, or diffy baseline create " + quoted(q.group) + " PATH…"
	if len(versions) > 0 {
		hint = "versions of " + q.group + " are " + some(versionNames(versions))
	}
	return usage(hint, "baseline %q is neither a PATH nor a version of group %s", asked, q.group)
}
