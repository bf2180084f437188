package synth

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"diffy/pkg/snapshot"
)

// TestEval runs a small evaluation twice: the figures do not depend on which
// trial ends first, and every method has its lines.
func TestEval(t *testing.T) {
	c := EvalConfig{FirstSeed: TuningSeed, Sizes: []int{3}, Seeds: func(int) int { return 3 }, Peers: true, Now: time.Unix(0, 0)}
	var texts [2]string
	for i := range texts {
		e, err := Eval(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := e.Markdown(&b); err != nil {
			t.Fatal(err)
		}
		if err := e.Failures(&b); err != nil {
			t.Fatal(err)
		}
		texts[i] = b.String()
	}
	if texts[0] != texts[1] {
		t.Error("two runs give other figures")
	}
	for _, want := range []string{"| 3 | row diff with one host | 3 |", "| 3 | least frequent first | 3 |", "| 3 | diffy | 3 |", "| 3 | diffy, baseline | 3 |", "### clean", "### attacked, plain tables", "### Kinds of attack"} {
		if !strings.Contains(texts[0], want) {
			t.Errorf("no %q in:\n%s", want, texts[0])
		}
	}
}

func TestEvalStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Eval(ctx, EvalConfig{Sizes: []int{3}, Seeds: func(int) int { return 2 }}); err == nil {
		t.Error("a cancelled evaluation ends without an error")
	}
}

// TestPeersSeeRows: a row on one host is what both simple peers report.
func TestPeersSeeRows(t *testing.T) {
	host := func(name, path string) *snapshot.Host {
		return &snapshot.Host{Name: name, Tables: []snapshot.Table{{Query: "suid_bin", Columns: []string{"path", "username", "groupname", "permissions"}, Cells: []string{
			"/usr/bin/su", "root", "root", "S", path, "root", "root", "S",
		}}}}
	}
	for name, p := range map[string]peer{"row diff": newRowDiff(), "least frequent": newLeastFrequent()} {
		p.add(host("a", "/usr/bin/sudo"))
		p.add(host("b", "/usr/bin/sudo"))
		p.add(host("c", "/usr/bin/odd"))
		r := p.result()
		if len(r.Findings) == 0 || r.Findings[0].Row["path"] != "/usr/bin/odd" || r.Hosts[0].Host != "c" {
			t.Errorf("%s: %d findings, first host %s", name, len(r.Findings), r.Hosts[0].Host)
		}
	}
}

// TestWriteTo writes a fleet of each form and finds it again with the reader of
// real evidence.
func TestWriteTo(t *testing.T) {
	for _, form := range []Form{Pack, Plain} {
		dir := t.TempDir()
		f := New(Spec{Seed: 11, Hosts: 3, Form: form, Scene: Attacked})
		if err := f.WriteTo(dir, WriteOptions{Baseline: 2}); err != nil {
			t.Fatal(err)
		}
		var truth struct {
			AttackedHosts []string `json:"attacked_hosts"`
		}
		text, err := os.ReadFile(filepath.Join(dir, "truth.json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &truth); err != nil || len(truth.AttackedHosts) != 1 {
			t.Fatalf("truth.json: %v, %v", truth, err)
		}
		if got, want := hostsIn(t, dir, f), 3; got != want {
			t.Errorf("form %d: %d hosts read back, want %d", form, got, want)
		}
	}
}

// hostsIn counts the hosts of a fleet that are read back without an error.
func hostsIn(t *testing.T, dir string, f *Fleet) int {
	t.Helper()
	n := 0
	for i := range f.spec.Hosts {
		want := f.Host(i)
		path := filepath.Join(dir, want.Name)
		if f.spec.Form == Pack {
			path += ".jsonl.gz"
		}
		units, _, err := snapshot.Find([]string{path})
		if err != nil || len(units) != 1 {
			t.Fatalf("%s: %d units, %v", path, len(units), err)
		}
		hosts, err := units[0].Read(snapshot.DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hosts {
			if h.Name == want.Name && len(h.Tables) >= len(want.Tables) {
				n++
			}
		}
	}
	return n
}
