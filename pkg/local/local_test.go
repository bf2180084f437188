package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// demo is recorded hosts of which one is attacked.
const (
	demo     = "../../testdata/demo"
	attacked = "ip-10-77-0-13"
)

// options are those of most tests: a new home, a clock that stands, no folder of
// its own for the run.
func options(t *testing.T, source string) Options {
	return Options{
		Source: source, Home: t.TempDir(), Version: "test",
		Now: func() time.Time { return time.Date(2026, 11, 24, 3, 12, 0, 0, time.UTC) }, ID: func() string { return "abcd" },
	}
}

func run(t *testing.T, o Options) (dir string, r *triage.Result) {
	t.Helper()
	_, dir, r, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return dir, r
}

func TestRun(t *testing.T) {
	o := options(t, demo)
	o.Out = filepath.Join(t.TempDir(), "out")
	var seen []string
	o.Progress = func(what string, done, total int) { seen = append(seen, fmt.Sprint(what, " ", done, "/", total)) }
	dir, r := run(t, o)
	if dir != o.Out || r.Run.ID != "local-202611240312-abcd" || r.Group.Key != "local" || r.Group.Examined != 7 {
		t.Errorf("run %s in %s: %+v", r.Run.ID, dir, r.Group)
	}
	if worst := r.Hosts[0]; worst.Host != attacked || !worst.Outlier {
		t.Errorf("worst is %+v", worst)
	}
	if !slices.Contains(seen, "reading 7/7") || !slices.Contains(seen, "examining 7/7") {
		t.Errorf("progress %q", seen)
	}
	got, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range got {
		names = append(names, e.Name())
	}
	if diff := cmp.Diff([]string{
		"alert.json", "batches", "evidence", "facts", "findings.csv", "hosts.json", "manifest.json", "plan.json",
		"report.html", "request.json", "result.json", "timeline.jsonl",
	}, names); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	before, err := os.ReadFile(filepath.Join(dir, "result.json"))
	if err != nil {
		t.Fatal(err)
	}
	run(t, o) // in the same folder
	after, err := os.ReadFile(filepath.Join(dir, "result.json"))
	if err != nil || string(before) != string(after) {
		t.Errorf("the second run differs (%v)", err)
	}
}

// The evidence is what was recorded, byte for byte, and the manifest knows it.
func TestEvidence(t *testing.T) {
	o := options(t, demo)
	o.Out = t.TempDir()
	dir, _ := run(t, o)
	var m pipeline.Manifest
	if err := readJSON(filepath.Join(dir, "manifest.json"), &m); err != nil {
		t.Fatal(err)
	}
	if m.Count != 8 || len(m.Objects) != 8 {
		t.Errorf("%d objects", m.Count)
	}
	for _, e := range m.Objects {
		data, err := os.ReadFile(filepath.Join(dir, e.Key))
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != e.SHA256 {
			t.Errorf("%s does not have its digest", e.Key)
		}
		if e.Host == "" {
			continue
		}
		recorded, err := os.ReadFile(filepath.Join(demo, e.Host+".jsonl.gz"))
		if err != nil || string(recorded) != string(data) {
			t.Errorf("%s is not what was recorded (%v)", e.Key, err)
		}
	}
}

// A selector names the group, instance ids choose among the hosts.
func TestTargets(t *testing.T) {
	no := false
	tests := []struct {
		name   string
		target triage.Target
		expand *bool
		group  string
		key    string
		hosts  int
	}{
		{"nothing", triage.Target{}, nil, "", "local", 7},
		{"a name", triage.Target{}, nil, "shop", "shop", 7},
		{"a selector", triage.Target{AutoScalingGroup: "web-prod"}, nil, "", "asg:web-prod", 7},
		{"two hosts", triage.Target{InstanceIDs: []string{attacked, "ip-10-77-0-12"}}, nil, "", "instances:ip-10-77-0-12," + attacked, 2},
		{"a host's group", triage.Target{InstanceIDs: []string{attacked}}, nil, "", "instances:" + attacked, 7},
		{"a host that is not there", triage.Target{InstanceIDs: []string{attacked, "ghost"}}, &no, "", "instances:ghost," + attacked, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := options(t, demo)
			o.Request.Target, o.Request.Expand, o.Group = test.target, test.expand, test.group
			_, r := run(t, o)
			if r.Group.Key != test.key || len(r.Hosts) != test.hosts {
				t.Errorf("group %s of %d hosts", r.Group.Key, len(r.Hosts))
			}
			for _, h := range r.Hosts {
				if h.Host == "ghost" && (h.Status != triage.NotExamined || h.Reason != "no snapshot of it is at hand") {
					t.Errorf("ghost is %+v", h)
				}
			}
		})
	}
}

// lines writes a log of plain osquery lines of some hosts.
func lines(t *testing.T, file string, hosts ...string) {
	t.Helper()
	var b strings.Builder
	for _, h := range hosts {
		name, _ := json.Marshal(h)
		fmt.Fprintf(&b, `{"name":"kernel_modules","hostIdentifier":%s,"unixTime":1795490000,"action":"snapshot","snapshot":[{"name":"ext4","size":"1","used_by":"-","status":"Live"}]}`+"\n", name)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Whatever hosts call themselves, they stay in the run's folder, and each is one.
func TestHostileNames(t *testing.T) {
	dir := t.TempDir()
	names := []string{"../../x", "..", "/etc/passwd", "a\nb", "web-1", strings.Repeat("n", 400), "%2E%2E"}
	lines(t, filepath.Join(dir, "in", "fleet.log"), names...)
	o := options(t, filepath.Join(dir, "in"))
	o.Out = filepath.Join(dir, "deep", "out")
	_, r := run(t, o)
	if len(r.Hosts) != len(names) || r.Group.NotExamined != 0 {
		t.Errorf("group %+v", r.Group)
	}
	for _, h := range r.Hosts {
		if !strings.Contains(strings.Join(r.Notes, " "), "not written by diffy's collector") {
			t.Errorf("notes %q", r.Notes)
		}
		if strings.Contains(h.Host, "/") {
			t.Errorf("host %q", h.Host)
		}
	}
	evidence, err := os.ReadDir(filepath.Join(o.Out, "evidence", "local", "local"))
	if err != nil || len(evidence) != len(names) {
		t.Errorf("%d pieces of evidence (%v)", len(evidence), err)
	}
	for _, outside := range []string{dir, filepath.Join(dir, "deep")} {
		entries, _ := os.ReadDir(outside)
		for _, e := range entries {
			if e.Name() != "in" && e.Name() != "deep" && e.Name() != "out" {
				t.Errorf("%s is outside of the run's folder", e.Name())
			}
		}
	}
}

// One host's bad evidence is that host's, and what is no evidence is named.
func TestBadEvidence(t *testing.T) {
	dir := t.TempDir()
	lines(t, filepath.Join(dir, "good-1.jsonl"), "good-1")
	lines(t, filepath.Join(dir, "good-2.jsonl"), "good-2")
	for name, content := range map[string]string{"empty.jsonl": "", "README": "hello", "cut.jsonl": `{"name":"processes","hostIdentifier":"cut","snapshot":[{"pid":"1"},{"pid":`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o := options(t, dir)
	var skipped []string
	o.Skipped = func(path, _ string) { skipped = append(skipped, filepath.Base(path)) }
	_, r := run(t, o)
	got := map[string]triage.Status{}
	for _, h := range r.Hosts {
		got[h.Host] = h.Status
	}
	want := map[string]triage.Status{"good-1": triage.Examined, "good-2": triage.Examined, "empty": triage.NotExamined, "cut": triage.Partial}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"README"}, skipped); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
}

func TestRunRefuses(t *testing.T) {
	dir := t.TempDir()
	lines(t, filepath.Join(dir, "twice", "a", "x.log"), "web-1")
	lines(t, filepath.Join(dir, "twice", "b", "y.jsonl"), "web-1", "web-2")
	lines(t, filepath.Join(dir, "one", "x.log"), "web-1")
	lines(t, filepath.Join(dir, "foreign", "evidence", "x.log"), "web-1")
	if err := os.Mkdir(filepath.Join(dir, "none"), 0o700); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, source, out string
		request           triage.Request
		says              []string
	}{
		{"nothing there", "nowhere", "", triage.Request{}, []string{"nowhere"}},
		{"no evidence", "none", "", triage.Request{}, []string{"there is no evidence in it"}},
		{"out inside of source", "one", "one/out", triage.Request{}, []string{"it is inside of"}},
		{"somebody else's evidence", "one", "foreign", triage.Request{}, []string{"evidence that is of no earlier run"}},
		{"a bad request", "one", "", triage.Request{Tiers: []string{"all"}}, []string{`tier is "all"`}},
		{"an earlier run that is not there", "one", "", triage.Request{Retry: "run-0"}, []string{"there is no run run-0 here"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := options(t, filepath.Join(dir, test.source))
			if test.out != "" {
				o.Out = filepath.Join(dir, test.out)
			}
			o.Request = test.request
			_, _, _, err := Run(context.Background(), o)
			for _, says := range test.says {
				if err == nil || !strings.Contains(err.Error(), says) {
					t.Errorf("error %v, expected %q", err, says)
				}
			}
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "foreign", "evidence", "x.log")); err != nil {
		t.Errorf("somebody else's evidence is gone: %v", err)
	}
}

// A host in two places is named with both.
func TestSameHostTwice(t *testing.T) {
	dir := t.TempDir()
	lines(t, filepath.Join(dir, "a.jsonl"), "web-1", "web-2")
	for _, file := range []string{"x/kernel_modules.json", "web-1/kernel_modules.json"} {
		path := filepath.Join(dir, file)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(`[{"name":"ext4"}]`), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	_, _, _, err := Run(context.Background(), options(t, dir))
	if err == nil || !strings.Contains(err.Error(), "a.jsonl") || !strings.Contains(err.Error(), filepath.Join(dir, "web-1")) {
		t.Errorf("error %v", err)
	}
}

// A baseline made in one run is used in the next, and one at hand in its place.
func TestBaselines(t *testing.T) {
	o := options(t, "../../testdata/demo/ip-10-77-0-12.jsonl.gz")
	o.Request.Purpose, o.Group = triage.PurposeBaseline, "shop"
	_, r := run(t, o)
	version := r.Run.ID
	next := options(t, demo)
	next.Home, next.Group, next.ID = o.Home, "shop", func() string { return "next" }
	_, r = run(t, next)
	if len(r.Group.Baselines) != 1 || r.Group.Baselines[0].Version != version {
		t.Errorf("baselines %+v", r.Group.Baselines)
	}
	next.ID = func() string { return "last" }
	next.Baselines = []string{demo + "/ip-10-77-0-12.jsonl.gz"}
	_, r = run(t, next)
	if len(r.Group.Baselines) != 1 || r.Group.Baselines[0].Version != "ip-10-77-0-12.jsonl.gz" || len(r.Hosts) != 6 {
		t.Errorf("baselines %+v of %d hosts", r.Group.Baselines, len(r.Hosts))
	}
}

// A run that is interrupted is recorded as failed.
func TestInterrupted(t *testing.T) {
	o := options(t, demo)
	ctx, cancel := context.WithCancel(context.Background())
	o.Progress = func(what string, _, _ int) {
		if what == "examining" {
			cancel()
		}
	}
	id, _, _, err := Run(ctx, o)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	record, err := NewTable(o.Home).LoadRun(context.Background(), id)
	if err != nil || record.Status != pipeline.FailedRun {
		t.Errorf("record %+v, %v", record, err)
	}
}

// What an earlier run has examined whole is not collected again.
func TestRetry(t *testing.T) {
	o := options(t, demo)
	id, _, _, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	o.Request.Retry, o.ID = id, func() string { return "next" }
	_, r := run(t, o)
	if r.Group.Examined != 7 || !strings.HasPrefix(r.Hosts[0].Reason, "evidence of run "+id) {
		t.Errorf("worst is %+v", r.Hosts[0])
	}
}

// The run that is retried may lie in a folder that nobody remembers, and the retry
// in another: its evidence is found and stays.
func TestRetryOfAFolder(t *testing.T) {
	o := options(t, demo)
	o.Out = filepath.Join(t.TempDir(), "first")
	id, first, _, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	next := options(t, demo)
	next.Request.Retry, next.Retried, next.Out = id, first, first
	if _, _, _, err := Run(context.Background(), next); err == nil || !strings.Contains(err.Error(), "has its evidence there") {
		t.Errorf("into the same folder: %v", err)
	}
	next.Out, next.ID = filepath.Join(t.TempDir(), "second"), func() string { return "next" }
	_, r := run(t, next)
	if r.Group.Examined != 7 || !strings.HasPrefix(r.Hosts[0].Reason, "evidence of run "+id) {
		t.Errorf("worst is %+v of %+v", r.Hosts[0], r.Group)
	}
	if _, err := os.Stat(filepath.Join(next.Out, "evidence")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("evidence was written again: %v", err)
	}
}
