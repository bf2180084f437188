package e2e

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
	"sync"

	"diffy/collect"
	"diffy/pkg/cloud"
	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// Cases of hosts and services that do not do what they should.

// troubled: hosts of which each has another trouble. Every one is accounted for,
// and none is in the way of the others.
func troubled(w *world) {
	const late = "posts after its time"
	hosts := []struct {
		name string
		host func(*host)
		fate fate
	}{
		{"well", func(*host) {}, whole},
		{"posts junk beside its own", func(h *host) { h.act = quick{world: w, upload: w.postJunk}.act }, whole},
		{"posts outside its prefix", func(h *host) { h.act = quick{world: w, upload: postElsewhere}.act }, fate{triage.NotExamined, "the host says: S3 refused the upload"}},
		{"posts under another host's name", func(h *host) { h.act = quick{world: w, upload: postAsAnother}.act }, fate{triage.NotExamined, "is not there"}},
		{"posts too much", func(h *host) { h.act = quick{world: w, upload: w.postTooMuch}.act }, fate{triage.NotExamined, "the host says: S3 refused the upload"}},
		{late, func(h *host) { h.silent = true }, fate{triage.NotExamined, "no answer within 10 minutes"}},
		{"posts nothing", func(h *host) { h.act = quick{world: w, upload: uploadNothing}.act }, fate{triage.NotExamined, "is not there"}},
		{"reports another digest", func(h *host) { h.act = quick{world: w, report: otherDigest}.act }, fate{triage.NotExamined, "not what the host reported"}},
		{"reports nonsense", func(h *host) { h.act = say("Success", "diffy/1 sha256=../../x\n") }, fate{triage.NotExamined, "the host's report cannot be read"}},
		{"reports nothing", func(h *host) { h.act = say("Success", "") }, fate{triage.NotExamined, "the host's report cannot be read"}},
		{"cut log", func(h *host) { h.act = quick{world: w, log: withoutEnd}.act }, fate{triage.Partial, "the evidence is cut"}},
		{"cut gzip", func(h *host) { h.act = quick{world: w, pack: cutInTheMiddle}.act }, fate{triage.Partial, "the evidence is cut"}},
		{"no log at all", func(h *host) { h.act = quick{world: w, pack: noLog}.act }, fate{triage.NotExamined, "the evidence cannot be read"}},
		{"a query failed", func(h *host) { h.act = quick{world: w, log: withError}.act }, fate{triage.Partial, "1 query failed"}},
		{"a query is missing", func(h *host) { h.act = quick{world: w, log: withoutQuery}.act }, fate{triage.Partial, "1 query failed"}},
		{"no way to S3", func(h *host) { h.act = say("Failed", "diffy/1 failed=cannot reach S3\n") }, fate{triage.NotExamined, "the host says: cannot reach S3"}},
		{"fails without a word", func(h *host) { h.act = say("Failed", "") }, fate{triage.NotExamined, "SSM: Failed"}},
		{"unreachable", func(h *host) { h.act = endAs("TimedOut", "DeliveryTimedOut") }, fate{triage.NotExamined, "SSM: TimedOut, DeliveryTimedOut"}},
		{"too slow", func(h *host) { h.act = endAs("TimedOut", "ExecutionTimedOut") }, fate{triage.NotExamined, "SSM: TimedOut, ExecutionTimedOut"}},
		{"undeliverable", func(h *host) { h.act = endAs("Failed", "Undeliverable") }, fate{triage.NotExamined, "SSM: Failed, Undeliverable"}},
		{"gone", func(h *host) { h.act = endAs("Failed", "Terminated") }, fate{triage.NotExamined, "SSM: Failed, Terminated"}},
		{"wrong platform", func(h *host) { h.act = endAs("Failed", "InvalidPlatform") }, fate{triage.NotExamined, "SSM: Failed, InvalidPlatform"}},
		{"denied", func(h *host) { h.act = endAs("Failed", "AccessDenied") }, fate{triage.NotExamined, "SSM: Failed, AccessDenied"}},
		{"asked too often", func(h *host) { h.act = endAs("Failed", "RateExceeded") }, fate{triage.NotExamined, "SSM: Failed, RateExceeded"}},
		{"cancelled by somebody", func(h *host) { h.act = endAs("Cancelled", "Cancelled") }, fate{triage.NotExamined, "SSM: Cancelled"}},
		{"never heard of again", func(h *host) { h.silent = true }, fate{triage.NotExamined, "no answer within 10 minutes"}},
		{"no agent", func(h *host) { h.managed = false }, fate{triage.NotExamined, "not managed by SSM"}},
	}
	ids := w.quickGroup("web-prod", len(hosts))
	want := map[string]fate{}
	for i, h := range hosts {
		h.host(w.agents.hosts[ids[i]])
		want[ids[i]], w.called[ids[i]] = h.fate, h.name
	}
	const run = "asg-web-prod-20260102T0304-e5f6"
	end := w.run(run, string(w.sample("manual-minimal.json")))
	for _, c := range w.agents.commands {
		if host := c.InstanceIds[0]; w.called[host] == late {
			w.postLate(c, host)
		}
	}
	w.leave(end)

	w.succeeded(end)
	w.accounted(run, want)
	w.givenUp()
}

// givenUp checks that what hosts were waited for until the deadline is cancelled,
// and nothing that they might do later counts.
func (w *world) givenUp() {
	w.Helper()
	for _, c := range w.agents.commands {
		for _, i := range c.Invocations {
			if h := w.agents.hosts[i.Host]; h.silent && i.Status != "Cancelled" {
				w.Errorf("%s was given up, and its command is %s", i.Host, i.Status)
			}
		}
	}
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

// withoutQuery leaves one query out.
func withoutQuery(lines []string) []string {
	return slices.Delete(lines, len(lines)-2, len(lines)-1)
}

func cutInTheMiddle(packed []byte) []byte { return packed[:len(packed)-20] }

func noLog([]byte) []byte { return []byte("MZ\x90\x00 nothing that anybody can read") }

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

func postElsewhere(f uploadForm, key string, data []byte) error {
	return f.post("intake/another-run"+strings.TrimPrefix(key, "intake"), data)
}

// postAsAnother posts where only the digest of another host would be looked for.
func postAsAnother(f uploadForm, key string, data []byte) error {
	return f.post(f.prefix+"i-00000000000000000/"+path.Base(key), data)
}

func (w *world) postTooMuch(f uploadForm, key string, data []byte) error {
	err := f.post(key, append(slices.Clone(data), make([]byte, collect.MaxUpload)...))
	if err == nil {
		w.Errorf("post of more than %d bytes: the form does not allow it", collect.MaxUpload)
	}
	return err
}

// postLate posts what would have been good evidence after the run has given up.
func (w *world) postLate(c *command, host string) {
	w.Helper()
	f := newUploadForm(plainText(c.Parameters["Upload"][0]))
	if err := f.post(f.prefix+host+"/"+hash([]byte("late"))+".jsonl.gz", []byte("late")); err == nil {
		w.Errorf("post by %s after ten minutes: the form does not allow it", host)
	}
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

// tooMuch: a batch of three hosts is more than extract can do at once, and one of
// them is too much even alone. The others are done host by host.
func tooMuch(w *world) {
	ids := w.quickGroup("web-prod", 6)
	w.inBatches(2)
	w.called[ids[1]] = "too much even alone"
	w.functions.before = func(function string, payload []byte) error {
		var in pipeline.ExtractIn
		if function == "extract" {
			w.must(json.Unmarshal(payload, &in))
			if slices.Contains(in.Branch.Batch.Hosts, ids[1]) && (in.Host == "" || in.Host == ids[1]) {
				return errDied
			}
		}
		return w.pass(function, payload)
	}
	const run = "asg-web-prod-20260102T0304-1a2b"
	end := w.run(run, string(w.sample("manual-minimal.json")))
	w.leave(end)

	w.succeeded(end)
	want := all(ids, whole)
	want[ids[1]] = fate{triage.NotExamined, "no outcome"}
	w.lost = ids[1:2]
	w.accounted(run, want)
	if single := w.files("s3/runs/" + run + "/batches/0001"); len(single) != 2 {
		w.Errorf("hosts that were done alone: %v, want two", single)
	}
}

// inBatches makes so many batches of a group, whatever its size.
func (w *world) inBatches(n int) {
	w.Helper()
	c, err := cloud.New(w.Context(), w.cfg)
	w.must(err)
	w.functions.handlers["resolve"] = cloud.Handler(pipeline.Resolve{
		Fleet: c.Fleet, Objects: c.Objects, Runs: c.Table, Storm: c.Table, Pack: w.pack,
		Home: pipeline.Place{Account: account, Region: region}, Batching: pipeline.Batching{Branches: n}, Now: w.now, Log: w.logger(),
	}.Handle)
}

// sendDenied: nobody may send commands. Each host says so.
func sendDenied(w *world) {
	w.denied("SendCommand", "asg-web-prod-20260102T0304-3c4d", "not collected: send to batch 0001: send command to 2 hosts in 111122223333/eu-west-1: AccessDeniedException")
}

// pollDenied: commands may be sent, and nobody may ask what became of them.
func pollDenied(w *world) {
	w.denied("ListCommandInvocations", "asg-web-prod-20260102T0304-5e6f", "how it ended cannot be read: ask for command")
}

func (w *world) denied(operation, run, reason string) {
	w.Helper()
	w.agents.trouble = func(asked string) error {
		if asked == operation {
			return ssmError{"AccessDeniedException", "User: diffy is not authorized to perform: ssm:" + operation}
		}
		return nil
	}
	ids := w.quickGroup("web-prod", 2)
	w.inBatches(1)
	end := w.run(run, string(w.sample("manual-minimal.json")))
	w.leave(end)

	w.succeeded(end)
	w.accounted(run, all(ids, fate{triage.NotExamined, reason}))
}
