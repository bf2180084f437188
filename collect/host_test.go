package collect

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const instance = "i-0123456789abcdef0"

// shells are those that /bin/sh is on the hosts of a fleet.
var shells = map[string][]string{"dash": {"dash"}, "bash": {"bash", "--posix"}}

// tools are the programs that a host has; a test takes some away.
var tools = []string{
	"awk", "base64", "cat", "chmod", "cp", "curl", "cut", "date", "df", "env", "getconf", "grep", "gzip", "head",
	"ionice", "mkdir", "mkfifo", "mktemp", "mv", "python3", "readlink", "renice", "rm", "sed", "setsid",
	"sha256sum", "sleep", "tar", "timeout", "tr", "wc", "wget", "yes",
}

// TestMain runs more tests at once than there are cores: they wait for children.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	m.Run()
}

// host is a tree that the script takes for /.
type host struct {
	t    *testing.T
	root string
	env  []string
}

func newHost(t *testing.T, without ...string) *host {
	t.Helper()
	h := &host{t: t, root: t.TempDir()}
	for _, dir := range []string{"usr/bin", "run", "var/lib", "root", "var/tmp", "tmp"} {
		if err := os.MkdirAll(filepath.Join(h.root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, tool := range tools {
		if !slices.Contains(without, tool) {
			h.install(tool)
		}
	}
	h.stub("uname", "echo x86_64")
	h.env = []string{
		"DIFFY_TEST_ROOT=" + h.root, "AWS_SSM_INSTANCE_ID=" + instance,
		"DIFFY_RUN=" + filepath.Base(filepath.Dir(h.root)) + filepath.Base(h.root),
	}
	return h
}

// install links a program of this machine. Python's may be a launcher that needs
// an environment of its own, so it is asked where it really is.
func (h *host) install(tool string) {
	h.t.Helper()
	if tool == "python3" {
		h.stub(tool, "exec "+python()+` "$@"`)
		return
	}
	h.link(tool, h.program(tool))
}

// program returns where a program of this machine is.
func (h *host) program(tool string) string {
	h.t.Helper()
	if tool == "python3" {
		return python()
	}
	path, err := exec.LookPath(tool)
	if err != nil {
		h.t.Fatalf("these tests need %s: %v", tool, err)
	}
	return path
}

var python = sync.OnceValue(func() string {
	path, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		panic(fmt.Sprintf("these tests need python3: %v", err))
	}
	return strings.TrimSpace(string(path))
})

func (h *host) link(name, program string) {
	h.t.Helper()
	link := filepath.Join(h.root, "usr/bin", name)
	if err := errors.Join(os.RemoveAll(link), os.Symlink(program, link)); err != nil {
		h.t.Fatal(err)
	}
}

// stub puts a script in place of a program.
func (h *host) stub(name, body string) {
	h.t.Helper()
	path := filepath.Join(h.root, "usr/bin", name)
	if err := os.RemoveAll(path); err != nil {
		h.t.Fatal(err)
	}
	h.write("usr/bin/"+name, []byte("#!/bin/sh\n"+body+"\n"))
}

func (h *host) write(name string, data []byte) {
	h.t.Helper()
	path := filepath.Join(h.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o755); err != nil {
		h.t.Fatal(err)
	}
}

// files lists what is in the tree.
func (h *host) files() []string {
	h.t.Helper()
	var names []string
	err := filepath.WalkDir(h.root, func(path string, _ fs.DirEntry, err error) error {
		names = append(names, path)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return names
}

// said is what a run left.
type said struct {
	stdout, stderr string
	report         Report
	exit           int
}

// command is the script as the agent starts it, and the reading end of a pipe
// whose writing end all of its processes hold: it ends when the last is gone.
func (h *host) command(shell []string, p Parameters) (*exec.Cmd, *os.File) {
	h.t.Helper()
	path := filepath.Join(h.t.TempDir(), "_script.sh")
	if err := os.WriteFile(path, []byte(commands(h.t)), 0o700); err != nil {
		h.t.Fatal(err)
	}
	alive, held, err := os.Pipe()
	if err != nil {
		h.t.Fatal(err)
	}
	h.link("sh", h.program(shell[0]))
	cmd := exec.Command(shell[0], append(slices.Clone(shell[1:]), path)...)
	cmd.Env = slices.Clone(h.env)
	for name, values := range p.Encode() {
		cmd.Env = append(cmd.Env, "SSM_"+name+"="+values[0])
	}
	cmd.ExtraFiles = []*os.File{held}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // as the agent does
	h.t.Cleanup(func() {
		_ = held.Close()
		_ = alive.Close()
	})
	return cmd, alive
}

// run runs the script to its end and sees to it that nothing is left of it: no
// process, no file.
func (h *host) run(shell []string, p Parameters) said {
	h.t.Helper()
	cmd, alive := h.command(shell, p)
	return h.finish(cmd, alive, func() {})
}

// finish starts the script, does something to it, and waits for its end.
func (h *host) finish(cmd *exec.Cmd, alive *os.File, meanwhile func()) said {
	h.t.Helper()
	before := h.files()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	_ = cmd.ExtraFiles[0].Close()
	meanwhile()
	_ = cmd.Wait() // the exit status is looked at below
	if err := alive.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		h.t.Fatal(err)
	}
	if _, err := io.ReadAll(alive); err != nil {
		h.t.Errorf("a process is left: %v", err)
	}
	if diff := cmp.Diff(before, h.files()); diff != "" {
		h.t.Errorf("files are left (-before +after):\n%s", diff)
	}
	s := said{stdout: stdout.String(), stderr: stderr.String(), exit: cmd.ProcessState.ExitCode()}
	s.report, _ = ParseReport(s.stdout)
	return s
}

// commands is what the agent writes to its script file.
func commands(t *testing.T) string {
	t.Helper()
	var doc document
	if err := json.Unmarshal(Document(), &doc); err != nil {
		t.Fatal(err)
	}
	return strings.Join(doc.MainSteps[0].Inputs.RunCommand, "\n") + "\n"
}

// eachShell runs a test under every shell.
func eachShell(t *testing.T, test func(t *testing.T, shell []string)) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(shells)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, shells[name])
		})
	}
}
