package report

import (
	"fmt"
	"io"
	"net/netip"
	"strings"

	"diffy/pkg/triage"
)

// The numbers of OCSF that every event bears: https://schema.ocsf.io/1.8.0/classes/detection_finding.
const (
	ocsfVersion   = "1.8.0"
	ocsfFindings  = 2 // category
	ocsfDetection = 2004
	ocsfCreate    = 1
	ocsfNew       = 1 // status of a finding
	ocsfAffected  = 3 // role of a resource
)

// ocsfSeverities are the severity_id and severity of our severities.
var ocsfSeverities = map[triage.Severity]struct {
	id   int
	name string
}{triage.Info: {1, "Informational"}, triage.Low: {2, "Low"}, triage.Medium: {3, "Medium"}, triage.High: {4, "High"}}

// ocsfEvent is a Detection Finding. Rows stand in data, whose form is the producer's
// own, as a list: a column's name, which a host chooses, never becomes a field of
// somebody's index.
type ocsfEvent struct {
	ActivityID   int              `json:"activity_id"`
	ActivityName string           `json:"activity_name"`
	CategoryUID  int              `json:"category_uid"`
	CategoryName string           `json:"category_name"`
	ClassUID     int              `json:"class_uid"`
	ClassName    string           `json:"class_name"`
	TypeUID      int              `json:"type_uid"`
	TypeName     string           `json:"type_name"`
	Time         int64            `json:"time"` // ms since 1970
	SeverityID   int              `json:"severity_id"`
	Severity     string           `json:"severity"`
	StatusID     int              `json:"status_id"`
	Status       string           `json:"status"`
	IsAlert      bool             `json:"is_alert"`
	Message      string           `json:"message"`
	Metadata     ocsfMetadata     `json:"metadata"`
	Info         ocsfInfo         `json:"finding_info"`
	Resources    []ocsfResource   `json:"resources"`
	Evidences    []ocsfEvidence   `json:"evidences"`
	Observables  []ocsfObservable `json:"observables,omitempty"`
	Unmapped     ocsfUnmapped     `json:"unmapped"`
}

type ocsfMetadata struct {
	Version     string      `json:"version"`
	Product     ocsfProduct `json:"product"`
	UID         string      `json:"uid"`
	Correlation string      `json:"correlation_uid,omitempty"` // the story
}

type ocsfProduct struct {
	Name    string `json:"name"`
	Vendor  string `json:"vendor_name"`
	Version string `json:"version,omitempty"`
}

type ocsfInfo struct {
	UID      string       `json:"uid"`
	Title    string       `json:"title"`
	Desc     string       `json:"desc"`
	Types    []string     `json:"types"`
	Created  int64        `json:"created_time"`
	Analytic ocsfAnalytic `json:"analytic"`
	Attacks  []ocsfAttack `json:"attacks,omitempty"`
}

type ocsfAnalytic struct {
	Name   string `json:"name"`
	TypeID int    `json:"type_id"`
	Type   string `json:"type"`
}

type ocsfAttack struct {
	Technique    ocsfUID  `json:"technique"`
	SubTechnique *ocsfUID `json:"sub_technique,omitempty"`
}

type ocsfUID struct {
	UID string `json:"uid"`
}

type ocsfResource struct {
	UID    string `json:"uid"`
	Name   string `json:"name"`
	Type   string `json:"type"`
	RoleID int    `json:"role_id"`
	Role   string `json:"role"`
}

type ocsfEvidence struct {
	Name string   `json:"name"` // the query
	Data ocsfData `json:"data"`
}

// ocsfData is the difference, column by column.
type ocsfData struct {
	Kind    triage.Kind  `json:"kind"`
	Columns []ocsfColumn `json:"columns"`
}

// ocsfColumn is what the others or the baseline have, and what this host has; null
// where there is no such row.
type ocsfColumn struct {
	Name    string  `json:"name"`
	Before  *string `json:"before"`
	After   *string `json:"after"`
	Key     bool    `json:"key"`
	Changed bool    `json:"changed"`
}

type ocsfObservable struct {
	Name   string `json:"name"` // which attribute holds it
	TypeID int    `json:"type_id"`
	Type   string `json:"type"`
	Value  string `json:"value"`
}

// ocsfUnmapped is what OCSF has no place for.
type ocsfUnmapped struct {
	Run           string          `json:"run"`
	Incident      string          `json:"incident"`
	Group         string          `json:"group"`
	Methods       []triage.Method `json:"methods"`
	Score         float64         `json:"score"` // bits
	HostsWith     int             `json:"hosts_with"`
	HostsCompared int             `json:"hosts_compared"`
	Rows          int             `json:"rows"`
}

// OCSF writes one Detection Finding a finding, in the order of the result, one JSON
// object a line. Hosts that were not examined and pivots that were not seen have no
// event there: no result must be taken for one of hosts without findings.
func OCSF(w io.Writer, r *triage.Result) error {
	v := newView(r)
	stories := map[string]string{}
	for _, s := range v.Told {
		for _, f := range s.Parts {
			if stories[f.ID] == "" {
				stories[f.ID] = s.ID
			}
		}
	}
	for _, f := range v.Seen {
		if err := writeJSON(w, v.ocsf(f, stories[f.ID]), ""); err != nil {
			return err
		}
	}
	return nil
}

func (v *view) ocsf(f *findingView, story string) ocsfEvent {
	severity, known := ocsfSeverities[f.Severity]
	if !known {
		severity.name = "Unknown" // 0
	}
	at := int64(0)
	if t, ok := moment(ended(v.Run)); ok {
		at = t.UnixMilli()
	}
	return ocsfEvent{
		ActivityID: ocsfCreate, ActivityName: "Create",
		CategoryUID: ocsfFindings, CategoryName: "Findings",
		ClassUID: ocsfDetection, ClassName: "Detection Finding",
		TypeUID: ocsfDetection*100 + ocsfCreate, TypeName: "Detection Finding: Create",
		Time: at, SeverityID: severity.id, Severity: severity.name,
		StatusID: ocsfNew, Status: "New", IsAlert: f.Severity.Loud(), Message: f.Headline(),
		Metadata: ocsfMetadata{
			Version: ocsfVersion, Product: ocsfProduct{Name: "diffy", Vendor: "diffy", Version: v.Run.DiffyVersion},
			UID: v.Run.ID + "/" + f.ID, Correlation: story,
		},
		Info: ocsfInfo{
			UID: f.ID, Title: f.Title(), Desc: f.Why, Types: []string{f.Query + " " + string(f.Kind)}, Created: at,
			Analytic: analytic(f), Attacks: each(f.Techniques, attack),
		},
		Resources:   each(f.Hosts, func(h string) ocsfResource { return ocsfResource{h, h, "host", ocsfAffected, "Affected"} }),
		Evidences:   []ocsfEvidence{{f.Query, ocsfData{f.Kind, each(f.Cells, column)}}},
		Observables: observables(f),
		Unmapped: ocsfUnmapped{
			v.Run.ID, v.Run.Incident, v.Group.Key, f.Methods, f.Score, f.HostsWith, f.HostsCompared, f.Rows,
		},
	}
}

// analytic is what found it: a rule where one spoke, else counting.
func analytic(f *findingView) ocsfAnalytic {
	names := strings.Join(each(f.Methods, func(m triage.Method) string { return string(m) }), ", ")
	for _, m := range f.Methods {
		if m == triage.ByRule {
			return ocsfAnalytic{names, 1, "Rule"}
		}
	}
	return ocsfAnalytic{names, 3, "Statistical"}
}

// attack is a technique by its id; the part behind the dot is a sub-technique.
func attack(id string) ocsfAttack {
	technique, _, sub := strings.Cut(id, ".")
	a := ocsfAttack{Technique: ocsfUID{technique}}
	if sub {
		a.SubTechnique = &ocsfUID{id}
	}
	return a
}

func column(c cell) ocsfColumn {
	out := ocsfColumn{Name: c.Column, Key: c.Key, Changed: c.Changed}
	if c.HasBefore {
		out.Before = &c.Before
	}
	if c.HasAfter {
		out.After = &c.After
	}
	return out
}

// ocsfKinds are the columns of osquery that hold what OCSF calls an observable.
var ocsfKinds = map[string]struct {
	id   int
	name string
}{
	"sha256": {8, "Hash"}, "path": {45, "File Path"}, "remote_address": {2, "IP Address"},
	"username": {4, "User Name"}, "cmdline": {13, "Command Line"},
}

// observables are what of the row other products may know by sight.
func observables(f *findingView) []ocsfObservable {
	var out []ocsfObservable
	for i, c := range f.Cells {
		kind, ok := ocsfKinds[c.Column]
		if _, err := netip.ParseAddr(c.Value()); !ok || c.Value() == "" || c.Column == "remote_address" && err != nil {
			continue
		}
		side := "before"
		if c.HasAfter {
			side = "after"
		}
		out = append(out, ocsfObservable{fmt.Sprintf("evidences[0].data.columns[%d].%s", i, side), kind.id, kind.name, c.Value()})
	}
	return out
}
