package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"diffy/pkg/cloud"
	"diffy/pkg/local"
	"diffy/pkg/pipeline"
	"diffy/pkg/triage"

	"github.com/spf13/cobra"
)

func (a *app) runs() *cobra.Command {
	return family(
		"runs", "Earlier runs, and those under way",
		"The runs of the account where diffy is deployed, or with --persistence file those of\n"+
			"diffy triage --local on this machine. RUN is a run's id; without one it is the latest.",
		a.runsList(), a.runsShow(), a.runsStop(), a.runsReport(), a.runsRebuild(),
	)
}

// archive is where runs are: the account, or files of this machine.
type runArchive struct {
	app *app
	in  *account // nil: files
}

func (a *app) runArchive(ctx context.Context, persistence string) (runArchive, error) {
	where, err := a.persistence(persistence)
	if err != nil || where == inFiles {
		return runArchive{app: a}, err
	}
	in, err := a.account(ctx)
	return runArchive{a, in}, err
}

// failed is the error of where the runs are.
func (r runArchive) failed(err error) error {
	if r.in == nil {
		return failed(err)
	}
	return failedInAWS(err)
}

// begin is how one gets a run.
func (r runArchive) begin() string {
	if r.in == nil {
		return "diffy triage --local DIR"
	}
	return "diffy triage --asg NAME"
}

// aboutRun makes of a command one about a run: the one that is named, or the latest,
// of the place that a flag or the settings choose.
func (a *app) aboutRun(cmd *cobra.Command, o *output, do func(runArchive, context.Context, pipeline.Run, output) error) *cobra.Command {
	var where string
	addPersistence(cmd, &where)
	cmd.ValidArgsFunction = a.completeFirst(a.runIDs(&where), cobra.ShellCompDirectiveNoFileComp)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.check(); err != nil {
			return err
		}
		archive, err := a.runArchive(cmd.Context(), where)
		if err != nil {
			return err
		}
		run, err := archive.find(cmd.Context(), args)
		if err != nil {
			return err
		}
		return do(archive, cmd.Context(), run, *o)
	}
	return cmd
}

// list returns the latest runs, latest first.
func (r runArchive) list(ctx context.Context, most int) ([]pipeline.Run, error) {
	if r.in != nil {
		runs, err := r.in.runs.ListRuns(ctx, most)
		return runs, failedInAWS(err)
	}
	runs, err := r.app.table().Runs(ctx)
	if runs == nil {
		runs = []pipeline.Run{}
	}
	return runs[:min(len(runs), most)], failed(err)
}

// find finds the run that is named, or the latest.
func (r runArchive) find(ctx context.Context, args []string) (pipeline.Run, error) {
	if len(args) > 0 {
		return r.named(ctx, args[0])
	}
	latest, err := r.list(ctx, 1)
	if err == nil && len(latest) == 0 {
		err = usage(r.begin(), "there are no runs yet")
	}
	if err != nil {
		return pipeline.Run{}, err
	}
	return latest[0], nil
}

func (r runArchive) named(ctx context.Context, id string) (pipeline.Run, error) {
	var runs pipeline.Runs = r.app.table()
	if r.in != nil {
		runs = r.in.runs
	}
	run, err := runs.LoadRun(ctx, id)
	if isNotFound(err) && r.in != nil {
		run, err = r.young(ctx, id)
	}
	if isNotFound(err) {
		return run, usage("diffy runs list", "there is no run %q", id)
	}
	return run, r.failed(err)
}

// young finds a run that has no record yet, or has died before it had one.
func (r runArchive) young(ctx context.Context, id string) (pipeline.Run, error) {
	e, err := r.in.machine.Describe(ctx, id)
	return pipeline.Run{ID: id, Status: pipeline.Starting, Started: e.Started.Format("2006-01-02T15:04:05Z")}, err
}

// execution is how far the execution of a run is; nil for one of this machine, and
// for one that is not kept any more.
func (r runArchive) execution(ctx context.Context, run string) (*cloud.Execution, error) {
	if r.in == nil {
		return nil, nil
	}
	e, err := r.in.machine.Describe(ctx, run)
	if isNotFound(err) {
		return nil, nil
	}
	return &e, failedInAWS(err)
}

// objects is what a run has left.
func (r runArchive) objects(ctx context.Context, run string) (pipeline.Objects, error) {
	if r.in != nil {
		return r.in.objects, nil
	}
	dir, err := r.app.table().Folder(ctx, run)
	return local.Objects(r.app.table(), run, dir), failed(err)
}

// result reads the result of a run; nil when it has none.
func (r runArchive) result(ctx context.Context, run pipeline.Run) (*triage.Result, error) {
	if r.in != nil {
		result, err := resultInAWS(ctx, r.in, run.ID)
		if isNotFound(err) {
			return nil, nil
		}
		return result, err
	}
	dir, err := r.app.table().Folder(ctx, run.ID)
	if err != nil {
		return nil, failed(err)
	}
	return resultOf(run, dir)
}

func (a *app) runsList() *cobra.Command {
	var format, where string
	var most int
	cmd := &cobra.Command{
		Use: "list", Short: "List the runs, latest first", Args: arguments(0, 0),
		Example: "  diffy runs list\n  diffy runs list --limit 1000 --format json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if most < 1 {
				return usage("--limit 50", "--limit is %d: a list has at least one", most)
			}
			archive, err := a.runArchive(cmd.Context(), where)
			if err != nil {
				return err
			}
			all, err := archive.list(cmd.Context(), most)
			if err != nil {
				return err
			}
			rows := make([][]string, len(all))
			for i, r := range all {
				rows[i] = []string{r.ID, minute(r.Started), r.GroupKey, string(r.Status), coverage(r), strconv.Itoa(r.Outliers), r.Severity}
			}
			return a.list(format, all, []string{"RUN", "STARTED", "GROUP", "STATUS", "EXAMINED", "OUTLIERS", "LOUDEST"}, rows,
				"there are no runs yet: "+archive.begin())
		},
	}
	cmd.Flags().IntVar(&most, "limit", 50, "list at most so `MANY`")
	addFormat(cmd, &format)
	addPersistence(cmd, &where)
	return cmd
}

func coverage(r pipeline.Run) string { return fmt.Sprintf("%d of %d", r.Examined, r.Requested) }

// findRun finds a run of this machine and where its files are: the one that is
// named, or the latest.
func (a *app) findRun(ctx context.Context, args []string) (pipeline.Run, string, error) {
	run, err := runArchive{app: a}.find(ctx, args)
	if err != nil {
		return run, "", err
	}
	dir, err := a.table().Folder(ctx, run.ID)
	return run, dir, failed(err)
}

// resultOf reads the result of a run of this machine, and says why there is none.
func resultOf(r pipeline.Run, dir string) (*triage.Result, error) {
	data, err := os.ReadFile(filepath.Join(dir, "result.json"))
	switch {
	case errors.Is(err, fs.ErrNotExist) && r.Status != pipeline.Succeeded:
		return nil, failed(fmt.Errorf("run %s has no result: it is %s%s", r.ID, r.Status, reason(r)))
	case errors.Is(err, fs.ErrNotExist):
		return nil, &exit{code: exitFailed, err: fmt.Errorf("the files of run %s are no longer in %s", r.ID, dir), hint: "diffy runs rebuild " + r.ID + " makes them again if the evidence is there"}
	case err != nil:
		return nil, failed(err)
	}
	var result triage.Result
	if err := json.Unmarshal(data, &result); err != nil {
		return nil, failed(fmt.Errorf("read result of %s: %w", r.ID, err))
	}
	if result.Run.ID != r.ID {
		return nil, &exit{code: exitFailed, err: fmt.Errorf("the files of run %s in %s were replaced by run %s", r.ID, dir, result.Run.ID), hint: "give each run an --out of its own, or none"}
	}
	return &result, nil
}

func reason(r pipeline.Run) string {
	if r.Reason == "" {
		return ""
	}
	return ": " + r.Reason
}

// runIDs completes ids, of the place that a flag or the settings choose.
func (a *app) runIDs(where *string) func(context.Context) ([]string, error) {
	return func(ctx context.Context) ([]string, error) {
		archive, err := a.runArchive(ctx, *where)
		if err != nil {
			return nil, err
		}
		all, err := archive.list(ctx, 50)
		ids := make([]string, len(all))
		for i, r := range all {
			ids[i] = r.ID
		}
		return ids, err
	}
}
