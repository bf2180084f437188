package pipeline

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"diffy/pkg/triage"
)

// AlertSchema names the format of the messages' JSON form.
const AlertSchema = "diffy.alert/1"

// What a message has room for.
const (
	alertHosts   = 10
	alertKinds   = 8
	alertReasons = 5
)

// alert is the JSON form of a message. It names hosts, queries and counts, and
// never a value that a host has sent.
type alert struct {
	Schema   string          `json:"schema"`
	ID       string          `json:"id"` // the same for the same news
	Run      string          `json:"run,omitempty"`
	Incident string          `json:"incident,omitempty"`
	Group    string          `json:"group"`
	Purpose  triage.Purpose  `json:"purpose,omitempty"`
	Status   RunStatus       `json:"status"`
	Verdict  string          `json:"verdict"`
	Severity string          `json:"severity,omitempty"` // of the loudest finding
	Test     bool            `json:"test,omitempty"`     // a sample: nothing was started
	Trigger  *triage.Trigger `json:"trigger,omitempty"`
	Hosts    *alertCounts    `json:"hosts,omitempty"`
	Suspects []alertHost     `json:"suspects,omitempty"`
	Outliers []alertHost     `json:"outliers,omitempty"` // worst first
	More     int             `json:"more_outliers,omitempty"`
	Unseen   []alertReason   `json:"unseen,omitempty"` // why hosts were not seen whole, most frequent first
	Report   string          `json:"report,omitempty"` // key in the work bucket
	Command  string          `json:"command,omitempty"`
}

type alertCounts struct {
	Requested   int `json:"requested"`
	Examined    int `json:"examined"`
	Partial     int `json:"partial"`
	NotExamined int `json:"not_examined"`
	Outliers    int `json:"outliers"`
}

type alertHost struct {
	Host     string        `json:"host"`
	Status   triage.Status `json:"status"`
	Outlier  bool          `json:"outlier"`
	Suspect  bool          `json:"suspect"`
	Score    float64       `json:"score"`
	Findings int           `json:"findings"`        // at medium or above
	Kinds    []string      `json:"kinds,omitempty"` // "crontab added (1 of 8)"
}

type alertReason struct {
	Reason string `json:"reason"`
	Hosts  int    `json:"hosts"`
}

// messageID is the same for the same news of a run.
func messageID(run string, status RunStatus) string { return run + "/" + string(status) }

// resultMessage is the message of a run that went well.
func resultMessage(record Run, r *triage.Result) (Message, error) {
	a := alert{
		Schema: AlertSchema, ID: messageID(record.ID, Succeeded), Run: record.ID, Incident: r.Run.Incident, Group: r.Group.Key,
		Purpose: record.Purpose, Status: Succeeded, Severity: string(loudest(r)), Trigger: r.Run.Trigger,
		Hosts:  &alertCounts{r.Group.HostsRequested, r.Group.Examined, r.Group.Partial, r.Group.NotExamined, 0},
		Unseen: unseen(r.Hosts), Report: ReportKey(record.ID), Command: "diffy runs report " + record.ID,
	}
	for _, h := range r.Hosts {
		if h.Suspect && len(a.Suspects) < alertHosts {
			a.Suspects = append(a.Suspects, newAlertHost(h, nil))
		}
		if !h.Outlier {
			continue
		}
		if a.Hosts.Outliers++; a.Hosts.Outliers <= alertHosts {
			a.Outliers = append(a.Outliers, newAlertHost(h, r.Findings))
		}
	}
	a.More = max(0, a.Hosts.Outliers-alertHosts)
	a.Verdict = verdict(record, a.Hosts)
	return a.message(record)
}

func newAlertHost(h triage.HostResult, findings []triage.Finding) alertHost {
	a := alertHost{Host: h.Host, Status: h.Status, Outlier: h.Outlier, Suspect: h.Suspect, Score: h.Score, Findings: h.Findings}
	for _, f := range findings {
		if f.Severity.Loud() && slices.Contains(f.Hosts, h.Host) {
			a.Kinds = append(a.Kinds, fmt.Sprintf("%s %s (%d of %d)", f.Query, f.Kind, f.HostsWith, f.HostsCompared))
		}
	}
	a.Kinds = slices.Compact(a.Kinds)
	a.Kinds = a.Kinds[:min(len(a.Kinds), alertKinds)]
	return a
}

// verdict says in one sentence how the group stands. What was not seen is not
// called good.
func verdict(record Run, c *alertCounts) string {
	seen := c.Examined + c.Partial
	switch {
	case record.Purpose == triage.PurposeBaseline:
		return fmt.Sprintf("A baseline of %s was stored from %d of %d hosts", record.GroupKey, seen, c.Requested)
	case seen == 0:
		return fmt.Sprintf("None of %d hosts could be examined", c.Requested)
	case c.Outliers == 0:
		return fmt.Sprintf("No host stands out among the %d of %d examined", seen, c.Requested)
	}
	return fmt.Sprintf("%d of %d examined hosts stand out", c.Outliers, seen)
}

// unseen counts why hosts were not seen whole.
func unseen(hosts []triage.HostResult) []alertReason {
	counts := map[string]int{}
	for _, h := range hosts {
		if h.Status != triage.Examined {
			counts[cut(h.Reason, 200)]++
		}
	}
	var out []alertReason
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		out = append(out, alertReason{reason, counts[reason]})
	}
	slices.SortStableFunc(out, func(a, b alertReason) int { return cmp.Compare(b.Hosts, a.Hosts) })
	return out[:min(len(out), alertReasons)]
}

// failureMessage is the message of a run that failed.
func failureMessage(record Run) (Message, error) {
	return alert{
		Schema: AlertSchema, ID: messageID(record.ID, FailedRun), Run: record.ID, Incident: record.Incident, Group: record.GroupKey,
		Purpose: record.Purpose, Status: FailedRun, Verdict: "The run failed: " + record.Reason,
		Command: "diffy runs show " + record.ID,
	}.message(record)
}

// sampleMessage says what a sample finding would have started.
func sampleMessage(r triage.Request) (Message, error) {
	return alert{
		Schema: AlertSchema, ID: "sample/" + r.Trigger.ID, Group: TargetKey(r.Target), Status: Starting, Test: true, Trigger: r.Trigger,
		Verdict: "TEST: a sample finding arrived; had it been real, a triage of this group would have started",
	}.message(Run{Account: r.Target.Account, Region: r.Target.Region})
}

// message puts an alert in the forms that subscribers take.
func (a alert) message(record Run) (Message, error) {
	data, err := encode(a)
	if err != nil {
		return Message{}, err
	}
	subject := "diffy: " + a.Verdict
	if a.Group != "" {
		subject = "diffy " + a.Group + ": " + a.Verdict
	}
	return Message{
		ID: a.ID, Subject: short(strings.Map(printable(unicode.MaxASCII), subject)), Alert: data, Text: a.text(),
		Attributes: a.attributes(record),
	}, nil
}

func (a alert) attributes(record Run) map[string]string {
	out := map[string]string{
		"id": a.ID, "status": string(a.Status), "severity": a.Severity, "group": a.Group,
		"account": record.Account, "region": record.Region, "test": strconv.FormatBool(a.Test),
	}
	if a.Hosts != nil {
		out["outliers"] = strconv.Itoa(a.Hosts.Outliers)
		out["coverage"] = strconv.Itoa(100 * a.Hosts.Examined / max(1, a.Hosts.Requested)) // per cent
	}
	return out
}

// text is the message for people, a few lines.
func (a alert) text() string {
	var b strings.Builder
	line := func(format string, args ...any) {
		b.WriteString(strings.Map(printable(unicode.MaxRune), fmt.Sprintf(format, args...)))
		b.WriteByte('\n')
	}
	line("%s.", a.Verdict)
	line("group %s, run %s, incident %s", orNone(a.Group), orNone(a.Run), orNone(a.Incident))
	if t := a.Trigger; t != nil {
		line("trigger: %s %s, severity %.1f, %s", t.Source, t.Type, t.Severity, t.Time)
	}
	if c := a.Hosts; c != nil {
		line("hosts: %d requested, %d examined, %d partial, %d not examined", c.Requested, c.Examined, c.Partial, c.NotExamined)
	}
	for _, h := range a.Suspects {
		line("suspect %s: %s%s", h.Host, h.Status, map[bool]string{true: ", stands out", false: ""}[h.Outlier])
	}
	for i, h := range a.Outliers {
		line("%d. %s  score %.1f, findings to read: %d: %s", i+1, h.Host, h.Score, h.Findings, strings.Join(h.Kinds, ", "))
	}
	if a.More > 0 {
		line("and %d more hosts that stand out", a.More)
	}
	for _, u := range a.Unseen {
		line("not seen whole: hosts: %d: %s", u.Hosts, u.Reason)
	}
	if a.Command != "" {
		line("read on: %s", a.Command)
	}
	return b.String()
}

// short cuts a subject to what SNS takes.
func short(s string) string {
	if len(s) <= 100 {
		return s
	}
	return s[:97] + "..."
}

func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// printable replaces what has no shape of its own or is beyond highest.
func printable(highest rune) func(rune) rune {
	return func(r rune) rune {
		if r > highest || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}
}
