package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// deliverRun shows the result of a run in the account as analyze shows its own, and
// ends with the code that says what was found.
func (a *app) deliverRun(ctx context.Context, in *account, run string, o output) error {
	result, err := resultInAWS(ctx, in, run)
	if err != nil {
		return err
	}
	if o.folder != "" {
		if err := download(ctx, in, run, o.folder); err != nil {
			return err
		}
		a.say("report: %s", filepath.Join(o.folder, "report.html"))
	} else {
		a.say("report: %s; diffy runs report %s -o report.html", in.objects.URI(workObject(pipeline.ReportKey(run))), run)
	}
	if err := a.show(result, o); err != nil {
		return err
	}
	return verdict(result, o.failOn)
}

// resultInAWS reads the result of a run; pipeline.ErrNotFound when it has none.
func resultInAWS(ctx context.Context, in *account, run string) (*triage.Result, error) {
	data, err := in.objects.Get(ctx, workObject(pipeline.ResultKey(run)), largestObject)
	if err != nil {
		return nil, failedInAWS(err)
	}
	var result triage.Result
	if err := json.Unmarshal(data, &result); err != nil {
		return nil, failed(fmt.Errorf("read result of %s: %w", run, err))
	}
	return &result, nil
}

// runFiles are the results of a run as they lie in its folder.
var runFiles = map[string]func(run string) string{
	"result.json": pipeline.ResultKey, "report.html": pipeline.ReportKey, "findings.csv": pipeline.FindingsKey, "timeline.jsonl": pipeline.TimelineKey,
}

// download copies the results of a run into a folder, each whole or not at all.
func download(ctx context.Context, in *account, run, folder string) error {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return failed(err)
	}
	for name, key := range runFiles {
		data, err := in.objects.Get(ctx, workObject(key(run)), largestObject)
		if err != nil {
			return failedInAWS(err)
		}
		err = writeFile(filepath.Join(folder, name), func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		})
		if err != nil {
			return failed(err)
		}
	}
	return nil
}
