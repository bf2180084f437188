package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"diffy/pkg/pipeline"

	"github.com/spf13/cobra"
)

// endings are what files of each format end with.
var endings = map[string]string{
	"text": ".txt", "json": ".json", "csv": ".csv", "html": ".html", "timesketch": ".timesketch.jsonl", "ocsf": ".ocsf.json",
}

func (a *app) runsReport() *cobra.Command {
	o := output{}
	cmd := &cobra.Command{
		Use: "report [RUN]", Short: "Fetch the report of a run, and say where it is", Args: arguments(0, 1),
		Long: "Fetch the report of a run and print the path of the file: that of --output, or one in $DIFFY_HOME.\n" +
			"-o - writes it to stdout.",
		Example: "  open \"$(diffy runs report)\"\n  diffy runs report web-prod-202611240312-1f3a -o report.html\n  diffy runs report --format ocsf -o -",
	}
	o.formatFlags(cmd)
	cmd.Flags().Lookup("format").DefValue, o.format = "html", "html"
	cmd.Flags().Lookup("format").Usage = "of the report"
	cmd.Flags().Lookup("output").Usage = "write it to this `FILE`; - is stdout"
	return a.aboutRun(cmd, &o, runArchive.report)
}

func (r runArchive) report(ctx context.Context, run pipeline.Run, o output) error {
	result, err := r.result(ctx, run)
	if err == nil && result == nil {
		e, err := r.execution(ctx, run.ID)
		if err != nil {
			return err
		}
		return r.noResult(run, e)
	}
	if err != nil {
		return err
	}
	var page bytes.Buffer
	if o.format == "html" { // as it was made
		data, err := r.page(ctx, run.ID)
		if err != nil {
			return err
		}
		page.Write(data)
	} else if err := r.app.render(&page, result, o.format); err != nil {
		return failed(err)
	}
	if o.file == stdin {
		_, err := r.app.out.Write(page.Bytes())
		return failed(err)
	}
	file, err := r.reportFile(ctx, run.ID, o)
	if err != nil {
		return err
	}
	err = writeFile(file, func(w io.Writer) error {
		_, err := w.Write(page.Bytes())
		return err
	})
	if err == nil {
		_, err = fmt.Fprintln(r.app.out, oneLine(file))
	}
	return failed(err)
}

// page reads the report as the run has left it.
func (r runArchive) page(ctx context.Context, run string) ([]byte, error) {
	objects, err := r.objects(ctx, run)
	if err != nil {
		return nil, err
	}
	data, err := objects.Get(ctx, workObject(pipeline.ReportKey(run)), largestObject)
	return data, r.failed(err)
}

// reportFile is where a report goes that nobody has named a file for: beside what
// the run has left on this machine, or among the reports of the account's runs.
func (r runArchive) reportFile(ctx context.Context, run string, o output) (string, error) {
	if o.file != "" {
		return o.file, nil
	}
	if r.in == nil {
		dir, err := r.app.table().Folder(ctx, run)
		return filepath.Join(dir, "report"+endings[o.format]), failed(err)
	}
	dir := filepath.Join(r.app.home(), "reports")
	return filepath.Join(dir, pipeline.Segment(run)+endings[o.format]), failed(os.MkdirAll(dir, 0o700))
}
