// Package triage holds the words of diffy: what is asked for, what is seen on
// hosts, and what is concluded. It imports nothing but the standard library and
// nothing of ours; every other package speaks in these types.
package triage

// Severity says how loudly a finding speaks. High is what one would wake
// somebody for; high and medium are what a responder is asked to read; low and
// info are there to pivot on.
type Severity string

// The severities, loudest first.
const (
	High   Severity = "high"
	Medium Severity = "medium"
	Low    Severity = "low"
	Info   Severity = "info"
)

var severityRank = map[Severity]int{High: 3, Medium: 2, Low: 1, Info: 0}

// AtLeast reports whether s is as loud as other or louder.
func (s Severity) AtLeast(other Severity) bool { return severityRank[s] >= severityRank[other] }

// Loud reports whether a responder is asked to read it: medium or above.
func (s Severity) Loud() bool { return s.AtLeast(Medium) }

// Kind is how a host differs.
type Kind string

// The kinds of difference.
const (
	Added   Kind = "added"   // a row that others do not have
	Missing Kind = "missing" // a row that the others have and this host has not
	Changed Kind = "changed" // the same key with another value
)

// Method is one way to find a difference.
type Method string

// The methods.
const (
	ByBaseline Method = "baseline" // compared with stored facts of clean hosts
	ByCluster  Method = "cluster"  // compared with the other hosts of the group
	ByRule     Method = "rule"     // wrong even where all hosts share it
	ByPivot    Method = "pivot"    // asked for by the trigger finding or the responder
)

// Status is how much of a requested host was seen.
type Status string

// The statuses: every requested host ends in exactly one.
const (
	Examined    Status = "examined"     // every query answered
	Partial     Status = "partial"      // evidence came, but not whole
	NotExamined Status = "not_examined" // no usable evidence; the reason says why
)

// QueryError is a query that failed on a host, or evidence of it that cannot be
// read. The text names file, place and what was expected; it holds no rows.
type QueryError struct {
	Query string `json:"query"`
	Error string `json:"error"`
}

// Outcome is how the collection of one host ended: an element of
// batches/<n>.json.
type Outcome struct {
	Host    string `json:"host"`
	Status  Status `json:"status"`
	Reason  string `json:"reason"`
	Command string `json:"command"` // the SSM command that SSM vouched with
	SHA256  string `json:"sha256"`  // of the evidence as uploaded, hex
	Size    int64  `json:"size"`    // bytes, compressed as uploaded
	Rows    int    `json:"rows"`
}

// Host is one instance as the cloud describes it.
type Host struct {
	ID       string `json:"id"`
	Account  string `json:"account"`
	Region   string `json:"region"`
	Platform string `json:"platform"` // "linux" or "windows"
	Image    string `json:"image,omitempty"`
	Template string `json:"template,omitempty"` // launch template and version, "lt-1:7"
	State    string `json:"state,omitempty"`    // "running", "terminated", …
	Launched string `json:"launched,omitempty"` // RFC 3339, UTC
}

// Batch is 1 to 50 hosts of one account, region and platform: what one branch of
// the map collects. The elements of hosts.json.
type Batch struct {
	Batch    string   `json:"batch"` // "0001"
	Account  string   `json:"account"`
	Region   string   `json:"region"`
	Platform string   `json:"platform"`
	Hosts    []string `json:"hosts"`
}
