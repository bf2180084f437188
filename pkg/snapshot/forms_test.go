package snapshot

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"diffy/pkg/triage"

	gocmp "github.com/google/go-cmp/cmp"
)

// content is what a host's evidence says, without the order of rows and columns.
func content(h *Host) map[string][]triage.Row {
	out := map[string][]triage.Row{}
	for i := range h.Tables {
		t := &h.Tables[i]
		rows := make([]triage.Row, t.Len())
		for r := range rows {
			rows[r] = t.Raw(r)
		}
		slices.SortFunc(rows, func(a, b triage.Row) int { return cmp.Compare(encoded(a), encoded(b)) })
		out[t.Query] = rows
	}
	return out
}

func encoded(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// readPaths finds and reads everything, and fails the test at any error of the
// unit.
func readPaths(t *testing.T, l Limits, paths ...string) []*Host {
	t.Helper()
	units, _, err := Find(paths)
	if err != nil {
		t.Fatal(err)
	}
	var hosts []*Host
	for _, u := range units {
		read, err := u.Read(l)
		if err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, read...)
	}
	return hosts
}

// copied is the folder again, each file changed by f.
func copied(t *testing.T, from string, f func(name string, data []byte) (string, []byte)) string {
	t.Helper()
	to := t.TempDir()
	err := filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		name, data := f(filepath.Join(to, rel), data)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		return os.WriteFile(name, data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

var memberEnd = regexp.MustCompile(`([a-zA-Z])":`)

func TestEveryFormGivesTheSameTables(t *testing.T) {
	want := map[string][]triage.Row{
		"users": {
			{"uid": "0", "gid": "0", "username": "root", "shell": "/bin/bash", "description": "root"},
			{"uid": "1001", "gid": "1001", "username": "deploy", "shell": "/bin/sh", "description": "café \"ci\"\t\\"},
		},
		"listening_ports": {
			{"pid": "4242", "port": "8080", "protocol": "6", "address": "10.0.0.7"},
			{"pid": "812", "port": "22", "protocol": "6", "address": "0.0.0.0"},
			{"pid": "812", "port": "22", "protocol": "6", "address": "::"},
		},
	}
	for _, rows := range want {
		slices.SortFunc(rows, func(a, b triage.Row) int { return cmp.Compare(encoded(a), encoded(b)) })
	}
	ways := map[string]func(name string, data []byte) (string, []byte){
		"plain":           func(name string, data []byte) (string, []byte) { return name, data },
		"gzip":            func(name string, data []byte) (string, []byte) { return name + ".gz", gzipped(data) },
		"gzip by content": func(name string, data []byte) (string, []byte) { return name, gzipped(data) },
		"two members": func(name string, data []byte) (string, []byte) {
			return name, append(gzipped(data[:len(data)/2]), gzipped(data[len(data)/2:])...)
		},
		"byte order mark": func(name string, data []byte) (string, []byte) { return name, append([]byte("\xef\xbb\xbf"), data...) },
		"line ends": func(name string, data []byte) (string, []byte) {
			return name, bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))
		},
		"no last end": func(name string, data []byte) (string, []byte) { return name, bytes.TrimSuffix(data, []byte("\n")) },
		"spaces": func(name string, data []byte) (string, []byte) {
			return name, memberEnd.ReplaceAll(data, []byte(`$1" : `))
		},
	}
	for _, form := range []string{"folder", "own", "snapshots", "events", "differential", "batch", "live", "numerics"} {
		for way, change := range ways {
			t.Run(form+" "+way, func(t *testing.T) {
				hosts := readPaths(t, Limits{}, copied(t, "testdata/"+form, change))
				if len(hosts) == 0 || hosts[0].Name != "web-1" || hosts[0].Cut || len(hosts[0].Errors) > 0 {
					t.Fatalf("web-1 whole and first expected, found %s", encoded(hosts))
				}
				if diff := gocmp.Diff(want, content(hosts[0])); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestReadsOwnLog(t *testing.T) {
	data, err := os.ReadFile("testdata/own/web-1.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	hosts, err := ReadLog(bytes.NewReader(data), "stdin", DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	want := []*Host{{
		Name: "web-1", Source: "stdin", Time: 1790000000, Bytes: int64(len(data)),
		Begin: &Begin{
			Pack: "linux-triage", PackVersion: "1", OsqueryVersion: "5.12.1",
			Queries:   []string{"users", "listening_ports"},
			Collector: Collector{Dir: "/run/diffy.x1", Processes: map[string]string{"4711": "1789999990", "4712": "1789999991"}},
		},
		Tables: []Table{
			{
				Query: "users", Columns: []string{"uid", "gid", "username", "shell", "description"},
				Cells: []string{"0", "0", "root", "/bin/bash", "root", "1001", "1001", "deploy", "/bin/sh", "café \"ci\"\t\\"},
			},
			{
				Query: "listening_ports", Columns: []string{"pid", "port", "protocol", "address"},
				Cells: []string{"812", "22", "6", "0.0.0.0", "812", "22", "6", "::", "4242", "8080", "6", "10.0.0.7"},
			},
		},
	}}
	if diff := gocmp.Diff(want, hosts, gocmp.AllowUnexported(Table{})); diff != "" {
		t.Error(diff)
	}
}

func TestReadsLiveAnswersOfSeveralHosts(t *testing.T) {
	hosts := readPaths(t, Limits{}, "testdata/live")
	var got []string
	for _, h := range hosts {
		got = append(got, h.Name+" from "+h.Source)
		for _, e := range h.Errors {
			got = append(got, e.Query+": "+e.Error)
		}
	}
	want := []string{
		"web-1 from testdata/live",
		"web-2 from testdata/live",
		"listening_ports: testdata/live/listening_ports.json: line 2: the host says: no such table: listening_ports",
		"users: testdata/live/users.json: line 2: the host says: no such table: users",
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRotatedLogsAreReadInTheOrderOfTheirTimes(t *testing.T) {
	data, err := os.ReadFile("testdata/differential/osqueryd.results.log")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(data), "\n")
	dir := t.TempDir()
	for name, part := range map[string]string{
		"osqueryd.results.log":      strings.Join(lines[7:], ""),
		"osqueryd.results.log.1":    strings.Join(lines[5:7], ""),
		"osqueryd.results.log.2.gz": string(gzipped([]byte(strings.Join(lines[:5], "")))),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(part), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	rotated, whole := readPaths(t, Limits{}, dir), readPaths(t, Limits{}, "testdata/differential")
	if len(rotated) != 1 || len(rotated[0].Errors) > 0 || rotated[0].Source != dir {
		t.Fatalf("one host without errors expected, found %s", encoded(rotated))
	}
	if diff := gocmp.Diff(content(whole[0]), content(rotated[0])); diff != "" {
		t.Error(diff)
	}
}
