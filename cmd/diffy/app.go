package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"diffy/pkg/local"

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

	inAWS func(ctx context.Context) (*account, error)      // finds the deployment; nil: as the settings say
	pause func(ctx context.Context, d time.Duration) error // between looks at what takes its time; nil: it passes
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

// failed wraps an error of the world: exit code 1.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return &exit{code: exitFailed, err: err}
}

// run runs the command line and returns the exit code.
func (a *app) run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interrupt ends what does not listen to the first
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
	if ctx.Err() != nil && !errors.Is(err, errLeft) {
		e = &exit{code: exitFailed, err: errors.New("interrupted")}
	}
	if e.err != nil {
		a.say("%s", e.err)
		if e.hint != "" {
			fmt.Fprintf(a.err, "hint: %s\n", harmless(e.hint))
		}
	}
	return e.code
}

// widestHelp is how many columns help takes where there are more.
const widestHelp = 100

// The groups in which help lists the commands.
const (
	groupTriage = "triage"
	groupLook   = "look"
	groupKeep   = "keep"
)

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "diffy",
		Short: "Find the compromised hosts among near-identical ones",
		Long: "diffy compares osquery evidence of a group of near-identical hosts with each other and with\n" +
			"a baseline, and says which hosts stand out and why.\n\n" +
			"It ends with 10 when a finding is at --fail-on (default high) or above, else with 20 when a\n" +
			"host could not be examined whole, else with 0; with 2 when it was called wrongly, and with 1\n" +
			"when it failed.",
		Example: "  diffy analyze evidence/\n" +
			"  diffy analyze evidence/ --baseline clean/web-1 --out report/\n" +
			"  diffy triage --local localhost",
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate(versionLine() + "\n")
	root.SetUsageTemplate(strings.NewReplacer(
		"{{if .Runnable}}", "{{if and .Runnable (not .HasSubCommands)}}", // families do nothing by themselves
		"LocalFlags.FlagUsages", fmt.Sprintf("LocalFlags.FlagUsagesWrapped %d", min(a.room(), widestHelp)),
	).Replace(root.UsageTemplate()))
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(cmd.CommandPath()+" --help", "%w", err)
	})
	root.AddGroup(
		&cobra.Group{ID: groupTriage, Title: "Find the odd host:"},
		&cobra.Group{ID: groupLook, Title: "Look closer:"},
		&cobra.Group{ID: groupKeep, Title: "What is known, kept in the account or in $DIFFY_HOME (default ~/.local/share/diffy):"},
	)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add(groupTriage, a.analyze(), a.triage(), a.trigger())
	add(groupLook, a.compare(), a.whoHas(), a.queries(), a.verify(), a.cost(), a.plugins(), a.doctor())
	add(groupKeep, a.baseline(), a.suppress(), a.runs(), a.osquery())
	root.AddCommand(a.versionCommand())
	return root
}

// family is a command that only has others.
func family(use, short, long string, commands ...*cobra.Command) *cobra.Command {
	names := make([]string, len(commands))
	for i, c := range commands {
		names[i] = c.Name()
	}
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return usage(cmd.CommandPath()+" "+strings.Join(names, "|"), "%s has no command %q", named(cmd), args[0])
		},
	}
	cmd.AddCommand(commands...)
	return cmd
}

// arguments demands a number of arguments and says which.
func arguments(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		hint := strings.TrimSuffix(cmd.UseLine(), " [flags]")
		switch {
		case len(args) < least:
			return usage(hint, "%s: an argument is missing", named(cmd))
		case most >= 0 && len(args) > most:
			return usage(hint, "%s: %q is one argument too many", named(cmd), args[most])
		}
		return nil
	}
}

// any number of arguments.
const anyMore = -1

// named is what a command is called in a message, which begins with the program's
// name already.
func named(cmd *cobra.Command) string {
	return strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
}

// now is the time that results bear, UTC.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }

// home is where baselines, suppressions and runs are kept: $DIFFY_HOME, or
// diffy in the XDG data folder. It is never in the folder in which diffy is called
// unless DIFFY_HOME says so: evidence may lie there, and with it suppressions.
func (a *app) home() string {
	if dir := a.env("DIFFY_HOME"); dir != "" {
		return dir
	}
	if dir := a.env("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "diffy")
	}
	home := a.env("HOME")
	if u, err := user.Current(); err == nil && !filepath.IsAbs(home) {
		home = u.HomeDir
	}
	return filepath.Join("/", home, ".local", "share", "diffy")
}

// user is who uses this machine, as approvals and suppressions name them.
func (a *app) user() string {
	if name := a.env("USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return fmt.Sprintf("uid %d", os.Getuid())
}

// table is what home holds.
func (a *app) table() *local.Table { return local.NewTable(a.home()) }
