package snapshot

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"diffy/pkg/triage"

	gocmp "github.com/google/go-cmp/cmp"
)

// planted makes files in a new folder; a name that ends with / is a folder.
func planted(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if strings.HasSuffix(name, "/") {
			err = os.MkdirAll(path, 0o755)
		} else {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const table = `[{"a":"1"}]`

// of is a line of osqueryd about a host.
func of(host string) string {
	return `{"snapshot":[{"a":"1"}],"action":"snapshot","name":"x","hostIdentifier":"` + host + `","unixTime":5}` + "\n"
}

func live(host string) string { return `{"host":"` + host + `","rows":[{"a":"1"}]}` + "\n" }

func TestFind(t *testing.T) {
	object := "expected output of osquery (an array of rows, or lines of a log), found an object"
	text := "expected output of osquery (an array of rows, or lines of a log), found other text"
	empty := "expected output of osquery, found an empty file"
	tests := []struct {
		name    string
		files   map[string]string
		paths   []string // below the folder; "": the folder itself
		units   []string // path and what it is of
		skipped []string
	}{
		{
			"folders of hosts at any depth, and loose files",
			map[string]string{
				"README.md": "# x", "fleet.json": "{\n \"hosts\": []\n}\n", "hosts.json": `[{"host":"a"}]`,
				"111122223333/eu-west-1/i-1/a.json": table, "111122223333/eu-west-1/i-1/b.json": "[]", "111122223333/us-east-1/i-2/a.json.gz": string(gzipped([]byte(table))),
			},
			[]string{""},
			[]string{"111122223333/eu-west-1/i-1: a.json b.json", "111122223333/us-east-1/i-2: a.json.gz"},
			[]string{"README.md: " + text, "fleet.json: " + object, "hosts.json: a table outside of a host's folder"},
		},
		{
			"a host's folder with files that should be tables",
			map[string]string{"h/a.json": table, "h/b.json": "", "h/c.json": "Error: x", "h/d.json": `{"x":1}`, "h/notes.txt": "x", "h/e.json": table},
			[]string{"h"},
			[]string{"h: a.json b.json c.json d.json e.json"},
			[]string{"h/notes.txt: " + text},
		},
		{
			"a host of which every query failed",
			map[string]string{"g/a.json": table, "h/a.json": "", "h/b.json": "Error: x"},
			[]string{""},
			[]string{"g: a.json", "h: a.json b.json"},
			nil,
		},
		{
			"a folder with nothing of osquery",
			map[string]string{"g/a.json": table, "h/meta.json": `{"x":1}`, "i/": ""},
			[]string{""},
			[]string{"g: a.json"},
			[]string{"h/meta.json: " + object, "i: expected files of evidence, found an empty folder"},
		},
		{
			"our own logs, one of them empty and one damaged",
			map[string]string{"i-1.jsonl": begins + ends, "i-2.jsonl.gz": string(gzipped([]byte(begins + ends))), "i-3.jsonl": "", "i-4.jsonl.gz": "\x1f\x8b\x08", "truth.json": `{"x":[]}`, "x.log": ""},
			[]string{""},
			[]string{"i-1.jsonl: i-1.jsonl", "i-2.jsonl.gz: i-2.jsonl.gz", "i-3.jsonl: i-3.jsonl", "i-4.jsonl.gz: i-4.jsonl.gz"},
			[]string{"truth.json: " + object, "x.log: " + empty},
		},
		{
			"logs of osqueryd, a host a file",
			map[string]string{"a.log": of("a"), "b.log": of("b"), "c.log": "not a line\n" + of("c")},
			[]string{""},
			[]string{"a.log: a.log", "b.log: b.log", "c.log: c.log"},
			nil,
		},
		{
			"logs of osqueryd that share hosts",
			map[string]string{"1/a.log": of("a") + of("b"), "2/b.log.gz": string(gzipped([]byte(of("b") + of("c")))), "c.log": of("c"), "d.log": of("d")},
			[]string{""},
			[]string{": 1/a.log 2/b.log.gz c.log", "d.log: d.log"},
			nil,
		},
		{
			"answers to live queries",
			map[string]string{"live/users.json": live("a") + live("b"), "live/mounts.json": live("b"), "live/fleet.json": table},
			[]string{""},
			[]string{"live: mounts.json users.json"},
			[]string{"live/fleet.json: a table outside of a host's folder"},
		},
		{
			"single files",
			map[string]string{"h/a.json": table, "h/b.json": table, "live/a.json": live("a"), "live/b.json": live("a"), "i-1.jsonl": begins, "h.log": of("h"), "empty.jsonl": ""},
			[]string{"h/b.json", "h/a.json", "h/a.json", "live/a.json", "live/b.json", "i-1.jsonl", "h.log", "empty.jsonl"},
			[]string{"empty.jsonl: empty.jsonl", "h: b.json a.json", "h.log: h.log", "i-1.jsonl: i-1.jsonl", "live: a.json b.json"},
			nil,
		},
		{
			"a log in a host's folder",
			map[string]string{"h/a.json": table, "h/b.json": table, "h/osqueryd.results.log": of("h")},
			[]string{"h"},
			[]string{"h: a.json b.json", "h/osqueryd.results.log: osqueryd.results.log"},
			nil,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := planted(t, test.files)
			var paths []string
			for _, p := range test.paths {
				paths = append(paths, filepath.Join(root, p))
			}
			found, skipped, err := Find(paths)
			if err != nil {
				t.Fatal(err)
			}
			short := func(path string) string {
				return strings.TrimPrefix(strings.TrimPrefix(path, root), "/")
			}
			var units, skips []string
			for _, u := range found {
				text := short(u.Path) + ":"
				for _, file := range u.files {
					rel, err := filepath.Rel(u.Path, file)
					if err != nil || rel == "." {
						rel = filepath.Base(file)
					}
					text += " " + rel
				}
				units = append(units, text)
			}
			for _, s := range skipped {
				skips = append(skips, short(s.Path)+": "+s.Reason)
			}
			if diff := gocmp.Diff(test.units, units); diff != "" {
				t.Error(diff)
			}
			if diff := gocmp.Diff(test.skipped, skips); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFindFollowsNoLinks(t *testing.T) {
	root := planted(t, map[string]string{"hosts/h/a.json": table, "secret/a.json": table})
	for from, to := range map[string]string{"hosts/g": "../secret", "hosts/h/b.json": "../../secret/a.json", "hosts/loop": "."} {
		if err := os.Symlink(to, filepath.Join(root, from)); err != nil {
			t.Fatal(err)
		}
	}
	units, skipped, err := Find([]string{filepath.Join(root, "hosts")})
	if err != nil || len(units) != 1 || len(units[0].files) != 1 {
		t.Fatalf("%v, %v", units, err)
	}
	var got []string
	for _, s := range skipped {
		got = append(got, strings.TrimPrefix(s.Path, root)+": "+s.Reason)
	}
	want := []string{"/hosts/g: a symbolic link is not followed", "/hosts/h/b.json: a symbolic link is not followed", "/hosts/loop: a symbolic link is not followed"}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// tarOf is an archive with one file.
func tarOf(t *testing.T, name, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(text))})
	if err == nil {
		_, err = w.Write([]byte(text))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestFindRefuses(t *testing.T) {
	line := `{"name":"users","hostIdentifier":"h","action":"snapshot","snapshot":[]}`
	root := planted(t, map[string]string{
		"notes.md": "x", "fleet.json": "{}", "empty.log": "", "array.json": "[\n " + line + ",\n " + line + "\n]\n",
		"hosts.tar": tarOf(t, "h.log", line+"\n"), "hosts.tgz": string(gzipped([]byte(tarOf(t, "h.log", line+"\n")))), "hosts.zip": "PK\x03\x04\x14\x00",
		"powershell.log": "\xff\xfe{\x00\"\x00n\x00",
	})
	tests := []struct{ path, want string }{
		{"gone", "read gone: no such file or directory"},
		{"notes.md", "notes.md: expected output of osquery (an array of rows, or lines of a log), found other text"},
		{"fleet.json", "fleet.json: expected output of osquery (an array of rows, or lines of a log), found an object"},
		{"empty.log", "empty.log: expected output of osquery, found an empty file"},
		{"array.json", "array.json: expected output of osquery, found lines of a log in an array: write one a line, as jq -c '.[]' does"},
		{"hosts.tar", "hosts.tar: expected output of osquery, found a tar archive: unpack it"},
		{"hosts.tgz", "hosts.tgz: expected output of osquery, found a tar archive: unpack it"},
		{"hosts.zip", "hosts.zip: expected output of osquery, found a zip archive: unpack it"},
		{"powershell.log", "powershell.log: expected output of osquery, found text in UTF-16: write it in UTF-8"},
	}
	for _, test := range tests {
		t.Run(test.path, func(t *testing.T) {
			_, _, err := Find([]string{filepath.Join(root, test.path)})
			if err == nil || strings.ReplaceAll(err.Error(), root+"/", "") != test.want {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestAHostIsNotLostWithItsLog(t *testing.T) {
	root := planted(t, map[string]string{"i-1.jsonl": "", "i-2.jsonl.gz": "\x1f\x8b\x08"})
	var got []told
	for _, h := range readPaths(t, Limits{}, root) {
		got = append(got, tell(h))
	}
	for i := range got {
		got[i].Errors[0] = strings.ReplaceAll(got[i].Errors[0], root+"/", "")
	}
	want := []told{
		{Name: "i-1", Cut: true, Tables: map[string][]triage.Row{}, Errors: []string{": i-1.jsonl: expected lines of an osquery log, found none"}},
		{Name: "i-2", Cut: true, Tables: map[string][]triage.Row{}, Errors: []string{": i-2.jsonl.gz: gzip header: unexpected EOF"}},
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAFileThatIsGoneIsAnErrorOfItsQuery(t *testing.T) {
	root := planted(t, map[string]string{"h/a.json": table, "h/b.json": table})
	units, _, err := Find([]string{root})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(root, "h/b.json")); err != nil {
		t.Fatal(err)
	}
	hosts, err := units[0].Read(Limits{})
	if err != nil {
		t.Fatal(err)
	}
	got := tell(hosts[0])
	got.Errors[0] = strings.ReplaceAll(got.Errors[0], root+"/", "")
	want := told{
		Name: "h", Tables: map[string][]triage.Row{"a": {{"a": "1"}}},
		Errors: []string{"b: h/b.json: byte 0: expected an array of rows, found a file that cannot be opened: no such file or directory"},
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
