package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// cli is the command line, built once: it meets AWS as it does everywhere, by the
// environment.
var cli = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "diffy-e2e-")
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "diffy")
	build := exec.Command("go", "build", "-o", program, "./cmd/diffy")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", errors.New("build the command line: " + string(out))
	}
	return program, nil
})

// said is what a command has printed, and the code it ended with.
type said struct {
	out, err string
	code     int
}

// command is a command of somebody who has named the deployment's parts.
func (w *world) command(args ...string) *exec.Cmd {
	w.Helper()
	program, err := cli()
	w.must(err)
	cmd := exec.CommandContext(w.Context(), program, args...)
	cmd.Env = append(os.Environ(),
		"HOME="+w.temp, "XDG_CONFIG_HOME=", "DIFFY_HOME="+filepath.Join(w.temp, "cli"), "USER=alice",
		"DIFFY_INTAKE_BUCKET="+w.cfg.Intake, "DIFFY_EVIDENCE_BUCKET="+w.cfg.Evidence, "DIFFY_WORK_BUCKET="+w.cfg.Work,
		"DIFFY_TABLE="+w.cfg.Table, "DIFFY_TOPIC_ARN="+w.cfg.Topic, "DIFFY_CHAT_TOPIC_ARN="+w.cfg.Topic,
		"DIFFY_STATE_MACHINE_ARN="+w.cfg.StateMachine, "DIFFY_DOCUMENT="+w.cfg.Document, "DIFFY_TARGET_ROLE="+w.cfg.TargetRole,
	)
	return cmd
}

// diffy runs a command.
func (w *world) diffy(args ...string) said {
	w.Helper()
	cmd := w.command(args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	var ended *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &ended) {
		w.Fatal(err)
	}
	return said{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// says runs a command that has to end with the code and print all of these, on
// stdout or, where they begin with "!", on stderr.
func (w *world) says(code int, args []string, want ...string) said {
	w.Helper()
	s := w.diffy(args...)
	if s.code != code {
		w.Errorf("diffy %s ended with %d, want %d:\n%s%s", strings.Join(args, " "), s.code, code, s.out, s.err)
	}
	for _, text := range want {
		in, where := s.out, "stdout"
		if rest, ok := strings.CutPrefix(text, "!"); ok {
			text, in, where = rest, s.err, "stderr"
		}
		if !strings.Contains(in, text) {
			w.Errorf("diffy %s does not say %q on %s:\n%s%s", strings.Join(args, " "), text, where, s.out, s.err)
		}
	}
	return s
}
