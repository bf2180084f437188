package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"diffy/pkg/triage"
)

var update = flag.Bool("update", false, "write the golden files anew")

// fixture reads a hand-made result: shop is a group with two attacked hosts,
// hostile has something that acts in every string.
func fixture(t testing.TB, name string) *triage.Result {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var r triage.Result
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return &r
}

// quiet is a group on which nothing stands out.
func quiet(t testing.TB) *triage.Result {
	r := fixture(t, "shop")
	r.Findings, r.Stories, r.Pivots, r.Suppressed, r.Notes, r.Run.Trigger = nil, nil, nil, nil, nil, nil
	r.Group.Baselines, r.Group.Methods = nil, []triage.Method{triage.ByCluster}
	r.Hosts = r.Hosts[2:10]
	r.Hosts[4].Suspect = true
	r.Group.HostsRequested, r.Group.Examined, r.Group.Partial, r.Group.NotExamined = 8, 8, 0, 0
	return r
}

// dark is a group of which no host answered.
func dark(t testing.TB) *triage.Result {
	r := quiet(t)
	for i := range r.Hosts {
		r.Hosts[i].Status, r.Hosts[i].Reason = triage.NotExamined, "AccessDenied"
	}
	r.Group.Examined, r.Group.NotExamined = 0, 8
	return r
}

// timed is hostile but for its time, so that it has a timeline.
func timed(t testing.TB) *triage.Result {
	r := fixture(t, "hostile")
	r.Run.Finished = "2026-11-24T08:36:37Z"
	return r
}

func fixtures(t testing.TB) map[string]*triage.Result {
	return map[string]*triage.Result{
		"shop": fixture(t, "shop"), "hostile": fixture(t, "hostile"), "timed": timed(t), "quiet": quiet(t), "dark": dark(t), "empty": {},
	}
}

// formats are all of them, by the ending of their golden file.
var formats = map[string]func(io.Writer, *triage.Result) error{
	"json":       JSON,
	"html":       HTML,
	"csv":        CSV,
	"jsonl":      Timeline,
	"sketch":     Timesketch,
	"ocsf":       OCSF,
	"txt":        func(w io.Writer, r *triage.Result) error { return Text(w, r, TextOptions{}) },
	"narrow.txt": func(w io.Writer, r *triage.Result) error { return Text(w, r, TextOptions{Width: 60}) },
	"color.txt":  func(w io.Writer, r *triage.Result) error { return Text(w, r, TextOptions{Width: 120, Color: true}) },
}

func written(t testing.TB, format string, r *triage.Result) string {
	t.Helper()
	var b bytes.Buffer
	if err := formats[format](&b, r); err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	for name, kinds := range map[string][]string{
		"shop":    {"html", "csv", "jsonl", "sketch", "ocsf", "txt", "narrow.txt", "color.txt"},
		"hostile": {"csv", "ocsf", "txt"},
		"timed":   {"sketch"},
		"quiet":   {"html", "txt"},
		"dark":    {"txt"},
		"empty":   {"json", "txt"},
	} {
		for _, kind := range kinds {
			t.Run(name+"."+kind, func(t *testing.T) {
				got := written(t, kind, fixtures(t)[name])
				// The style sheet and the script are files of their own.
				got = strings.NewReplacer(pageCSS, "", pageJS, "", hash(pageCSS), "sha256-css", hash(pageJS), "sha256-js").Replace(got)
				file := filepath.Join("testdata", name+".golden."+kind)
				if *update {
					if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got); diff != "" {
					t.Errorf("-want +got (go test ./pkg/report -update writes it anew):\n%s", diff)
				}
			})
		}
	}
}

// The same result gives the same bytes, and is itself left as it was.
func TestSameBytes(t *testing.T) {
	for name, r := range fixtures(t) {
		before, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		for format := range formats {
			if a, b := written(t, format, r), written(t, format, r); a != b {
				t.Errorf("%s as %s differs from one time to the next", name, format)
			}
		}
		if after, _ := json.Marshal(r); !bytes.Equal(before, after) {
			t.Errorf("%s was changed by writing it", name)
		}
	}
}

// No form calls a host clean.
func TestNeverClean(t *testing.T) {
	for name, r := range fixtures(t) {
		for format := range formats {
			if format == "json" {
				continue // carries what others wrote
			}
			if s := strings.ToLower(written(t, format, r)); strings.Contains(s, "clean") {
				t.Errorf("%s as %s says clean", name, format)
			}
		}
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestWriteErrors(t *testing.T) {
	for format, write := range formats {
		if err := write(brokenWriter{}, fixture(t, "shop")); err == nil {
			t.Errorf("%s: a failed write is no error", format)
		}
	}
}
