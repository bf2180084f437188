package triage

// Purpose says what a run is for.
type Purpose string

// The purposes.
const (
	PurposeTriage   Purpose = "triage"   // compare a group and report
	PurposeBaseline Purpose = "baseline" // store the facts as a new baseline version
)

// PivotKind is what kind of value a pivot asks every host for.
type PivotKind string

// The pivot kinds.
const (
	PivotPath    PivotKind = "path" // program or file
	PivotSHA256  PivotKind = "sha256"
	PivotCmdline PivotKind = "cmdline"
	PivotParent  PivotKind = "parent" // lineage: a parent's path or name
	PivotModule  PivotKind = "module" // kernel module
	PivotPreload PivotKind = "preload"
	PivotIP      PivotKind = "ip"
	PivotPort    PivotKind = "port"
	PivotDomain  PivotKind = "domain"
	PivotUser    PivotKind = "user"
)

// PivotKinds lists every kind, in the order in which help shows them.
var PivotKinds = []PivotKind{
	PivotPath, PivotSHA256, PivotCmdline, PivotParent, PivotModule,
	PivotPreload, PivotIP, PivotPort, PivotDomain, PivotUser,
}

// Pivot is a value to look for on every host: seen, not seen or unknown.
type Pivot struct {
	Kind   PivotKind `json:"kind"`
	Value  string    `json:"value"`
	Source string    `json:"source,omitempty"` // "guardduty:<finding id>"
}

// Trigger is the finding that started a run.
type Trigger struct {
	Source   string  `json:"source"` // "guardduty"
	ID       string  `json:"id"`
	Type     string  `json:"type"`
	Severity float64 `json:"severity"` // GuardDuty's scale, 1.0 to 10.0
	Time     string  `json:"time"`     // RFC 3339, UTC
}

// Attached is a finding that came for a group while a run was at it.
type Attached struct {
	Trigger
	Suspects []string `json:"suspects"` // hosts of the group that it names
}

// Target chooses the group: exactly one selector, and where to look.
type Target struct {
	AutoScalingGroup string            `json:"autoScalingGroup,omitempty"`
	LaunchTemplate   string            `json:"launchTemplate,omitempty"`
	Stack            string            `json:"stack,omitempty"`
	InstanceProfile  string            `json:"instanceProfile,omitempty"`
	Image            string            `json:"image,omitempty"`
	Tags             map[string]string `json:"tags,omitempty"`
	InstanceIDs      []string          `json:"instanceIds,omitempty"`
	Subnet           string            `json:"subnet,omitempty"`
	VPC              string            `json:"vpc,omitempty"`

	Account string `json:"account,omitempty"` // default: the deployment's
	Region  string `json:"region,omitempty"`  // default: the deployment's
}

// Request is what a run is asked to do: the input of the state machine, and
// request.json once resolve has filled in the defaults.
type Request struct {
	Incident string   `json:"incident,omitempty"` // default: the run id
	Purpose  Purpose  `json:"purpose,omitempty"`
	Target   Target   `json:"target"`
	Suspects []string `json:"suspects,omitempty"` // always kept, marked in the result
	Expand   *bool    `json:"expand,omitempty"`   // instanceIds: true = their group; default true for one id, false for several
	Baseline string   `json:"baseline,omitempty"` // "auto", "none" or a version
	Pack     string   `json:"pack,omitempty"`
	Tiers    []string `json:"tiers,omitempty"`
	MaxHosts int      `json:"maxHosts,omitempty"`
	Retry    string   `json:"retry,omitempty"` // collect only the hosts that this run did not examine whole
	Pivots   []Pivot  `json:"pivots,omitempty"`
	Trigger  *Trigger `json:"trigger,omitempty"`
}

// Suppression declares a finding known and good, until it expires.
type Suppression struct {
	Finding string `json:"finding"` // the finding's id
	Reason  string `json:"reason"`
	Author  string `json:"author"`
	Expires string `json:"expires,omitempty"` // RFC 3339, UTC; empty: never
}
