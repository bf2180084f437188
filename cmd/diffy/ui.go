package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"diffy/pkg/report"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"
)

// Whatever is printed besides a result goes through here: nothing that came from
// a host, a file's name or an argument reaches a terminal as it is.

// The styles of a terminal that has colour, as SGR parameters.
const (
	bold = "1"
	dim  = "2"
	red  = "1;31"
)

// say tells the person at the terminal something that is no data. What follows
// the first line is indented, so that it cannot pass for a line of ours.
func (a *app) say(format string, args ...any) {
	fmt.Fprintf(a.err, "diffy: %s\n", harmless(fmt.Sprintf(format, args...)))
}

// harmless spells out what a terminal would obey. Line breaks stay, each line but
// the first is indented.
func harmless(s string) string {
	var lines []string
	for line := range strings.Lines(strings.ReplaceAll(s, "\t", "  ")) {
		if line = strings.TrimRight(line, " \n"); line != "" {
			lines = append(lines, report.Visible(line))
		}
	}
	return strings.Join(lines, "\n  ")
}

// colour reports whether the output is a terminal that wants colour.
func (a *app) colour() bool {
	return isTerminal(a, a.out) && a.env("NO_COLOR") == "" && a.env("TERM") != "dumb"
}

func isTerminal(a *app, w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && a.terminal(f)
}

func (a *app) paint(s, style string) string {
	if s == "" || !a.colour() {
		return s
	}
	return "\x1b[" + style + "m" + s + "\x1b[0m"
}

// room is how many columns a line may have: the terminal's, or, where the output
// is no terminal, as many as it takes.
func (a *app) room() int {
	if w := a.width(); w > 0 && isTerminal(a, a.out) {
		return max(w, 40)
	}
	return 1 << 20
}

// grid writes rows in columns under a head. On a terminal the last column ends
// where the line does.
func (a *app) grid(head []string, rows [][]string) error {
	widths := make([]int, len(head))
	all := append([][]string{head}, rows...)
	for r, row := range all {
		all[r] = slices.Clone(row)
		for c := range row {
			all[r][c] = oneLine(row[c])
			widths[c] = max(widths[c], ansi.StringWidth(all[r][c]))
		}
	}
	var b bytes.Buffer
	for r, row := range all {
		var line strings.Builder
		for c, cell := range row {
			if c > 0 {
				line.WriteString("  ")
			}
			line.WriteString(cell)
			if c < len(row)-1 {
				line.WriteString(strings.Repeat(" ", widths[c]-ansi.StringWidth(cell)))
			}
		}
		text := strings.TrimRight(ansi.Truncate(line.String(), a.room(), "…"), " ")
		if r == 0 {
			text = a.paint(text, bold)
		}
		b.WriteString(text + "\n")
	}
	_, err := a.out.Write(b.Bytes())
	return failed(err)
}

// oneLine makes a value fit for a line of a list.
func oneLine(s string) string { return report.Visible(s) }

// fields writes names and values, one a line.
func (a *app) fields(pairs ...[2]string) error {
	width := 0
	for _, p := range pairs {
		width = max(width, len(p[0]))
	}
	for _, p := range pairs {
		if p[1] == "" {
			continue
		}
		if _, err := fmt.Fprintf(a.out, "%s  %s\n", a.paint(fmt.Sprintf("%-*s", width, p[0]), dim), oneLine(p[1])); err != nil {
			return failed(err)
		}
	}
	return nil
}

// json writes data as JSON in which nothing acts on a terminal.
func (a *app) json(v any) error { return failed(report.Encode(a.out, v)) }

// addFormat adds the flag of commands that write text or JSON.
func addFormat(cmd *cobra.Command, format *string) {
	cmd.Flags().StringVar(format, "format", "text", "text or json")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
}

// asJSON reads that flag.
func asJSON(format string) (bool, error) {
	switch format {
	case "text":
		return false, nil
	case "json":
		return true, nil
	}
	return false, usage("--format text or --format json", "unknown format %q", format)
}

// plural is "1 host", "8 hosts".
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// some joins names and counts those that would make the line too long.
func some(names []string) string {
	const most = 8
	if len(names) <= most+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// list writes data as JSON, or as a grid; where there is nothing to list it says so.
func (a *app) list(format string, data any, head []string, rows [][]string, none string) error {
	encoded, err := asJSON(format)
	switch {
	case err != nil:
		return err
	case encoded:
		return a.json(data)
	case len(rows) == 0:
		a.say("%s", none)
		return nil
	}
	return a.grid(head, rows)
}

// quoted makes a string one word for a shell.
func quoted(s string) string {
	if strings.IndexFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+=,-", r)
	}) < 0 && s != "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// completionTime is how long a shell waits for names that have to be asked for.
const completionTime = 3 * time.Second

// completeFirst completes the first argument from a list and leaves the others to
// rest.
func (a *app) completeFirst(names func(ctx context.Context) ([]string, error), rest cobra.ShellCompDirective) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, rest
		}
		ctx, stop := context.WithTimeout(cmd.Context(), completionTime)
		defer stop()
		found, err := names(ctx)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// day and minute write an RFC 3339 time for a list.
func day(s string) string { return shortTime(s, time.DateOnly) }

func minute(s string) string { return shortTime(s, "2006-01-02 15:04 UTC") }

func shortTime(s, layout string) string {
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return s
	}
	return at.UTC().Format(layout)
}
