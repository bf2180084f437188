package triage

// ResultSchema names the format of Result.
const ResultSchema = "diffy.result/1"

// Result is what one analysis concludes: result.json. docs/result.md describes
// it and docs/result.schema.json holds it; fields are added, never renamed. The
// same evidence gives the same bytes, times and run id aside.
type Result struct {
	Schema     string        `json:"schema"`
	Run        RunInfo       `json:"run"`
	Group      GroupResult   `json:"group"`
	Hosts      []HostResult  `json:"hosts"`    // ranked, worst first
	Findings   []Finding     `json:"findings"` // highest score first
	Stories    []Story       `json:"stories"`
	Pivots     []PivotResult `json:"pivots"`
	Suppressed []Suppressed  `json:"suppressed"`
	Notes      []string      `json:"notes"` // what could not be seen, a stale baseline, …
}

// RunInfo says which run it was.
type RunInfo struct {
	ID           string     `json:"id"`
	Incident     string     `json:"incident"`
	Trigger      *Trigger   `json:"trigger"`
	Attached     []Attached `json:"attached,omitempty"` // findings that came while the run was on, the gravest first
	Started      string     `json:"started"`            // RFC 3339, UTC
	Finished     string     `json:"finished"`           // RFC 3339, UTC
	Pack         string     `json:"pack"`
	PackVersion  string     `json:"pack_version"`
	DiffyVersion string     `json:"diffy_version"`
}

// GroupResult sums up the group of hosts that were compared.
type GroupResult struct {
	Key            string           `json:"key"`
	HostsRequested int              `json:"hosts_requested"`
	Examined       int              `json:"examined"`
	Partial        int              `json:"partial"`
	NotExamined    int              `json:"not_examined"`
	Subpopulations []Subpopulation  `json:"subpopulations"`
	Methods        []Method         `json:"methods"`
	Baselines      []BaselineResult `json:"baselines"`
}

// Subpopulation is a set of hosts that are alike in stable facts.
type Subpopulation struct {
	ID       string `json:"id"` // "A", the largest, "B", …
	Hosts    int    `json:"hosts"`
	Explains string `json:"explains"` // one line: "5 hosts run shop-api 1.9.0"
}

// BaselineResult is a baseline that was used, and how well it fits.
type BaselineResult struct {
	Name          string `json:"name"`
	Version       string `json:"version"`
	Created       string `json:"created"` // RFC 3339, UTC; of the evidence where the baseline is a path
	Hosts         int    `json:"hosts"`
	Subpopulation string `json:"subpopulation"` // ids, comma separated; empty: fits nobody
	Stale         bool   `json:"stale"`
	Weak          bool   `json:"weak"` // a good run that nobody has approved
}

// HostResult is one requested host.
type HostResult struct {
	Host          string       `json:"host"`
	Suspect       bool         `json:"suspect"`
	Status        Status       `json:"status"`
	Reason        string       `json:"reason"`
	Subpopulation string       `json:"subpopulation"`
	Score         float64      `json:"score"` // bits, one decimal
	Outlier       bool         `json:"outlier"`
	Findings      int          `json:"findings"` // at medium or above
	Errors        []QueryError `json:"errors"`
}

// Row holds raw values by column, as the host sent them.
type Row map[string]string

// Finding is one difference worth a human's look, on one or several hosts.
type Finding struct {
	ID             string   `json:"id"` // stable: group, query, key, kind and the canonical values that differ
	Hosts          []string `json:"hosts"`
	HostsWith      int      `json:"hosts_with"`
	HostsCompared  int      `json:"hosts_compared"`
	Rows           int      `json:"rows"` // how many rows a folded flood stands for
	Query          string   `json:"query"`
	Kind           Kind     `json:"kind"`
	Methods        []Method `json:"methods"`
	Key            Row      `json:"key"`
	Row            Row      `json:"row"`      // null for missing
	Expected       Row      `json:"expected"` // null for added
	ChangedColumns []string `json:"changed_columns"`
	Score          float64  `json:"score"` // bits, one decimal
	Severity       Severity `json:"severity"`
	Techniques     []string `json:"techniques"` // ATT&CK ids
	Why            string   `json:"why"`        // one sentence with the counts
}

// Story is rare facts that share a set of hosts: one mechanism.
type Story struct {
	ID       string   `json:"id"`
	Severity Severity `json:"severity"`
	Score    float64  `json:"score"`
	Hosts    []string `json:"hosts"`
	Findings []string `json:"findings"` // ids
	Summary  string   `json:"summary"`  // one sentence
}

// PivotResult says which hosts have a value that somebody asked for.
type PivotResult struct {
	Kind    PivotKind `json:"kind"`
	Value   string    `json:"value"`
	Seen    []string  `json:"seen"`
	NotSeen []string  `json:"not_seen"`
	Unknown []string  `json:"unknown"` // hosts whose evidence cannot tell
}

// Suppressed is a finding that somebody has declared known and good.
type Suppressed struct {
	Finding string `json:"finding"`
	Reason  string `json:"reason"`
	Author  string `json:"author"`
	Expires string `json:"expires"` // RFC 3339, UTC; empty: never
}
