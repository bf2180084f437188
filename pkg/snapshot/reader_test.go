package snapshot

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestReaderReadsAsUnits has a Reader meet answers again and again, whole ones and
// others that begin alike: each host must be what its unit gives by itself.
func TestReaderReadsAsUnits(t *testing.T) {
	rows := strings.Join(processes(20, ""), ",")
	logs := map[string]string{
		"whole":        begins + snap("h", "users", rows) + snap("h", "mounts", rows) + ends,
		"no rows":      begins + snap("h", "users", "") + snap("h", "mounts", rows) + ends,
		"cut":          begins + snap("h", "users", rows)[:2000],
		"cut at }":     begins + strings.TrimSuffix(snap("h", "users", rows), "]}\n") + "}\n" + ends,
		"text behind":  begins + strings.TrimSuffix(snap("h", "users", rows), "\n") + "x\n" + ends,
		"wrong values": begins + snap("h", "users", strings.ReplaceAll(rows, `"cwd":"/"`, `"cwd":[1]`)) + snap("h", "mounts", rows) + ends,
		"with error":   begins + strings.Replace(snap("h", "users", rows), `"snapshot":`, `"error":"timed out","snapshot":`, 1) + snap("h", "mounts", rows) + ends,
		"twice":        begins + snap("h", "users", rows) + snap("h", "users", rows) + snap("h", "mounts", rows) + ends,
	}
	dir := t.TempDir()
	for i := range 3 {
		for name, log := range logs {
			path := filepath.Join(dir, name+strconv.Itoa(i)+".jsonl")
			if err := os.WriteFile(path, []byte(log), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	units, _, err := Find([]string{dir})
	if err != nil || len(units) != 3*len(logs) {
		t.Fatalf("%d units, error %v", len(units), err)
	}
	r := NewReader(DefaultLimits)
	for _, u := range units {
		want, wantErr := u.Read(DefaultLimits)
		got, gotErr := r.Read(u)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(Table{}), cmpopts.IgnoreFields(Table{}, "shared")); diff != "" || (wantErr == nil) != (gotErr == nil) {
			t.Errorf("%s (-by itself +behind others):\n%s%v %v", u.Path, diff, wantErr, gotErr)
		}
	}
	if len(r.repeats.tables) == 0 {
		t.Error("nothing was met again")
	}
}

// TestReaderForgets has hosts repeat more than is remembered.
func TestReaderForgets(t *testing.T) {
	dir := t.TempDir()
	for i := range 8 {
		value := strings.Repeat("x", maxRepeats/20) + strconv.Itoa(i)
		log := []byte(snap("h", "q", `{"v":"`+value+`"}`))
		for k := range 2 {
			if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(10*i+k)+".jsonl"), log, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	units, _, err := Find([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	r := NewReader(DefaultLimits)
	for _, u := range units {
		if _, err := r.Read(u); err != nil {
			t.Fatal(err)
		}
		if r.repeats.size > maxRepeats {
			t.Fatalf("%d bytes are remembered", r.repeats.size)
		}
	}
}
