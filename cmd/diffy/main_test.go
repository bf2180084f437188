package main

import (
	"errors"
	"flag"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write what commands print into the stories")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"diffy": main})
}

// TestStories tells each command's story: testdata/script/*.txtar. Evidence and
// events are the repository's own, in $FLEETS and $EVENTS.
func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
		Setup: func(env *testscript.Env) error {
			for name, dir := range map[string]string{"FLEETS": "../../testdata", "EVENTS": "../../events", "PACK": "../../pkg/pack"} {
				whole, err := filepath.Abs(dir)
				if err != nil {
					return err
				}
				env.Setenv(name, whole)
			}
			env.Setenv("DIFFY_HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("USER", "alice")
			return nil
		},
	})
}

// exits CODE COMMAND… runs a command that must end with exactly that code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	var ended *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &ended) {
		code = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("it ended with %d, expected %d", code, want)
	}
}
