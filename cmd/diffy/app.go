package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitFailed  = 1
	exitUsage   = 2  // or no readable PATH
	exitFound   = 10 // something at or above --fail-on, or a check that found something
	exitPartial = 20 // a requested host was not examined whole
)

// app is what commands get of the world.
type app struct {
	in       io.Reader
	out, err io.Writer
	env      func(string) string
	terminal func(*os.File) bool
	width    func() int // columns of the terminal; 0: unknown
}

// exit ends the program with a code; without an error it says nothing.
type exit struct {
	code int
	err  error
	hint string
}

func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

// usage is a mistake of the caller's, with what to do about it.
func usage(hint, format string, args ...any) error {
	return &exit{code: exitUsage, err: fmt.Errorf(format, args...), hint: hint}
}

// run runs the command line and returns the exit code.
func (a *app) run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	e := &exit{code: exitUsage, err: err, hint: "diffy --help"} // cobra's own errors are usage
	errors.As(err, &e)
	if e.err != nil {
		fmt.Fprintf(a.err, "diffy: %s\n", harmless(e.err.Error()))
	}
	if e.hint != "" && e.err != nil {
		fmt.Fprintf(a.err, "hint: %s\n", harmless(e.hint))
	}
	return e.code
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "diffy",
		Short:         "Find the compromised hosts among near-identical ones",
		Long:          "diffy compares osquery evidence of a group of near-identical hosts with each other and with\na baseline, and says which hosts stand out and why.",
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(a.analyze(), a.triage(), a.queries())
	return root
}

// failed wraps an error of the world: exit code 1.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return &exit{code: exitFailed, err: err}
}

// now is the time that results bear, UTC.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }

// colour reports whether the output is a terminal that wants colour.
func (a *app) colour() bool {
	f, ok := a.out.(*os.File)
	return ok && a.env("NO_COLOR") == "" && a.env("TERM") != "dumb" && a.terminal(f)
}

// harmless makes a string from outside safe for a terminal: control characters
// and bidirectional overrides show as what they are.
func harmless(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r < ' ', r >= 0x7f && r < 0xa0, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return '�'
		}
		return r
	}, s)
}
