package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// tool is something that is measured as a whole process.
type tool struct {
	name    string
	command func(f fleet) []string
	check   func(out string) error // of what it printed
}

// run is what one process took.
type run struct {
	wall, cpu time.Duration
	peak      int64 // bytes
}

// once runs the tool over a fleet.
func (t tool) once(ctx context.Context, f fleet) (run, error) {
	args := t.command(f)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	begin := time.Now()
	err := cmd.Run()
	wall := time.Since(begin)
	var ended *exec.ExitError
	if err != nil && !(errors.As(err, &ended) && ended.ExitCode() == foundCode) {
		return run{}, fmt.Errorf("run %s: %w: %s", t.name, err, strings.TrimSpace(said.String()))
	}
	if err := t.check(strings.TrimSpace(out.String())); err != nil {
		return run{}, fmt.Errorf("run %s: %w", t.name, err)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return run{wall, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), usage.Maxrss << 10}, nil
}

// foundCode is how diffy ends when it has found something high.
const foundCode = 10

// diffyTool is the whole analysis, its result written as JSON.
func (o options) diffyTool() tool {
	result := filepath.Join(o.dir, "result.json")
	return tool{
		name: "diffy analyze",
		command: func(f fleet) []string {
			return []string{"env", "DIFFY_HOME=" + filepath.Join(o.dir, "home"), o.diffy, "analyze", f.dir, "--format", "json", "-o", result}
		},
		check: func(string) error {
			_, err := os.Stat(result)
			return errors.Join(err, os.Remove(result))
		},
	}
}

// peers are the tools to compare with, DuckDB first. All must come to the same
// counts.
func (o options) peers(ctx context.Context) []tool {
	keys := filepath.Join(o.dir, keysFile)
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	var all []tool
	if err := install(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench: without DuckDB:", err)
	} else {
		all = append(all, tool{name: "DuckDB", command: func(f fleet) []string { return []string{"node", here + "/count.mjs", f.dir, keys} }})
	}
	if o.slow {
		if python, err := exec.LookPath("python3"); err != nil {
			fmt.Fprintln(os.Stderr, "bench: without CPython:", err)
		} else {
			all = append(all, tool{name: "CPython json", command: func(f fleet) []string { return []string{python, here + "/count.py", f.dir, keys} }})
		}
		all = append(all, tool{name: "Go encoding/json", command: func(f fleet) []string { return []string{self, "-dir", o.dir, "-count", f.dir} }})
	}
	counts := ""
	for i := range all {
		all[i].check = func(out string) error {
			if counts == "" {
				counts = out
			}
			if out != counts {
				return fmt.Errorf("counted %q, another %q", out, counts)
			}
			return nil
		}
	}
	return all
}

// here is the folder of this program's sources, from the root of the project.
const here = "test/bench"

// install gets DuckDB, unless it is there.
func install(ctx context.Context) error {
	if _, err := os.Stat(here + "/node_modules/@duckdb/node-api"); err == nil {
		return nil
	}
	out, err := exec.CommandContext(ctx, "npm", "ci", "--silent", "--no-audit", "--no-fund", "--prefix", here).CombinedOutput()
	if err != nil {
		return fmt.Errorf("npm ci: %w: %s", err, out)
	}
	return nil
}
