package report

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"diffy/pkg/triage"
)

// told is a result whose findings tell of the same file: three of them at one
// moment, one at another, one on another host, and one of another file.
func told() *triage.Result {
	const at, later = "1795509102", "1795509103"
	finding := func(id string, severity triage.Severity, query, host, path string, times triage.Row) triage.Finding {
		row := triage.Row{"path": path}
		for column, value := range times {
			row[column] = value
		}
		return triage.Finding{ID: id, Severity: severity, Query: query, Kind: triage.Added, Hosts: []string{host}, Key: triage.Row{"path": path}, Row: row}
	}
	return &triage.Result{Findings: []triage.Finding{
		finding("1", triage.Medium, "file", "web-1", "/x", triage.Row{"mtime": at, "ctime": at}),
		finding("2", triage.High, "persistence", "web-1", "/x", triage.Row{"mtime": at, "btime": at}),
		finding("3", triage.Low, "changes", "web-1", "/x", triage.Row{"mtime": at, "ctime": later}),
		finding("4", triage.High, "file", "web-2", "/x", triage.Row{"mtime": at}),
		finding("5", triage.High, "file", "web-1", "/y", triage.Row{"mtime": at}),
	}}
}

func TestMoments(t *testing.T) {
	const at, later = "2026-11-24T08:31:42Z", "2026-11-24T08:31:43Z"
	want := []event{
		{
			Time: at, Source: "host", Event: "file metadata changed, modified, created", Host: "web-1", Query: "persistence",
			Column: "ctime,mtime,btime", Subject: "/x", Finding: "2", Severity: triage.High, Findings: []string{"1", "2", "3"},
		},
		{Time: at, Source: "host", Event: "file modified", Host: "web-2", Query: "file", Column: "mtime", Subject: "/x", Finding: "4", Severity: triage.High, Findings: []string{"4"}},
		{Time: at, Source: "host", Event: "file modified", Host: "web-1", Query: "file", Column: "mtime", Subject: "/y", Finding: "5", Severity: triage.High, Findings: []string{"5"}},
		{Time: later, Source: "host", Event: "file metadata changed", Host: "web-1", Query: "changes", Column: "ctime", Subject: "/x", Finding: "3", Severity: triage.Low, Findings: []string{"3"}},
	}
	got := newView(told()).Events
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(event{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if n := got[0].Ref(); n != 2 {
		t.Errorf("the event refers to finding %d, want the loudest, 2", n)
	}
}

// What Timesketch demands of a line, and that no loud finding is left out.
func TestTimesketch(t *testing.T) {
	for name, r := range fixtures(t) {
		seen, last := map[string]bool{}, time.Time{}
		for line := range strings.Lines(written(t, "sketch", r)) {
			var fields map[string]any
			var e sketchEvent
			if err := errors.Join(json.Unmarshal([]byte(line), &fields), json.Unmarshal([]byte(line), &e)); err != nil {
				t.Fatal(err)
			}
			for _, demanded := range []string{"message", "datetime", "timestamp_desc"} {
				if text, ok := fields[demanded].(string); !ok || text == "" {
					t.Errorf("%s: %s is %v in %s", name, demanded, fields[demanded], line)
				}
			}
			at, err := time.Parse("2006-01-02T15:04:05-07:00", e.Datetime)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if e.TimestampDesc != seenByDiffy && at.Before(last) {
				t.Errorf("%s: %s comes after %s", name, at, last)
			}
			last = at
			for _, id := range e.Findings {
				seen[id] = true
			}
		}
		_, timed := moment(ended(r.Run))
		for _, f := range r.Findings {
			if timed && f.Severity.Loud() && len(f.Hosts) > 0 && !seen[visible(f.ID)] {
				t.Errorf("%s: finding %s is in no event", name, f.ID)
			}
		}
	}
}
