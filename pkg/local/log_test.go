package local

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"diffy/pkg/snapshot"
	"diffy/pkg/triage"
)

// reread packs a host and reads it again.
func reread(t *testing.T, h *snapshot.Host) *snapshot.Host {
	t.Helper()
	data, err := packLog(h)
	if err != nil {
		t.Fatal(err)
	}
	hosts, err := snapshot.ReadLog(bytes.NewReader(data), "packed", snapshot.DefaultLimits)
	if err != nil || len(hosts) != 1 {
		t.Fatalf("%d hosts, %v", len(hosts), err)
	}
	return hosts[0]
}

func raw(h *snapshot.Host) map[string][]triage.Row {
	out := map[string][]triage.Row{}
	for i := range h.Tables {
		t := &h.Tables[i]
		out[t.Query] = []triage.Row{}
		for r := range t.Len() {
			out[t.Query] = append(out[t.Query], t.Raw(r))
		}
	}
	return out
}

// Evidence of other forms is packed without a change: odd bytes, absent cells and
// empty tables are there again.
func TestPackLog(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "web-1")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"processes": "[{\"pid\":\"1\",\"name\":\"a\\\"b\\\\c\\u0000\\u001b[31m\",\"path\":\"\xff\xfe\"},{\"pid\":\"2\",\"cmdline\":\"ü\\u2028\"}]",
		"crontab":   "[]", "broken": "[{\"a\":",
	} {
		if err := os.WriteFile(filepath.Join(dir, name+".json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	units, _, err := snapshot.Find([]string{dir})
	if err != nil || len(units) != 1 {
		t.Fatalf("%d units, %v", len(units), err)
	}
	hosts, err := units[0].Read(snapshot.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	again := reread(t, hosts[0])
	if diff := cmp.Diff(raw(hosts[0]), raw(again)); diff != "" {
		t.Errorf("tables (-before +after):\n%s", diff)
	}
	if again.Name != "web-1" || again.Begin != nil || again.Cut || len(again.Errors) != len(hosts[0].Errors) {
		t.Errorf("host %+v", again)
	}
}

// A log of our own among others stays one of our own.
func TestPackOwnLog(t *testing.T) {
	file, err := os.Open(filepath.Join(demo, attacked+".jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	hosts, err := snapshot.ReadLog(file, attacked, snapshot.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	again := reread(t, hosts[0])
	if diff := cmp.Diff(hosts[0].Begin, again.Begin) + cmp.Diff(raw(hosts[0]), raw(again)); diff != "" || again.Cut {
		t.Errorf("cut %v (-before +after):\n%s", again.Cut, diff)
	}
	first, _ := packLog(hosts[0])
	second, _ := packLog(hosts[0])
	if !bytes.Equal(first, second) {
		t.Error("the same host is packed differently")
	}
}
