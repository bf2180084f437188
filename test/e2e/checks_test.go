package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"index/suffixarray"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

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

// fate is how a host is to end: its status, and what its reason says.
type fate struct {
	status triage.Status
	reason string
}

// all gives every host the same fate.
func all(hosts []string, f fate) map[string]fate {
	want := map[string]fate{}
	for _, h := range hosts {
		want[h] = f
	}
	return want
}

var whole = fate{status: triage.Examined}

// accounted checks that each requested host is in exactly one state, in the
// batches and in the result, and that it is the one that it should be in. The
// table says which.
func (w *world) accounted(run string, want map[string]fate) {
	w.Helper()
	batches, ranked := map[string][]fate{}, map[string][]fate{}
	for _, o := range w.outcomes(run) {
		batches[o.Host] = append(batches[o.Host], fate{o.Status, o.Reason})
	}
	for _, h := range w.result(run).Hosts {
		ranked[h.Host] = append(ranked[h.Host], fate{h.Status, h.Reason})
	}
	for what, got := range map[string]map[string][]fate{"batches": batches, "result": ranked} {
		for host, f := range want {
			if ends := got[host]; len(ends) != 1 || ends[0].status != f.status || !strings.Contains(ends[0].reason, f.reason) {
				w.Errorf("in the %s of %s %s ends as %v, want one %v", what, run, host, ends, f)
			}
		}
		if len(got) != len(want) {
			w.Errorf("the %s of %s have %d hosts, want %d", what, run, len(got), len(want))
		}
	}
	for _, host := range slices.Sorted(maps.Keys(batches)) {
		w.tell(run, host, batches[host][0])
	}
}

// outcomes reads how the hosts of a run have ended, host by host where a batch was
// taken apart. Those that are known to be lost have left nothing.
func (w *world) outcomes(run string) []triage.Outcome {
	w.Helper()
	var all []triage.Outcome
	for _, host := range w.lost {
		all = append(all, triage.Outcome{Host: host, Status: triage.NotExamined, Reason: "no outcome"})
	}
	for _, name := range w.files("s3/runs/" + run + "/batches") {
		var some []triage.Outcome
		w.readJSON(name, &some)
		all = append(all, some...)
	}
	return all
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
// a message or a record. Messages name what their findings are about, and nothing
// else of a row; what the input of a run holds may stand anywhere, and so may short
// values, which are mere words.
func (w *world) noRows() {
	w.Helper()
	input := string(w.read("execution.json"))
	values, seen, named := map[string]bool{}, map[string]bool{}, w.named()
	for _, h := range w.agents.hosts {
		if h.plays == "" || seen[h.plays] {
			continue
		}
		seen[h.plays] = true
		rec, err := record(h.plays)
		w.must(err)
		for _, rows := range rec.answers {
			for _, raw := range rows {
				var row map[string]string
				w.must(json.Unmarshal(raw, &row))
				for _, v := range row {
					values[v] = len(v) >= 10 && v != account && !strings.Contains(input, v)
				}
			}
		}
	}
	for _, name := range []string{"states.jsonl", "logs.txt", "sns.jsonl", "table.json"} {
		text := suffixarray.New(w.read(name))
		for v, telling := range values {
			if telling && !(name == "sns.jsonl" && strings.Contains(named, v)) && len(text.Lookup([]byte(v), 1)) > 0 {
				w.Errorf("%s holds a value of a host: %q", name, v)
			}
		}
	}
}

// named is what the findings of the case's results are about, in one text.
func (w *world) named() string {
	w.Helper()
	var values strings.Builder
	for _, e := range w.left {
		if e.Status != "SUCCEEDED" {
			continue
		}
		for _, f := range w.result(e.Name).Findings {
			for _, v := range f.Key {
				values.WriteString(v + "\n")
			}
		}
	}
	return values.String()
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
		if len(uploads) == 0 {
			w.Errorf("%s: there is no upload of it", e.Key)
		}
		for _, path := range uploads { // several, where a command was sent again
			uploaded, err := os.ReadFile(path)
			w.must(err)
			if !bytes.Equal(data, uploaded) {
				w.Errorf("%s: not the bytes that were uploaded", e.Key)
			}
		}
	}
	if want := len(w.files("s3/runs/" + run + "/evidence")); kept != want || manifest.Count != len(manifest.Objects) {
		w.Errorf("the manifest of %s has %d hosts and says %d objects; there are %d hosts", run, kept, manifest.Count, want)
	}
}

// files lists the files below a folder that the case has left, by their path in it:
// none where there is no such folder.
func (w *world) files(dir string) []string {
	w.Helper()
	var names []string
	if _, err := os.Stat(filepath.Join(w.dir, dir)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	w.must(fs.WalkDir(os.DirFS(w.dir), dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	}))
	return names
}
