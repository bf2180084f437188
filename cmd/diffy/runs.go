package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"diffy/pkg/pipeline"
	"diffy/pkg/triage"

	"github.com/spf13/cobra"
)

func (a *app) runs() *cobra.Command {
	return family(
		"runs", "Earlier runs of this machine",
		"The runs of diffy triage --local. RUN is a run's id; without one it is the latest.",
		a.runsList(), a.runsShow(), a.runsReport(),
	)
}

func (a *app) runsList() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "list", Short: "List the runs, latest first", Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := a.table().Runs(cmd.Context())
			if err != nil {
				return failed(err)
			}
			if all == nil {
				all = []pipeline.Run{}
			}
			rows := make([][]string, len(all))
			for i, r := range all {
				rows[i] = []string{r.ID, minute(r.Started), r.GroupKey, string(r.Status), coverage(r), strconv.Itoa(r.Outliers), r.Severity}
			}
			return a.list(format, all, []string{"RUN", "STARTED", "GROUP", "STATUS", "EXAMINED", "OUTLIERS", "LOUDEST"}, rows,
				"there are no runs yet: diffy triage --local DIR")
		},
	}
	addFormat(cmd, &format)
	return cmd
}

func coverage(r pipeline.Run) string { return fmt.Sprintf("%d of %d", r.Examined, r.Requested) }

func (a *app) runsShow() *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use: "show [RUN]", Short: "Show the result of a run again", Args: arguments(0, 1),
		Example: "  diffy runs show\n  diffy runs show web-prod-202611240312-1f3a --format csv -o findings.csv",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			r, dir, err := a.findRun(cmd.Context(), args)
			if err != nil {
				return err
			}
			result, err := resultOf(r, dir)
			if err != nil {
				return err
			}
			return a.show(result, o)
		},
		ValidArgsFunction: a.completeFirst(a.runIDs, cobra.ShellCompDirectiveNoFileComp),
	}
	o.formatFlags(cmd)
	return cmd
}

func (a *app) runsReport() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "report [RUN]", Short: "Say where the report of a run is, or copy it", Args: arguments(0, 1),
		Example: "  open \"$(diffy runs report)\"\n  diffy runs report web-prod-202611240312-1f3a -o report.html",
		RunE: func(cmd *cobra.Command, args []string) error {
			r, dir, err := a.findRun(cmd.Context(), args)
			if err != nil {
				return err
			}
			if _, err := resultOf(r, dir); err != nil {
				return err
			}
			return a.report(filepath.Join(dir, "report.html"), file)
		},
		ValidArgsFunction: a.completeFirst(a.runIDs, cobra.ShellCompDirectiveNoFileComp),
	}
	cmd.Flags().StringVarP(&file, "output", "o", "", "copy the page to this `FILE`")
	return cmd
}

func (a *app) report(page, file string) error {
	from, err := os.Open(page)
	if err != nil {
		return failed(err)
	}
	defer func() { _ = from.Close() }() // read only
	if file == "" {
		_, err = fmt.Fprintln(a.out, page)
		return failed(err)
	}
	return failed(writeFile(file, func(w io.Writer) error {
		_, err := io.Copy(w, from)
		return err
	}))
}

// findRun finds a run and where its files are: the one that is named, or the latest.
func (a *app) findRun(ctx context.Context, args []string) (pipeline.Run, string, error) {
	all, err := a.table().Runs(ctx)
	if err != nil {
		return pipeline.Run{}, "", failed(err)
	}
	if len(all) == 0 {
		return pipeline.Run{}, "", usage("diffy triage --local DIR", "there are no runs yet")
	}
	for _, r := range all {
		if len(args) == 0 || r.ID == args[0] {
			dir, err := a.table().Folder(ctx, r.ID)
			return r, dir, failed(err)
		}
	}
	return pipeline.Run{}, "", usage("diffy runs list", "there is no run %q", args[0])
}

// resultOf reads the result of a run, and says why there is none.
func resultOf(r pipeline.Run, dir string) (*triage.Result, error) {
	data, err := os.ReadFile(filepath.Join(dir, "result.json"))
	switch {
	case errors.Is(err, fs.ErrNotExist) && r.Status != pipeline.Succeeded:
		return nil, failed(fmt.Errorf("run %s has no result: it is %s%s", r.ID, r.Status, reason(r)))
	case errors.Is(err, fs.ErrNotExist):
		return nil, &exit{code: exitFailed, err: fmt.Errorf("the files of run %s are no longer in %s", r.ID, dir), hint: "run it again: diffy triage --local DIR"}
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

func (a *app) runIDs() ([]string, error) {
	all, err := a.table().Runs(context.Background())
	ids := make([]string, len(all))
	for i, r := range all {
		ids[i] = r.ID
	}
	return ids, err
}
