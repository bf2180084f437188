package report

import "diffy/pkg/triage"

// AlertSchema names the format of Alert.
const AlertSchema = "diffy.alert/1"

// Severities of an alert beside those of findings.
const (
	NothingFound  = "none"    // hosts were examined, and there is no finding at all
	NothingIsSeen = "unknown" // nothing was examined: no news, and not good news
)

// What an alert has room for. With every text at its longest it stays far below
// the 262,144 bytes of an SNS message.
const (
	alertHosts    = 10
	alertFindings = 4 // of one host
	alertGaps     = 5
	alertPivots   = 5
)

// Alert is what a message says: how a run ended, in few enough words to be read at
// night. docs/alerts.md describes it and docs/alert.schema.json holds it; fields
// are added, never renamed. Its texts may come from a compromised host: JSON has
// them with secrets taken out and nothing invisible left in, and each form for
// people adds what its own reader needs.
type Alert struct {
	Schema   string `json:"schema"`
	ID       string `json:"id"`       // the same for the same news
	Status   string `json:"status"`   // "succeeded", "failed", "stopped", "test", "notice"
	Severity string `json:"severity"` // of the loudest finding; "none", "unknown"
	Verdict  string `json:"verdict"`  // one sentence, without a full stop

	Run      string          `json:"run,omitempty"`
	Incident string          `json:"incident,omitempty"`
	Group    string          `json:"group"`
	Account  string          `json:"account,omitempty"`
	Region   string          `json:"region,omitempty"`
	Purpose  triage.Purpose  `json:"purpose,omitempty"`
	Finished string          `json:"finished,omitempty"` // RFC 3339, UTC
	Test     bool            `json:"test"`               // a sample: nothing was started
	Trigger  *triage.Trigger `json:"trigger,omitempty"`

	Hosts        *AlertCounts `json:"hosts,omitempty"`
	Suspects     []AlertHost  `json:"suspects,omitempty"`
	MoreSuspects int          `json:"more_suspects,omitempty"`
	Outliers     []AlertHost  `json:"outliers,omitempty"` // worst first
	MoreOutliers int          `json:"more_outliers,omitempty"`
	Unseen       []AlertGap   `json:"unseen,omitempty"` // why hosts were not seen whole, most frequent first
	Pivots       []AlertPivot `json:"pivots,omitempty"` // those seen on a host first
	MorePivots   int          `json:"more_pivots,omitempty"`

	Console string `json:"console,omitempty"` // where a signed-in person finds the report
	Command string `json:"command,omitempty"` // what prints it
}

// AlertCounts are the hosts of a run by how they ended.
type AlertCounts struct {
	Requested   int `json:"requested"`
	Examined    int `json:"examined"`
	Partial     int `json:"partial"`
	NotExamined int `json:"not_examined"`
	Outliers    int `json:"outliers"`
}

// AlertHost is a suspect or an outlier.
type AlertHost struct {
	Host     string         `json:"host"`
	Status   triage.Status  `json:"status"`
	Reason   string         `json:"reason,omitempty"` // why it was not seen whole
	Outlier  bool           `json:"outlier"`
	Suspect  bool           `json:"suspect"`
	Score    float64        `json:"score"`         // bits
	Findings int            `json:"findings"`      // at medium or above
	Top      []AlertFinding `json:"top,omitempty"` // the first of these
}

// AlertFinding is a finding in a line.
type AlertFinding struct {
	ID            string          `json:"id"` // as in the result: for diffy suppress
	Severity      triage.Severity `json:"severity"`
	Query         string          `json:"query"`
	Kind          triage.Kind     `json:"kind"`
	What          string          `json:"what"` // what tells its row from others
	HostsWith     int             `json:"hosts_with"`
	HostsCompared int             `json:"hosts_compared"`
}

// AlertGap is a reason why hosts were not seen whole.
type AlertGap struct {
	Reason string `json:"reason"`
	Hosts  int    `json:"hosts"`
}

// AlertPivot says on how many hosts a value was seen.
type AlertPivot struct {
	Kind    triage.PivotKind `json:"kind"`
	Value   string           `json:"value"`
	Seen    int              `json:"seen"`
	NotSeen int              `json:"not_seen"`
	Unknown int              `json:"unknown"`
}
