package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"diffy/pkg/facts"
	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// Each way in which collection from a host ends, and what becomes of it.
func TestExtract(t *testing.T) {
	good := logOf("i-1", nil)
	drop := func(i int) func([]string) []string {
		return func(lines []string) []string { return append(lines[:i], lines[i+1:]...) }
	}
	tests := []struct {
		name   string
		end    func(w *world, b pipeline.Branch)
		status triage.Status
		reason string // begins with
		kept   bool   // as evidence
	}{
		{
			"whole",
			func(w *world, b pipeline.Branch) { w.upload(b, 0, "i-1", good) },
			triage.Examined, "", true,
		},
		{
			"cut", func(w *world, b pipeline.Branch) { w.upload(b, 0, "i-1", logOf("i-1", drop(3))) },
			triage.Partial, "the evidence is cut", true,
		},
		{
			"a query without a line", func(w *world, b pipeline.Branch) { w.upload(b, 0, "i-1", logOf("i-1", drop(2))) },
			triage.Partial, "1 query failed", true,
		},
		{
			"cut gzip", func(w *world, b pipeline.Branch) { w.upload(b, 0, "i-1", good[:len(good)-12]) },
			triage.Partial, "the evidence is cut", true,
		},
		{
			"no gzip at all", func(w *world, b pipeline.Branch) { w.upload(b, 0, "i-1", []byte("\x00\x01junk")) },
			triage.NotExamined, "the evidence cannot be read: i-1.jsonl.gz", true,
		},
		{
			"begin and end, no answer", func(w *world, b pipeline.Branch) {
				w.upload(b, 0, "i-1", logOf("i-1", func(l []string) []string { return []string{l[0], l[3]} }))
			},
			triage.NotExamined, "no query answered", true,
		},
		{
			"nothing was uploaded", func(w *world, b pipeline.Branch) {
				w.answer(b, 0, pipeline.Invocation{Host: "i-1", Status: pipeline.Success, Stdout: reported(good)})
			},
			triage.NotExamined, "what the host says it has uploaded is not there", false,
		},
		{
			"other bytes than SSM vouches for", func(w *world, b pipeline.Branch) {
				w.upload(b, 0, "i-1", good)
				for key := range w.objects {
					w.objects[key] = logOf("i-1", drop(1))
				}
			},
			triage.NotExamined, "the upload is not what the host reported", false,
		},
		{
			"too large", func(w *world, b pipeline.Branch) { w.upload(b, 0, "i-1", make([]byte, 64<<20+1)) },
			triage.NotExamined, "the upload is larger than allowed", false,
		},
		{
			"the host gives a reason", func(w *world, b pipeline.Branch) {
				w.answer(b, 0, pipeline.Invocation{Host: "i-1", Status: pipeline.Failed, Details: "Failed", Stdout: "diffy/1 failed=cannot reach S3\n"})
			},
			triage.NotExamined, "the host says: cannot reach S3", false,
		},
		{
			"the report is nonsense", func(w *world, b pipeline.Branch) {
				w.answer(b, 0, pipeline.Invocation{Host: "i-1", Status: pipeline.Success, Stdout: "diffy/1 sha256=../../x"})
			},
			triage.NotExamined, "the host's report cannot be read", false,
		},
		{
			"not delivered", func(w *world, b pipeline.Branch) {
				w.answer(b, 0, pipeline.Invocation{Host: "i-1", Status: pipeline.TimedOut, Details: "DeliveryTimedOut"})
			},
			triage.NotExamined, "SSM: TimedOut, DeliveryTimedOut", false,
		},
		{
			"failed without a word", func(w *world, b pipeline.Branch) {
				w.answer(b, 0, pipeline.Invocation{Host: "i-1", Status: pipeline.Failed})
			},
			triage.NotExamined, "SSM: Failed", false,
		},
		{
			"still at it at the deadline", func(w *world, b pipeline.Branch) {
				w.answer(b, 0, pipeline.Invocation{Host: "i-1", Status: "InProgress"})
			},
			triage.NotExamined, "no answer within 10 minutes", false,
		},
		{
			"cancelled by somebody", func(w *world, b pipeline.Branch) {
				w.answer(b, 0, pipeline.Invocation{Host: "i-1", Status: pipeline.Cancelled, Details: "Cancelled"})
			},
			triage.NotExamined, "SSM: Cancelled", false,
		},
		{"never heard of", func(*world, pipeline.Branch) {}, triage.NotExamined, "no answer within 10 minutes", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx, w := context.Background(), newWorld(t)
			b := w.branch("i-1")
			test.end(w, b)
			out, err := w.extract().Handle(ctx, pipeline.ExtractIn{Branch: b})
			w.check(err)
			got := w.records("run-1", "0001")
			if len(got) != 1 || got[0].Status != test.status || !strings.HasPrefix(got[0].Reason, test.reason) || test.reason == "" && got[0].Reason != "" {
				t.Errorf("records %+v", got)
			}
			if out.Examined+out.Partial+out.NotExamined != 1 {
				t.Errorf("counts %+v", out)
			}
			kept, _ := w.objects.Get(ctx, pipeline.Object{Bucket: pipeline.Evidence, Key: "runs/run-1/evidence/1111/eu-west-1/i-1.jsonl.gz"}, 1<<30)
			if (kept != nil) != test.kept {
				t.Errorf("%d bytes of evidence", len(kept))
			}
			before := w.objects.copied()
			_, err = w.extract().Handle(ctx, pipeline.ExtractIn{Branch: b})
			w.check(err)
			if diff := w.objects.diff(before); diff != "" {
				t.Errorf("the second call differs:\n%s", diff)
			}
		})
	}
}

// Who has not answered by the deadline is cancelled: the reason says the former.
func TestExtractAtTheDeadline(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	b := w.branch("i-1", "i-2")
	w.now = w.now.Add(time.Hour)
	w.upload(b, 0, "i-1", logOf("i-1", nil))
	b, err := w.poll().Handle(ctx, b)
	w.check(err)
	w.answer(b, 0, pipeline.Invocation{Host: "i-2", Status: pipeline.Cancelled, Details: "Cancelled"})
	_, err = w.extract().Handle(ctx, pipeline.ExtractIn{Branch: b})
	w.check(err)
	got := map[string]string{}
	for _, r := range w.records("run-1", "0001") {
		got[r.Host] = string(r.Status) + ": " + r.Reason
	}
	want := map[string]string{"i-1": "examined: ", "i-2": "not_examined: no answer within 10 minutes"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

// The record says all that the manifest needs.
func TestExtractRecord(t *testing.T) {
	w := newWorld(t)
	b := w.branch("i-1")
	data := logOf("i-1", nil)
	w.upload(b, 0, "i-1", data)
	_, err := w.extract().Handle(context.Background(), pipeline.ExtractIn{Branch: b})
	w.check(err)
	want := []pipeline.Record{{
		Outcome: triage.Outcome{Host: "i-1", Status: triage.Examined, Command: "cmd-1", SHA256: digest(data), Size: int64(len(data)), Rows: 1},
		Attempt: "1-id1", Document: "hash3", HostTime: 1795490000, Received: "2026-11-24T03:12:00Z", Osquery: "5.21.0 pinned",
		Evidence: "runs/run-1/evidence/1111/eu-west-1/i-1.jsonl.gz",
	}}
	if diff := cmp.Diff(want, w.records("run-1", "0001")); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if set := w.facts("run-1", "0001"); len(set.Hosts()) != 1 || set.Hosts()[0].Rows != 1 {
		t.Errorf("facts of %+v", set.Hosts())
	}
}

func (w *world) facts(run, batch string) *facts.Set {
	w.Helper()
	data, err := w.objects.Get(context.Background(), pipeline.Object{Bucket: pipeline.Work, Key: pipeline.FactsKey(run, batch)}, 1<<30)
	w.check(err)
	set, err := facts.Decode(w.pack, bytes.NewReader(data))
	w.check(err)
	return set
}

// A host is named by its instance id, whatever its evidence says, and speaks for
// nobody else.
func TestExtractNames(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	b := w.branch("i-1", "i-2", "../../x")
	other := func(lines []string) []string {
		return append(lines, strings.ReplaceAll(lines[1], `"i-2"`, `"i-1"`), strings.ReplaceAll(lines[1], `"i-2"`, `"i-9"`))
	}
	w.upload(b, 0, "i-1", logOf("../../etc/passwd", nil))
	w.upload(b, 0, "i-2", logOf("i-2", other))
	w.upload(b, 0, "../../x", logOf("../../x", nil))
	_, err := w.extract().Handle(ctx, pipeline.ExtractIn{Branch: b})
	w.check(err)
	errorsOf := map[string][]string{}
	for _, h := range w.facts("run-1", "0001").Hosts() {
		for _, e := range h.Errors {
			errorsOf[h.Name] = append(errorsOf[h.Name], e.Error)
		}
	}
	for host, says := range map[string]string{
		"i-1": `names its host "..%2F..%2Fetc%2Fpasswd"`, "i-2": "speaks of other hosts too: 2 are left out", "../../x": "names its host",
	} {
		if !strings.Contains(strings.Join(errorsOf[host], "\n"), says) {
			t.Errorf("errors of %s: %q", host, errorsOf[host])
		}
	}
	for key := range w.objects {
		if strings.Contains(key, "..") && !strings.Contains(key, "%2F") {
			t.Errorf("key %s", key)
		}
	}
}

// The evidence of the second try counts; the first one's is as good as none.
func TestExtractSecondTry(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	b := w.branch("i-1", "i-2")
	b.Try = []string{"i-2"}
	b, err := w.collect().Handle(ctx, b)
	w.check(err)
	w.upload(b, 0, "i-1", logOf("i-1", nil))
	w.answer(b, 0, pipeline.Invocation{Host: "i-2", Status: pipeline.Failed, Details: "Failed"})
	w.upload(b, 1, "i-2", logOf("i-2", nil))
	_, err = w.extract().Handle(ctx, pipeline.ExtractIn{Branch: b})
	w.check(err)
	got := w.records("run-1", "0001")
	if got[0].Command != "cmd-1" || got[1].Command != "cmd-2" || got[1].Status != triage.Examined {
		t.Errorf("records %+v", got)
	}
}

// Evidence is written once. A later call that knows of newer evidence goes on with
// what is there if SSM vouches for it, and refuses it if nobody does.
func TestExtractStoredEvidence(t *testing.T) {
	ctx := context.Background()
	older, newer := logOf("i-1", nil), logOf("i-1", func(l []string) []string { return append(l[:2], l[3]) })
	setUp := func(t *testing.T) (*world, pipeline.Branch) {
		w := newWorld(t)
		b := w.branch("i-1")
		w.upload(b, 0, "i-1", older)
		_, err := w.extract().Handle(ctx, pipeline.ExtractIn{Branch: b})
		w.check(err)
		b, err = w.collect().Handle(ctx, b)
		w.check(err)
		w.upload(b, 1, "i-1", newer)
		return w, b
	}
	t.Run("vouched for", func(t *testing.T) {
		w, b := setUp(t)
		_, err := w.extract().Handle(ctx, pipeline.ExtractIn{Branch: b})
		w.check(err)
		if r := w.records("run-1", "0001")[0]; r.SHA256 != digest(older) || r.Command != "cmd-1" || r.Status != triage.Examined {
			t.Errorf("record %+v", r)
		}
	})
	t.Run("vouched for by nobody", func(t *testing.T) {
		w, b := setUp(t)
		b.Sends = b.Sends[1:]
		_, err := w.extract().Handle(ctx, pipeline.ExtractIn{Branch: b})
		w.check(err)
		if r := w.records("run-1", "0001")[0]; r.Status != triage.NotExamined || !strings.HasPrefix(r.Reason, "evidence of this host is stored already") {
			t.Errorf("record %+v", r)
		}
	})
}

// Where a branch gave up, its hosts say so, and a changed document is remembered.
func TestExtractAfterError(t *testing.T) {
	tests := []struct {
		name   string
		error  pipeline.Caught
		sent   bool
		reason string
		code   pipeline.Code
	}{
		{
			"nothing was sent",
			pipeline.Caught{Error: "Throttled", Cause: `{"errorType":"Throttled","errorMessage":"slow down"}`},
			false,
			"not collected: slow down", "",
		},
		{"poll gave up", pipeline.Caught{Error: "States.Timeout"}, true, "no answer: States.Timeout", ""},
		{
			"the document has changed",
			pipeline.Caught{Error: "DocumentChanged", Cause: `{"errorMessage":"it is another"}`},
			false,
			"not collected: it is another", pipeline.DocumentChanged,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			b := w.branch("i-1", "i-2")
			b.Error = &test.error
			if !test.sent {
				b.Sends = nil
			}
			_, err := w.extract().Handle(context.Background(), pipeline.ExtractIn{Branch: b})
			w.check(err)
			for _, r := range w.records("run-1", "0001") {
				if r.Reason != test.reason || r.Code != test.code {
					t.Errorf("record %+v", r)
				}
			}
		})
	}
}

// One host alone leaves its own outcome and facts.
func TestExtractOneHost(t *testing.T) {
	w := newWorld(t)
	b := w.branch("i-1", "i-2")
	w.upload(b, 0, "i-2", logOf("i-2", nil))
	_, err := w.extract().Handle(context.Background(), pipeline.ExtractIn{Branch: b, Host: "i-2"})
	w.check(err)
	var got []pipeline.Record
	w.read(pipeline.Work, "runs/run-1/batches/0001/i-2.json", &got)
	if len(got) != 1 || got[0].Status != triage.Examined {
		t.Errorf("records %+v", got)
	}
	if _, there := w.objects["work/runs/run-1/batches/0001.json"]; there {
		t.Error("there is an outcome of the batch too")
	}
}

// What stands in the way of all hosts is an error, and leaves no outcome that
// would count.
func TestExtractFails(t *testing.T) {
	w := newWorld(t)
	b := w.branch("i-1")
	w.statusOf = fmt.Errorf("list invocations: %w", pipeline.ErrThrottled)
	_, err := w.extract().Handle(context.Background(), pipeline.ExtractIn{Branch: b})
	if !errors.Is(err, pipeline.ErrThrottled) {
		t.Errorf("error %v", err)
	}
	if len(w.objects) > 0 {
		t.Error("something was written")
	}
}

// What stands in the way of a batch a second time, host by host, is each host's
// reason; only throttling is worth another try.
func TestExtractOneHostFails(t *testing.T) {
	denied := errors.New("AccessDeniedException: not authorized")
	tests := []struct {
		name   string
		fail   func(w *world, b pipeline.Branch)
		reason string
	}{
		{"status", func(w *world, _ pipeline.Branch) { w.statusOf = denied }, "how it ended cannot be read: ask for command cmd-1: " + denied.Error()},
		{"upload", func(w *world, b pipeline.Branch) {
			w.upload(b, 0, "i-1", logOf("i-1", nil))
			w.denied = denied
		}, "what it has uploaded cannot be examined: read evidence: " + denied.Error()},
		{"throttled", func(w *world, _ pipeline.Branch) { w.statusOf = pipeline.ErrThrottled }, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			b := w.branch("i-1")
			test.fail(w, b)
			_, err := w.extract().Handle(context.Background(), pipeline.ExtractIn{Branch: b, Host: "i-1"})
			if test.reason == "" {
				if !errors.Is(err, pipeline.ErrThrottled) {
					t.Errorf("error %v", err)
				}
				return
			}
			w.check(err)
			var got []pipeline.Record
			w.read(pipeline.Work, "runs/run-1/batches/0001/i-1.json", &got)
			if len(got) != 1 || got[0].Status != triage.NotExamined || got[0].Reason != test.reason {
				t.Errorf("records %+v, want the reason %q", got, test.reason)
			}
		})
	}
}

// Hosts that an earlier run has examined are taken from its evidence.
func TestRetry(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.group = pipeline.Group{ID: "g", Key: "asg:web", Hosts: hosts("i-1", "i-2")}
	examine := func(run, input string, collected ...string) []pipeline.Record {
		t.Helper()
		out, err := w.resolve().Handle(ctx, resolveIn(run, input))
		w.check(err)
		var batches []pipeline.Batch
		w.read(pipeline.Work, out.Hosts, &batches)
		w.commands = nil
		for _, batch := range batches {
			b, err := w.collect().Handle(ctx, pipeline.Branch{Run: run, Bundle: out.Bundle, Batch: batch})
			w.check(err)
			for _, host := range collected {
				if len(b.Sends) > 0 && batch.Hosts[0] == host {
					w.upload(b, 0, host, logOf(host, nil))
				}
			}
			_, err = w.extract().Handle(ctx, pipeline.ExtractIn{Branch: b})
			w.check(err)
		}
		_, err = w.analyze().Handle(ctx, pipeline.RunIn{Run: run})
		w.check(err)
		return append(w.records(run, "0001"), w.records(run, "0002")...)
	}
	first := examine("run-1", minimal, "i-1")
	w.now = w.now.Add(time.Hour)
	second := examine("run-2", `{"target":{"autoScalingGroup":"web"},"retry":"run-1"}`, "i-2")
	if len(w.commands) != 1 || w.commands[0].Hosts[0] != "i-2" {
		t.Errorf("sent to %+v", w.commands)
	}
	if diff := cmp.Diff(first[0], second[1], cmpopts.IgnoreFields(pipeline.Record{}, "Reason")); diff != "" {
		t.Errorf("record of i-1 in both runs:\n%s", diff)
	}
	var m pipeline.Manifest
	w.read(pipeline.Evidence, pipeline.ManifestKey("run-2"), &m)
	if m.Count != 3 || m.Objects[2].Run != "run-1" || m.Objects[2].Key != "evidence/1111/eu-west-1/i-1.jsonl.gz" {
		t.Errorf("manifest %+v", m)
	}
	if second[1].Reason != "evidence of run run-1, received 2026-11-24T03:12:00Z" {
		t.Errorf("reason %q", second[1].Reason)
	}
}
