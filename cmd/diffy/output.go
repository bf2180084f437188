package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"diffy/pkg/report"
	"diffy/pkg/triage"

	"github.com/spf13/cobra"
)

// output is where a result goes, and what of it counts.
type output struct {
	format string
	file   string // instead of stdout
	folder string // for all formats
	failOn string
}

// severities are what --fail-on takes.
var severities = []string{string(triage.High), string(triage.Medium), string(triage.Low), "never"}

// formats write a result; text depends on the terminal and is not among them.
var formats = map[string]func(io.Writer, *triage.Result) error{
	"json": report.JSON, "csv": report.CSV, "html": report.HTML, "timesketch": report.Timesketch, "ocsf": report.OCSF,
}

var formatNames = []string{"text", "json", "csv", "html", "timesketch", "ocsf"}

// files are what a folder of results holds.
var files = []struct {
	name  string
	write func(io.Writer, *triage.Result) error
}{
	{"result.json", report.JSON}, {"report.html", report.HTML}, {"findings.csv", report.CSV}, {"timeline.jsonl", report.Timeline},
}

// flags adds the flags that say where a result goes.
func (o *output) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	o.formatFlags(cmd)
	f.StringVar(&o.folder, "out", "", "also write result.json, report.html, findings.csv and timeline.jsonl to this `DIR`")
	f.StringVar(&o.failOn, "fail-on", "high", "end with 10 at findings of this severity or above: "+strings.Join(severities, ", "))
	_ = cmd.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions(severities, cobra.ShellCompDirectiveNoFileComp))
}

func (o *output) formatFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.format, "format", "text", "what goes to stdout: "+strings.Join(formatNames, ", "))
	f.StringVarP(&o.file, "output", "o", "", "write to this `FILE` instead of stdout")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formatNames, cobra.ShellCompDirectiveNoFileComp))
}

// check looks at what the flags say before anything is read.
func (o *output) check() error {
	if !slices.Contains(formatNames, o.format) {
		return usage("--format "+strings.Join(formatNames, ", "), "unknown format %q", o.format)
	}
	if o.failOn != "" && !slices.Contains(severities, o.failOn) {
		return usage("--fail-on "+strings.Join(severities, ", "), "unknown severity %q", o.failOn)
	}
	return nil
}

// deliver writes the result where it was asked for and ends with the code that
// says what was found.
func (a *app) deliver(r *triage.Result, o output) error {
	if o.folder != "" {
		if err := os.MkdirAll(o.folder, 0o777); err != nil {
			return failed(err)
		}
		for _, f := range files {
			if err := writeFile(filepath.Join(o.folder, f.name), func(w io.Writer) error { return f.write(w, r) }); err != nil {
				return failed(err)
			}
		}
		a.say("report: %s", filepath.Join(o.folder, "report.html"))
	}
	if err := a.show(r, o); err != nil {
		return err
	}
	return verdict(r, o.failOn)
}

// show writes the result in its format, to stdout or the file.
func (a *app) show(r *triage.Result, o output) error {
	write := func(w io.Writer) error {
		if o.format != "text" {
			return a.render(w, r, o.format)
		}
		text := report.TextOptions{}
		if o.file == "" {
			text = report.TextOptions{Width: a.width(), Color: a.colour()}
		}
		return report.Text(w, r, text)
	}
	if o.file == "" {
		return failed(write(a.out))
	}
	if err := writeFile(o.file, write); err != nil {
		return failed(err)
	}
	a.say("%s: %s", o.format, o.file)
	return nil
}

// render writes the result in a format, for no terminal.
func (a *app) render(w io.Writer, r *triage.Result, format string) error {
	if f, ok := formats[format]; ok {
		return f(w, r)
	}
	return report.Text(w, r, report.TextOptions{})
}

// verdict is the exit code of a result.
func verdict(r *triage.Result, failOn string) error {
	if failOn != "never" && slices.ContainsFunc(r.Findings, func(f triage.Finding) bool { return f.Severity.AtLeast(triage.Severity(failOn)) }) {
		return &exit{code: exitFound}
	}
	if r.Group.Partial+r.Group.NotExamined > 0 {
		return &exit{code: exitPartial}
	}
	return nil
}

// writeFile writes a whole file or none, and into what is no file, such as
// /dev/null, as it is.
func writeFile(name string, write func(io.Writer) error) error {
	if info, err := os.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return writeTo(name, os.O_WRONLY|os.O_TRUNC, write)
	}
	whole := filepath.Join(filepath.Dir(name), ".diffy-"+rand.Text())
	if err := writeTo(whole, os.O_WRONLY|os.O_CREATE|os.O_EXCL, write); err != nil {
		return fmt.Errorf("write %s: %w", name, errors.Join(bare(err), gone(whole)))
	}
	return os.Rename(whole, name)
}

func writeTo(name string, how int, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, how, 0o666)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// gone removes a file that may not be there.
func gone(name string) error {
	if err := os.Remove(name); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
