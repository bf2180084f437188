package e2e

import (
	"strings"
	"sync"

	"diffy/pkg/triage"
)

// Cases of hosts and services that do not do what they should.

// troubled: hosts of which each has another trouble. Every one is accounted for,
// and none is in the way of the others.
func troubled(w *world) {
	hosts := []struct {
		name string
		host func(*host)
		fate fate
	}{
		{"well", func(*host) {}, whole},
		{"junk beside its own", func(h *host) { h.act = quick{world: w, upload: w.postJunk}.act }, whole},
		{"unreachable", func(h *host) { h.act = endAs("TimedOut", "DeliveryTimedOut") }, fate{triage.NotExamined, "DeliveryTimedOut"}},
		{"too slow", func(h *host) { h.act = endAs("TimedOut", "ExecutionTimedOut") }, fate{triage.NotExamined, "ExecutionTimedOut"}},
		{"silent", func(h *host) { h.silent = true }, fate{triage.NotExamined, "no answer within 10 minutes"}},
		{"no way to S3", func(h *host) { h.act = sayFailed("cannot reach S3") }, fate{triage.NotExamined, "the host says: cannot reach S3"}},
		{"cut", func(h *host) { h.act = quick{world: w, log: withoutEnd}.act }, fate{triage.Partial, "cut"}},
		{"a query failed", func(h *host) { h.act = quick{world: w, log: withError}.act }, fate{triage.Partial, "1 query failed"}},
		{"another digest", func(h *host) { h.act = quick{world: w, report: otherDigest}.act }, fate{triage.NotExamined, "not what the host reported"}},
		{"no upload", func(h *host) { h.act = quick{world: w, upload: uploadNothing}.act }, fate{triage.NotExamined, "is not there"}},
		{"no agent", func(h *host) { h.managed = false }, fate{triage.NotExamined, "not managed by SSM"}},
		{"stopped", func(h *host) { w.halt(h.id) }, fate{triage.NotExamined, "stopped"}},
	}
	ids := w.quickGroup("web-prod", len(hosts))
	want := map[string]fate{}
	for i, h := range hosts {
		h.host(w.agents.hosts[ids[i]])
		want[ids[i]] = h.fate
		w.Logf("%s %s", ids[i], h.name)
	}
	const run = "asg-web-prod-20260102T0304-e5f6"
	end := w.run(run, string(w.sample("manual-minimal.json")))
	w.leave(end)

	w.succeeded(end)
	w.accounted(run, want)
	w.noSecrets()
	w.noRows()
	w.sameEvidence(run)
}

// withoutEnd cuts a log in the middle.
func withoutEnd(lines []string) []string { return lines[:len(lines)/2] }

// withError lets one query fail.
func withError(lines []string) []string {
	at := len(lines) - 2
	head, _, _ := strings.Cut(lines[at], `"snapshot":`)
	lines[at] = head + "\"error\":\"no such table\"}\n"
	return lines
}

func otherDigest(string) string { return strings.Repeat("0", 64) }

func uploadNothing(uploadForm, string, []byte) error { return nil }

// postJunk posts more than it should, where the form lets it and where it does not.
func (w *world) postJunk(f uploadForm, key string, data []byte) error {
	if err := f.post(f.prefix+"i-0/"+strings.Repeat("a", 64)+".jsonl.gz", []byte("junk")); err != nil {
		w.Errorf("post beside its own: %v; the form cannot forbid it", err)
	}
	for _, elsewhere := range []string{"junk", "artifacts/osquery/junk", "intake/" + key} {
		if err := f.post(elsewhere, []byte("junk")); err == nil {
			w.Errorf("post to %s: the form does not allow it", elsewhere)
		}
	}
	return f.post(key, data)
}

// lostAnswer: SSM takes the command, and its answer never arrives. A second one is
// sent, hosts run both, and each has its evidence once.
func lostAnswer(w *world) {
	var once sync.Once
	w.agents.trouble = func(operation string) (err error) {
		if operation == "SendCommand" {
			once.Do(func() { err = errLost })
		}
		return err
	}
	ids := w.quickGroup("web-prod", 3)
	const run = "asg-web-prod-20260102T0304-0f1e"
	end := w.run(run, string(w.sample("manual-minimal.json")))
	w.leave(end)

	w.succeeded(end)
	w.accounted(run, all(ids, whole))
	if sent := len(w.agents.commands); sent != len(ids)+1 {
		w.Errorf("%d commands for %d batches, one of which was sent twice", sent, len(ids))
	}
	w.sameEvidence(run)
	w.noSecrets()
}

// throttled: Lambda and SSM ask to slow down, each once at every turn.
func throttled(w *world) {
	var mu sync.Mutex
	turns := map[string]int{}
	slow := func(what string) bool {
		mu.Lock()
		defer mu.Unlock()
		turns[what]++
		return turns[what] == 1
	}
	w.functions.before = func(function string, payload []byte) error {
		if slow(function) {
			return errThrottle
		}
		return w.pass(function, payload)
	}
	w.agents.trouble = func(operation string) error {
		if slow(operation) {
			return ssmError{"ThrottlingException", "Rate exceeded"}
		}
		return nil
	}
	ids := w.quickGroup("web-prod", 3)
	const run = "asg-web-prod-20260102T0304-2d3c"
	end := w.run(run, string(w.sample("manual-minimal.json")))
	w.leave(end)

	w.succeeded(end)
	w.accounted(run, all(ids, whole))
	for _, what := range []string{"resolve", "collect", "poll", "extract", "analyze", "publish", "SendCommand", "ListCommandInvocations"} {
		if turns[what] < 2 {
			w.Errorf("%s was asked %d times: it was not tried again", what, turns[what])
		}
	}
}

// batches: more hosts than branches of the map: two hosts a batch.
func batches(w *world) {
	ids := w.quickGroup("web-prod", 120)
	const run = "asg-web-prod-20260102T0304-4b5a"
	end := w.run(run, string(w.sample("manual-minimal.json")))
	w.leave(end)

	w.succeeded(end)
	w.accounted(run, all(ids, whole))
	var planned []triage.Batch
	w.readJSON("s3/runs/"+run+"/hosts.json", &planned)
	if len(planned) != 60 || len(w.agents.commands) != 60 {
		w.Errorf("%d batches and %d commands, want 60 of two hosts", len(planned), len(w.agents.commands))
	}
}
