package pipeline

import "encoding/json"

// ResolveIn is what the first state gets: whatever the caller sent, and the
// name of the execution, which is the run's id.
type ResolveIn struct {
	Run   string          `json:"run"`
	Input json.RawMessage `json:"input"` // a request, or an EventBridge event
}

// ResolveOut is the state of the run from then on.
type ResolveOut struct {
	Run       string `json:"run"`
	Hosts     string `json:"hosts"`     // key of hosts.json in the work bucket: the items of the map
	Bundle    Bundle `json:"bundle"`    // what every host runs
	Requested int    `json:"requested"` // hosts that were asked for
	Planned   int    `json:"planned"`   // hosts in batches
	Batches   int    `json:"batches"`   // 0: nothing to collect, straight to analyze
	Branches  int    `json:"branches"`  // of the map that run at once
}

// Bundle points to the queries of a run. It is in the intake bucket of every
// place of the run, under the same key.
type Bundle struct {
	Key    string `json:"key"`
	SHA256 string `json:"sha256"` // hex
}

// Branch is the state of one branch of the map, from its first state to its
// last: collect and poll take it and give it back, extract ends it.
type Branch struct {
	Run    string `json:"run"`
	Bundle Bundle `json:"bundle"`
	Batch  Batch  `json:"batch"`

	Sends    []Send            `json:"sends,omitempty"`    // in the order of sending
	Refused  map[string]string `json:"refused,omitempty"`  // hosts that the last send left out → reason
	Try      []string          `json:"try,omitempty"`      // hosts that collect is to try again; empty: the batch
	Tries    int               `json:"tries"`              // times that collect has run
	Started  string            `json:"started,omitempty"`  // RFC 3339, UTC: of the first send
	Deadline string            `json:"deadline,omitempty"` // RFC 3339, UTC: of the batch
	GivenUp  string            `json:"given_up,omitempty"` // the command that poll waited for until the deadline; it is cancelled
	Wait     int               `json:"wait"`               // seconds until the next look
	Next     Step              `json:"next,omitempty"`     // what the choice after poll goes to

	Error *Caught `json:"error,omitempty"` // why collect or poll gave up
}

// Send is one command that was sent for a batch.
type Send struct {
	Attempt  string `json:"attempt"`  // the segment of the intake key, different for each send
	Command  string `json:"command"`  // SSM's id
	Document string `json:"document"` // hash of the document it was sent with
}

// Step is where a branch goes after poll.
type Step string

// The steps.
const (
	StepWait    Step = "wait"    // some hosts are still at it
	StepCollect Step = "collect" // the hosts in Try once more
	StepExtract Step = "extract" // every host has ended, or the deadline has passed
)

// Caught is an error as the state machine hands it to a Catch.
type Caught struct {
	Error string `json:"Error"`
	Cause string `json:"Cause"` // from a function: JSON with errorMessage and errorType
}

// ExtractIn is a branch that has collected what it could.
type ExtractIn struct {
	Branch Branch `json:"branch"`
	Host   string `json:"host,omitempty"` // only this one, after the whole batch was too much
}

// ExtractOut ends a branch: counts for the execution's history.
type ExtractOut struct {
	Batch       string `json:"batch"`
	Examined    int    `json:"examined"`
	Partial     int    `json:"partial"`
	NotExamined int    `json:"not_examined"`
}

// RunIn is what analyze and publish get.
type RunIn struct {
	Run     string `json:"run"`
	Stopped bool   `json:"stopped,omitempty"` // somebody has stopped the execution, and wants what is there analysed
}

// AnalyzeOut sums a run up.
type AnalyzeOut struct {
	Run         string `json:"run"`
	Result      string `json:"result"`             // key of result.json in the work bucket
	Baseline    string `json:"baseline,omitempty"` // the version that a baseline run has stored
	Examined    int    `json:"examined"`
	Partial     int    `json:"partial"`
	NotExamined int    `json:"not_examined"`
	Outliers    int    `json:"outliers"`
	Findings    int    `json:"findings"` // at medium or above
}

// PublishOut ends a run.
type PublishOut struct {
	Run     string `json:"run"`
	Message string `json:"message"` // its id
}

// FailIn is what fail gets: from a Catch of the state machine the run and its
// error, from EventBridge the event of an execution that failed, timed out or
// was aborted.
type FailIn struct {
	Run    string          `json:"run,omitempty"`
	Error  *Caught         `json:"error,omitempty"`
	Detail *ExecutionEvent `json:"detail,omitempty"`
}

// ExecutionEvent is the part that counts of EventBridge's "Step Functions
// Execution Status Change".
type ExecutionEvent struct {
	Machine string `json:"stateMachineArn"`
	Name    string `json:"name"`   // the run
	Status  string `json:"status"` // "FAILED", "TIMED_OUT", "ABORTED"
	Error   string `json:"error"`
	Cause   string `json:"cause"`
}

// FailOut is what the execution fails with.
type FailOut struct {
	Run   string `json:"run"`
	Error string `json:"error"`
	Cause string `json:"cause"`
}

// TriggerOut says what became of an event.
type TriggerOut struct {
	Runs     []string `json:"runs"`               // started
	Attached []string `json:"attached,omitempty"` // runs under way that the finding now belongs to
	Waiting  []string `json:"waiting,omitempty"`  // groups whose next run takes the finding up
	Ignored  []string `json:"ignored,omitempty"`  // groups that have heard of the finding before
	Capped   int      `json:"capped,omitempty"`   // groups that wait because the hour has seen too many runs
	Reason   string   `json:"reason,omitempty"`   // why none, or why not more
}
