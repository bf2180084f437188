package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// host is an instance with an agent, whose osquery answers what a recorded host
// answered.
type host struct {
	id      string
	plays   string // the recorded host
	managed bool   // SSM knows it
	lost    bool   // it was managed and does not answer any more
	root    string // its tree, in place of /
	act     act    // nil: as an honest host does
	windows bool
	silent  bool // it takes commands and is never heard of again
}

// act is what a host does in place of running the script. It returns the status,
// its details and what stands on stdout.
type act func(h *host, c *command, script func() (string, error)) (status, details, stdout string)

func (h *host) ping() string {
	if h.lost {
		return "ConnectionLost"
	}
	return "Online"
}

func (h *host) platform() string {
	if h.windows {
		return "Windows"
	}
	return "Linux"
}

// newHost makes the tree of a host: the machine's own programs, an empty /run and
// the recorded answers, which hosts that play the same one share.
func newHost(id, plays, dir, answers string) (*host, error) {
	h := &host{id: id, plays: plays, managed: true, root: filepath.Join(dir, id)}
	for _, made := range []string{"usr", "run", "tmp"} {
		if err := os.MkdirAll(filepath.Join(h.root, made), 0o755); err != nil {
			return nil, err
		}
	}
	links := map[string]string{"usr/bin": "/usr/bin", "usr/sbin": "/usr/sbin", "bin": "/bin", "sbin": "/sbin", "answers": answers}
	for name, to := range links {
		if err := os.Symlink(to, filepath.Join(h.root, name)); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// osquery is the stand-in: it knows the answer to a statement by the statement's
// digest, and says what osqueryi says when it has none.
const osquery = `#!/bin/sh
for last; do :; done
case $last in --version) echo 'osqueryd version 5.21.0' && exit ;; esac
digest=$(printf %s "$last" | sha256sum)
answer=$DIFFY_TEST_ROOT/answers/${digest%% *}
if [ -f "$answer" ]; then exec cat "$answer"; fi
if [ -f "$answer.error" ]; then cat "$answer.error" >&2; else echo "Error: no such statement: $last" >&2; fi
exit 1
`

// release is osquery as it is uploaded to the artifacts.
func release() ([]byte, error) { return tarball("opt/osquery/bin/osqueryd", []byte(osquery)) }

// begin lets a host take a command. The caller holds a.mu.
func (a *agents) begin(h *host, c *command, i *invocationOf, doc document) {
	if h.silent {
		i.Status, i.Details = "InProgress", "InProgress"
		return
	}
	a.running.Go(func() {
		select {
		case a.slots <- struct{}{}:
			defer func() { <-a.slots }()
		case <-i.stop:
			return
		}
		a.change(i, "InProgress", "InProgress", "")
		script := func() (string, error) { return a.run(h, c, i, doc) }
		act := h.act
		if act == nil {
			act = honest
		}
		status, details, stdout := act(h, c, script)
		a.change(i, status, details, stdout)
	})
}

// idle reports whether nothing would happen if one waited longer.
func (a *agents) idle() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.commands {
		for _, i := range c.Invocations {
			if !i.final() && !a.hosts[i.Host].silent {
				return false
			}
		}
	}
	return true
}

// stop ends everything that still runs, and waits for it.
func (a *agents) stop() {
	a.mu.Lock()
	for _, c := range a.commands {
		c.cancel()
	}
	a.mu.Unlock()
	a.running.Wait()
}

// change sets the status of an invocation that has not ended.
func (a *agents) change(i *invocationOf, status, details, stdout string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !i.final() {
		i.Status, i.Details, i.Stdout = status, details, stdout
	}
}

// honest runs the script, and is a failure if that ends so.
func honest(_ *host, _ *command, script func() (string, error)) (status, details, stdout string) {
	stdout, err := script()
	if err != nil {
		return "Failed", "Failed", stdout
	}
	return "Success", "Success", stdout
}

// run runs the document's script on a host as an agent of version 3.3.2746 or
// later does: from a file, with the parameters in the environment, in a process
// group that is killed when the command is cancelled.
func (a *agents) run(h *host, c *command, i *invocationOf, doc document) (string, error) {
	path := filepath.Join(a.dir, h.id, c.ID, "awsrunShellScript", "0.awsrunShellScript", "_script.sh")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	text := strings.Join(doc.Content.MainSteps[0].Inputs.RunCommand, "\n")
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		return "", err
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command("sh", "-c", path)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "AWS_SSM_INSTANCE_ID=" + h.id, "AWS_SSM_REGION_NAME=" + region, "DIFFY_TEST_ROOT=" + h.root}
	for name, values := range c.Parameters {
		cmd.Env = append(cmd.Env, "SSM_"+name+"="+values[0])
	}
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	done := make(chan struct{})
	go func() {
		select {
		case <-i.stop:
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // gone already: fine
		case <-done:
		}
	}()
	err := cmd.Wait()
	close(done)
	if err != nil {
		err = fmt.Errorf("%w: %s", err, stderr.String())
	}
	return stdout.String(), err
}
