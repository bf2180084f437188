package snapshot

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"diffy/pkg/triage"

	gocmp "github.com/google/go-cmp/cmp"
)

// small limits let the fuzzer reach all of them.
var small = Limits{
	HostBytes: 4096, LogBytes: 8192, GzipRatio: 50, Hosts: 5,
	QueryRows: 20, QueryCells: 100, ValueBytes: 64,
}

// seeds adds the samples of all forms.
func seeds(f *testing.F) {
	err := filepath.WalkDir("testdata", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(path, "fuzz") {
			return err
		}
		data, err := os.ReadFile(path)
		f.Add(data)
		f.Add(data[:len(data)*2/3])
		f.Add(gzipped(data))
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	for _, odd := range []string{
		``, `[{"a":"\ud800\u0000\x"}]`, `[{"a":1,"b":null},{"b":{"c":[]},"a":"x","d":true}]`, "\xef\xbb\xbf[]", "[[[[", `[{"a":"1","a":"2"}]`,
		begins + users + mounts + ends, ends + begins, of("a") + live("b"), `{"hostIdentifier":"\ud83d/..","name":"pack_x_y","diffResults":{"added":"","removed":[{"a":"1"}]}}`,
	} {
		f.Add([]byte(odd))
	}
}

// sound holds what must be true of any host, whatever was read.
func sound(t *testing.T, h *Host) {
	t.Helper()
	if h.Name == "" || len(h.Name) > maxName || !isSafe(h.Name, `/\`) {
		t.Errorf("name %q", h.Name)
	}
	names := map[string]bool{}
	for i := range h.Tables {
		table := &h.Tables[i]
		if names[table.Query] {
			t.Errorf("two tables of %q", table.Query)
		}
		names[table.Query] = true
		if n := len(table.Cells); n > small.QueryCells+maxColumns || table.Len() > small.QueryRows || n != table.Len()*len(table.Columns) {
			t.Errorf("%d cells, %d rows, %d columns", n, table.Len(), len(table.Columns))
		}
		for r := range table.Len() {
			for _, v := range table.Raw(r) {
				if len(v) > small.ValueBytes {
					t.Errorf("a value of %d bytes", len(v))
				}
			}
		}
	}
	for _, e := range h.Errors {
		if !isSafe(e.Query, "") || !isSafe(e.Error, "") {
			t.Errorf("an error that cannot be printed: %q %q", e.Query, e.Error)
		}
	}
}

func FuzzReadLog(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		hosts, err := ReadLog(bytes.NewReader(data), "log", small)
		if (err == nil) == (len(hosts) == 0) {
			t.Errorf("%d hosts, %v", len(hosts), err)
		}
		for _, h := range hosts {
			sound(t, h)
		}
		again, _ := ReadLog(bytes.NewReader(data), "log", small)
		if diff := gocmp.Diff(hosts, again, gocmp.AllowUnexported(Table{})); diff != "" {
			t.Errorf("read twice: %s", diff)
		}
	})
}

func FuzzUnit(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		root := t.TempDir()
		for _, name := range []string{"a.json", "a.log", "h.jsonl"} {
			if err := os.WriteFile(filepath.Join(root, name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		units, skipped, err := Find([]string{root})
		if err != nil {
			t.Fatal(err)
		}
		if len(units)+len(skipped) == 0 {
			t.Error("dropped without a word")
		}
		for _, u := range units {
			hosts, _ := u.Read(small)
			for _, h := range hosts {
				sound(t, h)
			}
		}
	})
}

// FuzzTable holds the walk against encoding/json: what that takes for rows of
// strings reads the same here.
func FuzzTable(f *testing.F) {
	seeds(f)
	limits := Limits{}.orDefault()
	f.Fuzz(func(t *testing.T, data []byte) {
		var r rows
		s := scanner{data: data}
		fault := r.array(&s, &limits)
		table := r.table("", &limits)
		var want []triage.Row
		if json.Unmarshal(data, &want) != nil || !utf8.Valid(data) || bytes.Contains(data, []byte(`\u`)) || want == nil {
			return
		}
		var got []triage.Row
		for i := range table.Len() {
			got = append(got, table.Raw(i))
		}
		if fault != nil {
			t.Fatalf("refused at %d: %s", fault.at, fault.want)
		}
		if r.notes[twice].n+r.notes[emptyRow].n+r.notes[wrongRow].n > 0 || bytes.Contains(data, []byte("null")) {
			return // read otherwise on purpose
		}
		if diff := gocmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
			t.Error(diff)
		}
	})
}
