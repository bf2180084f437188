package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"diffy/pkg/pipeline"
)

// searched is how many of the latest runs are searched for a finding.
const searched = 50

// groupOf is the group that a finding is suppressed in, "" for every one: in files,
// where nobody names the group of hosts that are at hand.
func (a *app) groupOf(ctx context.Context, k kept, d declaration) (string, error) {
	switch {
	case k.account == nil && d.group+d.run != "":
		return "", usage("leave it out: here a finding is suppressed wherever its id turns up", "--group and --run are for suppressions in the account")
	case k.account == nil:
		return "", nil
	case d.group != "":
		return k.group(d.group), nil
	case d.run != "":
		return groupOfRun(ctx, k.account, d.run, d.Finding)
	}
	return a.searchRuns(ctx, k.account, d.Finding)
}

// groupOfRun is the group of a run that has the finding.
func groupOfRun(ctx context.Context, in *account, run, finding string) (string, error) {
	r, err := in.runs.LoadRun(ctx, run)
	if isNotFound(err) {
		return "", usage("diffy runs list", "there is no run %q", run)
	}
	if err != nil {
		return "", failedInAWS(err)
	}
	has, err := hasFinding(ctx, in, run, finding)
	switch {
	case isNotFound(err):
		return "", failed(fmt.Errorf("run %s has no result: it is %s%s", run, r.Status, reason(r)))
	case err != nil:
		return "", failedInAWS(err)
	case !has:
		return "", usage("diffy runs show "+quoted(run)+" shows the ids", "run %s has no finding %s", run, finding)
	}
	return r.Group, nil
}

// searchRuns finds the latest run that has the finding.
func (a *app) searchRuns(ctx context.Context, in *account, finding string) (string, error) {
	runs, err := in.runs.ListRuns(ctx, searched)
	if err != nil {
		return "", failedInAWS(err)
	}
	shown := a.progress()
	defer shown.done()
	for i, r := range runs {
		shown.step("looking for it in runs", i, len(runs))
		has, err := hasFinding(ctx, in, r.ID, finding)
		switch {
		case has:
			a.say("it is a finding of run %s, of %s", r.ID, r.Group)
			return r.Group, nil
		case err != nil && !isNotFound(err) && !errors.Is(err, pipeline.ErrTooLarge):
			return "", failedInAWS(err)
		}
	}
	return "", usage("--group NAME, or --run RUN", "none of the latest %s has a finding %s", plural(len(runs), "run", "runs"), finding)
}

// hasFinding reports whether a run has found it; pipeline.ErrNotFound when it has no
// result.
func hasFinding(ctx context.Context, in *account, run, finding string) (bool, error) {
	data, err := in.objects.Get(ctx, workObject(pipeline.ResultKey(run)), largestObject)
	if err != nil {
		return false, err
	}
	var result struct {
		Findings, Suppressed []struct {
			ID      string `json:"id"`
			Finding string `json:"finding"`
		}
	}
	if err := json.Unmarshal(data, &result); err != nil {
		return false, fmt.Errorf("read result of %s: %w", run, err)
	}
	for _, f := range slices.Concat(result.Findings, result.Suppressed) {
		if f.ID == finding || f.Finding == finding {
			return true, nil
		}
	}
	return false, nil
}
