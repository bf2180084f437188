package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
	"diffy/pkg/trigger"
)

// pivots: a finding names a program. Every host is asked for the very path and digest,
// in queries of their own, and the result says who has it.
func pivots(w *world) {
	ids := w.scale("web-prod", 3)
	const plays = "ip-10-77-0-12"
	w.settle(ids, slices.Repeat([]string{plays}, 3))
	finding := w.samples(ids[0])["guardduty-runtime-process"]
	tool := triage.Pivot{Kind: triage.PivotPath, Value: "/dev/shm/.cache/kworkerd"}
	w.answerPivots(finding, plays, ids[0], tool)
	var out pipeline.TriggerOut
	w.must(json.Unmarshal(w.invoke("trigger", string(finding)), &out))
	end := w.wait(out.Runs[0])
	w.leave(end)

	w.succeeded(end)
	w.accounted(end.Name, all(ids, whole))
	r := w.result(end.Name)
	for _, p := range r.Pivots {
		if p.Kind == tool.Kind && p.Value == tool.Value {
			others := sorted(ids[1:]...)
			if !slices.Equal(p.Seen, ids[:1]) || !slices.Equal(p.NotSeen, others) || len(p.Unknown) > 0 {
				w.Errorf("%s is seen on %v, not on %v, unknown of %v", p.Value, p.Seen, p.NotSeen, p.Unknown)
			}
		}
	}
	names := w.pack.PivotQueries(tool)
	raised := slices.ContainsFunc(r.Findings, func(f triage.Finding) bool {
		return f.Query == names[0].Name && f.Severity.Loud() && slices.Contains(f.Methods, triage.ByPivot) && slices.Equal(f.Hosts, ids[:1])
	})
	if len(r.Pivots) == 0 || !raised {
		w.Errorf("pivots %+v; the row of %s is not raised", r.Pivots, names[0].Name)
	}
	w.noSecrets()
	w.sameEvidence(end.Name)
	w.sameLocally()
}

// answerPivots has the hosts that play a recorded one answer what a finding asks for:
// nothing, but for the one host that has the file.
func (w *world) answerPivots(finding []byte, plays, accused string, tool triage.Pivot) {
	w.Helper()
	d, err := trigger.ParseEvent(finding)
	w.must(err)
	shared, own := filepath.Join(w.temp, "answers", plays), filepath.Join(w.temp, "answers", accused)
	asked := w.pack.PivotQueries(d.Request.Pivots...)
	if len(asked) < 4 {
		w.Fatalf("the finding asks %d questions, want those of paths, digests and addresses", len(asked))
	}
	bundle := strings.Split(string(w.pack.Bundle(nil, asked)), "\n")[:len(asked)]
	for _, line := range bundle {
		_, sql, _ := strings.Cut(line, "\t")
		w.must(os.WriteFile(filepath.Join(shared, hash([]byte(sql))), []byte("[\n\n]\n"), 0o644))
	}
	w.must(os.CopyFS(own, os.DirFS(shared)))
	_, sql, _ := strings.Cut(bundle[slices.Index(asked, w.pack.PivotQueries(tool)[0])], "\t")
	row, err := json.Marshal(map[string]string{
		"path": tool.Value, "type": "regular", "size": "812", "uid": "33", "gid": "33", "mode": "0755", "mtime": "1790000000",
		"ctime": "1790000000", "btime": "1790000000", "inode": "7", "sha256": strings.Repeat("ab", 32),
	})
	w.must(err)
	w.must(os.WriteFile(filepath.Join(own, hash([]byte(sql))), []byte("[\n  "+string(row)+"\n]\n"), 0o644))
	link := filepath.Join(w.agents.hosts[accused].root, "answers")
	w.must(os.Remove(link))
	w.must(os.Symlink(own, link))
}
