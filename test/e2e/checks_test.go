package e2e

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"diffy/pkg/local"
	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// What must hold after a run. Everything is read back from out/e2e/<case>/.

func (w *world) succeeded(e execution) {
	w.Helper()
	if e.Status != "SUCCEEDED" {
		w.Errorf("run %s ended as %s: %s: %s", e.Name, e.Status, e.Error, e.Cause)
	}
}

// read returns a file that the case has left.
func (w *world) read(name string) []byte {
	w.Helper()
	data, err := os.ReadFile(filepath.Join(w.dir, name))
	w.must(err)
	return data
}

func (w *world) readJSON(name string, v any) {
	w.Helper()
	w.must(json.Unmarshal(w.read(name), v))
}

func (w *world) result(run string) *triage.Result {
	w.Helper()
	var r triage.Result
	w.readJSON("s3/"+pipeline.ResultKey(run), &r)
	return &r
}

// accounted checks that each requested host is in exactly one state, in the
// batches and in the result, and that all are in this one.
func (w *world) accounted(run string, status triage.Status, hosts []string) {
	w.Helper()
	want, batches, ranked := map[string]triage.Status{}, map[string]triage.Status{}, map[string]triage.Status{}
	for _, h := range hosts {
		want[h] = status
	}
	seen := 0
	paths, err := filepath.Glob(filepath.Join(w.dir, "s3/runs", run, "batches/*.json"))
	w.must(err)
	for _, path := range paths {
		var outcomes []triage.Outcome
		name, err := filepath.Rel(w.dir, path)
		w.must(err)
		w.readJSON(name, &outcomes)
		for _, o := range outcomes {
			seen++
			batches[o.Host] = o.Status
		}
	}
	for _, h := range w.result(run).Hosts {
		seen++
		ranked[h.Host] = h.Status
	}
	for what, got := range map[string]map[string]triage.Status{"batches": batches, "result": ranked} {
		if diff := cmp.Diff(want, got); diff != "" {
			w.Errorf("hosts in the %s of %s (-want +got):\n%s", what, run, diff)
		}
	}
	if seen != 2*len(hosts) {
		w.Errorf("run %s names hosts %d times, want each of %d twice: in a batch and in the result", run, seen, len(hosts))
	}
}

func hostsOf(hosts []triage.HostResult) []string {
	var ids []string
	for _, h := range hosts {
		ids = append(ids, h.Host)
	}
	return ids
}

func sameHosts(hosts []triage.HostResult, ids []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(hostsOf(hosts))), ids)
}

// told checks that one message of the run went out, and that it names these
// outliers before any other.
func (w *world) told(run string, outliers []string) {
	w.Helper()
	lines := bytes.Split(bytes.TrimSpace(w.read("sns.jsonl")), []byte("\n"))
	if len(lines) != 1 {
		w.Fatalf("%d messages, want 1", len(lines))
	}
	var envelope struct{ Subject, Message string }
	w.must(json.Unmarshal(lines[0], &envelope))
	var alert struct {
		Run      string `json:"run"`
		Outliers []struct {
			Host string `json:"host"`
		} `json:"outliers"`
	}
	w.must(json.Unmarshal([]byte(envelope.Message), &alert))
	var named []string
	for _, o := range alert.Outliers {
		named = append(named, o.Host)
	}
	if alert.Run != run || len(named) < len(outliers) || !slices.Equal(slices.Sorted(slices.Values(named[:len(outliers)])), outliers) {
		w.Errorf("the message is of run %q and names %v, want %q and first %v", alert.Run, named, run, outliers)
	}
}

// noRows checks that no value that a host has sent stands in a state, a log line,
// a message or a record. Short values are words that stand anywhere.
func (w *world) noRows() {
	w.Helper()
	values := map[string]bool{}
	for _, h := range w.agents.hosts {
		rec, err := record(h.plays)
		w.must(err)
		for _, rows := range rec.answers {
			for _, raw := range rows {
				var row map[string]string
				w.must(json.Unmarshal(raw, &row))
				for _, v := range row {
					values[v] = len(v) >= 10
				}
			}
		}
	}
	for _, name := range []string{"states.jsonl", "logs.txt", "sns.jsonl", "table.json", "execution.json"} {
		text := string(w.read(name))
		for v, telling := range values {
			if telling && strings.Contains(text, v) {
				w.Errorf("%s holds a value of a host: %q", name, v)
			}
		}
	}
}

// sameEvidence checks that what is kept of each host is the very bytes that it
// has uploaded, and that the manifest knows them.
func (w *world) sameEvidence(run string) {
	w.Helper()
	var manifest pipeline.Manifest
	w.readJSON("s3/"+pipeline.ManifestKey(run), &manifest)
	kept := 0
	for _, e := range manifest.Objects {
		data := w.read("s3/runs/" + run + "/" + e.Key)
		if hash(data) != e.SHA256 || int64(len(data)) != e.Size {
			w.Errorf("%s: the manifest has another digest or size", e.Key)
		}
		if e.Host == "" {
			continue
		}
		kept++
		uploads, err := filepath.Glob(filepath.Join(w.dir, "s3/intake", run, "*/*", e.Host, e.SHA256+".jsonl.gz"))
		w.must(err)
		if len(uploads) != 1 {
			w.Errorf("%s: %d uploads of it, want 1", e.Key, len(uploads))
			continue
		}
		uploaded, err := os.ReadFile(uploads[0])
		w.must(err)
		if !bytes.Equal(data, uploaded) {
			w.Errorf("%s: not the bytes that were uploaded", e.Key)
		}
	}
	if want := len(w.files("s3/runs/" + run + "/evidence")); kept != want || manifest.Count != len(manifest.Objects) {
		w.Errorf("the manifest of %s has %d hosts and says %d objects; there are %d hosts", run, kept, manifest.Count, want)
	}
}

// files lists the files below a folder that the case has left, by their path in it.
func (w *world) files(dir string) []string {
	w.Helper()
	var names []string
	w.must(fs.WalkDir(os.DirFS(w.dir), dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	}))
	return names
}

// runOf is a run that is repeated on this machine.
type runOf struct {
	run     string
	purpose triage.Purpose
}

// sameLocally repeats runs on this machine over the evidence that they have kept,
// one after the other, and holds the last result against the one in the cloud.
func (w *world) sameLocally(want *triage.Result, runs ...runOf) {
	w.Helper()
	var got *triage.Result
	home := filepath.Join(w.temp, "home")
	for _, r := range runs {
		var err error
		_, _, got, err = local.Run(w.Context(), local.Options{
			Source: filepath.Join(w.dir, "s3/runs", r.run, "evidence"), Out: filepath.Join(w.temp, "local", r.run), Home: home,
			Request: triage.Request{Purpose: r.purpose, Target: triage.Target{AutoScalingGroup: "shop"}},
			Version: "e2e", Now: time.Now, ID: func() string { return "abcd" },
		})
		w.must(err)
	}
	if diff := cmp.Diff(timeless(want), timeless(got)); diff != "" {
		w.Errorf("the same hosts on this machine give another result (-cloud +local):\n%s", diff)
	}
}

// timeless leaves out what differs between two runs on the same evidence.
func timeless(r *triage.Result) triage.Result {
	same := *r
	same.Run.ID, same.Run.Incident, same.Run.Started, same.Run.Finished = "", "", "", ""
	same.Group.Baselines = slices.Clone(r.Group.Baselines)
	for i := range same.Group.Baselines {
		same.Group.Baselines[i].Version, same.Group.Baselines[i].Created = "", ""
	}
	return same
}
