package report

import (
	"cmp"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"diffy/pkg/triage"
)

// event is one moment with a known time: a line of the timeline. What happened to
// one thing on one host at one time is one event, however many findings tell of it.
type event struct {
	Time     string          `json:"time"`     // RFC 3339, UTC
	Source   string          `json:"source"`   // "trigger", "run" or "host"
	Event    string          `json:"event"`    // what happened, in words
	Host     string          `json:"host"`     // empty but for source "host"
	Query    string          `json:"query"`    // where the time was read
	Column   string          `json:"column"`   // the columns that hold it, separated by commas
	Subject  string          `json:"subject"`  // what it happened to: a path, a name
	Finding  string          `json:"finding"`  // the id of the loudest that tells of it
	Severity triage.Severity `json:"severity"` // of that finding
	Findings []string        `json:"findings"` // the ids of all that tell of it
	about    *findingView    // that finding
}

// timeColumns are the columns of osquery that hold a moment, in seconds since
// 1970 by the host's clock, and what happened then.
var timeColumns = map[string]string{
	"btime":        "file created",
	"ctime":        "file metadata changed",
	"mtime":        "file modified",
	"start_time":   "process started",
	"install_time": "package installed",
	"first_seen":   "first login",
	"last_seen":    "last login",
	"time":         "logged",
	"created":      "created",
}

// Timeline writes what is known with its time, oldest first, one JSON object a
// line: the trigger findings, the run's start and end, and the times in the rows of
// findings. docs/result.md describes the lines. Times in rows are the host's own
// and can be forged.
func Timeline(w io.Writer, r *triage.Result) error {
	for _, e := range newView(r).Events {
		if err := writeJSON(w, e, ""); err != nil {
			return err
		}
	}
	return nil
}

func events(v *view) []event {
	var out []event
	add := func(at string, e event) {
		if t, ok := moment(at); ok {
			e.Time = t.UTC().Format(time.RFC3339)
			out = append(out, e)
		}
	}
	none := []string{}
	if t := v.Run.Trigger; t != nil {
		add(t.Time, event{Source: "trigger", Event: "trigger finding", Subject: t.Type, Findings: none})
	}
	for _, t := range v.Run.Attached {
		add(t.Time, event{Source: "trigger", Event: "trigger finding", Subject: t.Type, Findings: none})
	}
	add(v.Run.Started, event{Source: "run", Event: "run started", Subject: v.Run.ID, Findings: none})
	add(v.Run.Finished, event{Source: "run", Event: "run finished", Subject: v.Run.ID, Findings: none})
	for _, f := range v.Seen {
		for _, column := range slices.Sorted(maps.Keys(f.Row)) {
			if what := timeColumns[column]; what != "" && len(f.Hosts) > 0 {
				add(f.Row[column], event{
					Source: "host", Event: what, Host: f.Hosts[0], Query: f.Query, Column: column,
					Subject: f.subject(), Finding: f.ID, Severity: f.Severity, Findings: []string{f.ID}, about: f,
				})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b event) int { return cmp.Compare(a.Time, b.Time) })
	return moments(out)
}

// moments joins what happened to one thing on one host at one time into one event.
func moments(events []event) []event {
	type moment struct{ time, host, subject string }
	var out []event
	at := map[moment]int{}
	for _, e := range events {
		if e.about == nil {
			out = append(out, e)
			continue
		}
		m := moment{e.Time, e.Host, e.Subject}
		if i, ok := at[m]; ok {
			out[i].join(e)
			continue
		}
		at[m] = len(out)
		out = append(out, e)
	}
	return out
}

// join takes another account of the same moment into the event.
func (e *event) join(other event) {
	if !e.Severity.AtLeast(other.Severity) {
		e.Query, e.Finding, e.Severity, e.about = other.Query, other.Finding, other.Severity, other.about
	}
	if !slices.Contains(strings.Split(e.Column, ","), other.Column) {
		e.Column += "," + other.Column
		e.Event += ", " + strings.TrimPrefix(other.Event, "file ")
	}
	if !slices.Contains(e.Findings, other.Finding) {
		e.Findings = append(e.Findings, other.Finding)
	}
}

// Ref is the number of the finding that the time comes from; 0: none.
func (e event) Ref() int {
	if e.about == nil {
		return 0
	}
	return e.about.Number
}

// subject is the one value that names a finding's row.
func (f *findingView) subject() string {
	if keys := f.Keys(); len(keys) > 0 {
		return keys[0].After
	}
	return f.Query
}

// moment reads a time as a result or a row gives it. Zero and what is outside
// 1971 to 2099 is no time that anybody noted.
func moment(s string) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, t.Year() > 1970 && t.Year() < 2100
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	const from, to = 31536000, 4102444800 // 1971, 2100
	return time.Unix(n, 0), n >= from && n < to
}
