package local

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"diffy/pkg/triage"
)

// standIn is an osqueryi that knows one kernel module and nothing else.
const standIn = `#!/bin/sh
for last; do :; done
case $last in
--version) echo "osqueryi version 5.21.0" ;;
*kernel_modules*) echo '[{"name":"nf_diag","size":"16384","used_by":"-","status":"Live"}]' ;;
*) echo '[]' ;;
esac
`

// This machine is examined by the script that runs on hosts. What the script sees
// as the root of the machine has our osqueryi.
func TestLocalhost(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"tmp", "usr/local/bin"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"bin", "sbin", "usr/bin", "usr/sbin"} {
		if err := os.Symlink("/"+dir, filepath.Join(root, dir)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "usr/local/bin/osqueryi"), []byte(standIn), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DIFFY_TEST_ROOT", root)
	o := options(t, Localhost)
	o.Out = t.TempDir()
	_, r := run(t, o)
	if len(r.Hosts) != 1 || r.Hosts[0].Status != triage.Examined || !strings.HasPrefix(r.Hosts[0].Host, "i-") {
		t.Fatalf("hosts %+v", r.Hosts)
	}
	evidence, err := filepath.Glob(filepath.Join(o.Out, "evidence/local/local/i-*.jsonl.gz"))
	if err != nil || len(evidence) != 1 {
		t.Errorf("evidence %v, %v", evidence, err)
	}
	if left, _ := os.ReadDir(filepath.Join(root, "tmp")); len(left) > 0 {
		t.Errorf("the collector left %v", left)
	}
}

// A machine without osquery is not examined, and says why.
func TestLocalhostWithoutOsquery(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"bin", "usr/sbin"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, dir)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/bin", filepath.Join(root, dir)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("DIFFY_TEST_ROOT", root)
	_, r := run(t, options(t, Localhost))
	if h := r.Hosts[0]; h.Status != triage.NotExamined || !strings.Contains(h.Reason, "no osqueryi") {
		t.Errorf("host %+v", h)
	}
}
