//go:build unix

package local

import (
	"os/exec"
	"syscall"
)

// alone makes a program the head of a group of processes, all of which end when it
// is killed.
func alone(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
