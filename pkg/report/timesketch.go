package report

import (
	"io"
	"strings"
	"time"

	"diffy/pkg/triage"
)

// sketchEvent is a line that Timesketch imports. The first three names are those
// that it demands (docs/guides/user/import-from-json-csv.md of google/timesketch);
// the others are fields to filter by, always the same ones: a column's name, which
// a host chooses, never becomes a field of the index.
type sketchEvent struct {
	Message       string          `json:"message"`
	Datetime      string          `json:"datetime"` // ISO 8601 with its offset
	TimestampDesc string          `json:"timestamp_desc"`
	DataType      string          `json:"data_type"`
	Hostname      string          `json:"hostname"`
	Hosts         []string        `json:"hosts"` // all that show the finding
	Group         string          `json:"group"`
	Run           string          `json:"run"`
	Incident      string          `json:"incident"`
	Query         string          `json:"query"`
	Kind          triage.Kind     `json:"kind"`
	Subject       string          `json:"subject"`
	Severity      triage.Severity `json:"severity"`
	Score         float64         `json:"score"`
	Techniques    []string        `json:"techniques"`
	Why           string          `json:"why"`
	Finding       string          `json:"finding"`
	Findings      []string        `json:"findings"`
	Tag           []string        `json:"tag"` // shown as tags of the event
}

// seenByDiffy is what happened at a time that is the run's and not the host's.
const seenByDiffy = "seen by diffy"

// Timesketch writes the timeline as lines that Timesketch imports, oldest first.
// A finding at medium or above whose row holds no time stands at the run's end,
// when it was seen: no such finding is missing from the sketch.
func Timesketch(w io.Writer, r *triage.Result) error {
	v := newView(r)
	for _, e := range append(v.Events, v.timeless()...) {
		if err := writeJSON(w, v.sketch(e), ""); err != nil {
			return err
		}
	}
	return nil
}

// timeless are the loud findings that no event tells of.
func (v *view) timeless() []event {
	at, ok := moment(ended(v.Run))
	if !ok {
		return nil
	}
	told := map[string]bool{}
	for _, e := range v.Events {
		for _, id := range e.Findings {
			told[id] = true
		}
	}
	var out []event
	for _, f := range v.Loud {
		if told[f.ID] || len(f.Hosts) == 0 {
			continue
		}
		out = append(out, event{
			Time: at.UTC().Format(time.RFC3339), Source: "host", Event: seenByDiffy, Host: f.Hosts[0], Query: f.Query,
			Subject: f.subject(), Finding: f.ID, Severity: f.Severity, Findings: []string{f.ID}, about: f,
		})
	}
	return out
}

func (v *view) sketch(e event) sketchEvent {
	s := sketchEvent{
		Message: e.Event + ": " + e.Subject, Datetime: strings.TrimSuffix(e.Time, "Z") + "+00:00", TimestampDesc: e.Event,
		DataType: "diffy:" + e.Source, Hostname: e.Host, Hosts: []string{}, Group: v.Group.Key, Run: v.Run.ID, Incident: v.Run.Incident,
		Query: e.Query, Subject: e.Subject, Severity: e.Severity, Techniques: []string{}, Finding: e.Finding, Findings: e.Findings,
		Tag: []string{"diffy"},
	}
	if f := e.about; f != nil {
		s.Message += ". " + f.Why
		s.Hosts, s.Kind, s.Score, s.Why, s.Techniques = f.Hosts, f.Kind, f.Score, f.Why, f.Techniques
		s.Tag = append(append(s.Tag, "diffy-"+string(f.Severity)), f.Techniques...)
	}
	return s
}
