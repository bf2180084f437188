package collect

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// Every process that was there while a query ran is said to be the collector's,
// with the start time that osquery gives it: also those that end with the query.
func TestCollectorNamesAllItsProcesses(t *testing.T) {
	t.Parallel()
	eachShell(t, func(t *testing.T, shell []string) {
		h, b := newHost(t), newBucket(t)
		cmd, alive := h.command(shell, b.parameters("a\tSELECT processes\nb\tSELECT processes\n"))
		// The agent starts the script through a shell.
		cmd.Args = []string{"dash", "-c", strings.Join(cmd.Args, " ") + "; exit $?", "x"}
		cmd.Path = "/usr/bin/dash"
		h.finish(cmd, alive, func() {})
		lines := snapshot(t, b)
		pairs := strings.Fields(lines[0].Columns["collector"])[1:]
		dir, _, _ := strings.Cut(lines[0].Columns["collector"], " ")
		var timeouts int
		for _, row := range slices.Concat(lines[1].Snapshot, lines[2].Snapshot) {
			if row["path"] == dir+"/osqueryi" {
				continue // known by its path
			}
			if strings.HasSuffix(row["path"].(string), "/timeout") {
				timeouts++
			}
			if pair := fmt.Sprintf("%s:%s", row["pid"], row["start_time"]); !slices.Contains(pairs, pair) {
				t.Errorf("process %v is not among %s", row, pairs)
			}
		}
		if timeouts != 2 {
			t.Errorf("%d timeouts seen, one a query was expected", timeouts)
		}
	})
}

func TestSignalsLeaveNothing(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		signal func(pid int) error
		want   string
	}{
		{"asked to stop", func(pid int) error { return syscall.Kill(pid, syscall.SIGTERM) }, "diffy/1 failed=stopped\n"},
		{"killed with its group, as the agent does", func(pid int) error { return syscall.Kill(-pid, syscall.SIGKILL) }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			eachShell(t, func(t *testing.T, shell []string) {
				h, b := newHost(t), newBucket(t)
				p := b.parameters("a\tSELECT slow\n")
				p.Limits = Limits{QuerySeconds: 200, TotalSeconds: 200, TotalBytes: MaxUpload} // longer than the test waits
				cmd, alive := h.command(shell, p)
				got := h.finish(cmd, alive, func() {
					if _, err := bufio.NewReader(alive).ReadString('\n'); err != nil {
						t.Errorf("the query did not start: %v", err)
					}
					if err := tt.signal(cmd.Process.Pid); err != nil {
						t.Error(err)
					}
				})
				if got.stdout != tt.want || len(b.posts) != 0 {
					t.Errorf("%+v", got)
				}
			})
		})
	}
}

// No secret is among what other programs and other users get to see.
func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"curl", "wget", "python3"} {
		t.Run(tool, func(t *testing.T) {
			t.Parallel()
			eachShell(t, func(t *testing.T, shell []string) {
				h, b := newHost(t, "curl", "wget", "python3"), newBucket(t)
				log := filepath.Join(t.TempDir(), "log")
				program := h.program(tool)
				h.stub(tool, `{ printf '%s\n' "$@"; env; } >>`+log+`; exec `+program+` "$@"`)
				p := b.parameters("first\tSELECT two\n")
				got := h.run(shell, p)
				if got.report.Rows != 2 {
					t.Fatalf("%+v", got)
				}
				logged, err := os.ReadFile(log)
				if err != nil {
					t.Fatal(err)
				}
				text := string(logged) + got.stdout + got.stderr
				for _, secret := range []string{"5ec4e7", "eyJ9", p.Encode()["Upload"][0], p.Encode()["Download"][0]} {
					if strings.Contains(text, secret) {
						t.Errorf("%q can be seen in:\n%s", secret, text)
					}
				}
			})
		})
	}
}
