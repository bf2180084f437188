// Package pipeline is what a run does, one handler for each state of the state
// machine: resolve, collect, poll, extract, analyze, publish and fail, the trigger
// that starts a run, and the one that shows in Slack how it ended.
//
// In go the small inputs of states.go, which hold pointers and counts; out come
// the same, and objects, baselines and messages through the ports of this file.
// Handlers speak to no SDK, read no environment, keep no state between calls and
// may be called again with the same input at any time: what is written is the
// same or is not written twice. Rows of evidence never leave in a state, a log
// line or an error, a message has what names them and no secret that is known by
// its form, and presigned secrets never leave collect.
package pipeline

import (
	"context"
	"errors"
	"time"

	"diffy/pkg/triage"
)

// Sentinels of the ports. Adapters wrap them; handlers branch with errors.Is.
var (
	// ErrNotFound: the object, record or version that was asked for is not there.
	ErrNotFound = errors.New("not found")
	// ErrExists: something with that key or name is there already.
	ErrExists = errors.New("already there")
	// ErrTooLarge: more bytes than the caller takes.
	ErrTooLarge = errors.New("too large")
	// ErrDamaged: a part of it is missing, or is not what was stored.
	ErrDamaged = errors.New("damaged")
	// ErrThrottled: the cloud asked to slow down. It reaches the state machine as
	// Throttled, which retries.
	ErrThrottled = errors.New("throttled")
)

// Place is where hosts are: commands, the document, the intake bucket and the
// role to assume differ from place to place. Empty fields mean the deployment's
// own account and region.
type Place struct {
	Account string `json:"account"`
	Region  string `json:"region"`
}

// Bucket is one of the three kinds of bucket.
type Bucket string

// The buckets.
const (
	Intake   Bucket = "intake"   // one in each place; hosts write under intake/, read artifacts/
	Evidence Bucket = "evidence" // written once, never replaced
	Work     Bucket = "work"     // derived, can be made again
)

// Object names one object. Place counts for Intake only.
type Object struct {
	Bucket Bucket
	Place  Place
	Key    string // as in keys.go; never starts with "/", has no "..", no empty segment
}

// Objects keeps bytes. Reading what was just written gives what was written.
type Objects interface {
	// Get returns the whole object. ErrNotFound when there is none; ErrTooLarge,
	// without reading on, when it has more than limit bytes.
	Get(ctx context.Context, o Object, limit int64) ([]byte, error)
	// Put writes or replaces the object, with a checksum of its content that the
	// store verifies. Calling it again is harmless. data is the caller's again
	// when it returns.
	Put(ctx context.Context, o Object, data []byte) error
	// PutOnce writes the object if there is none under the key, and returns
	// ErrExists otherwise, whatever the content: of several callers at once one
	// wins. The checksum as in Put.
	PutOnce(ctx context.Context, o Object, data []byte) error
}

// Fleet knows the hosts of the cloud.
type Fleet interface {
	// Group returns the hosts that the target chooses. With expand and instance
	// ids: the group of the first instance that is in one (auto scaling group,
	// launch template, stack, instance profile, image, configured tag: the first
	// that gives at least two hosts), else, for one instance, the closest group that
	// it is alone in, else the instances themselves. A selector that
	// matches nothing gives a group without hosts and no error; an instance id that
	// does not exist is a candidate whose reason says so.
	Group(ctx context.Context, t triage.Target, expand bool) (Group, error)
}

// Group is the hosts that are compared with each other.
type Group struct {
	ID    string // names it in the stores: unique over accounts and regions, the same for the same group
	Key   string // names it in the result: "asg:web-prod"
	Hosts []Candidate
	Notes []string // what the result should say of the choice; one sentence each

	// Closer is the group on the ladder that the first instance is closest to, where
	// it is alone in that one, which is why this group was chosen. A baseline of the
	// instance is the baseline of that group. Nil: this group is the closest.
	Closer *GroupName
}

// GroupName names a group as in Group.
type GroupName struct{ ID, Key string }

// Candidate is a host of a group, and why it cannot be examined if it cannot.
type Candidate struct {
	triage.Host
	Reason  string `json:"reason,omitempty"`  // "windows", "terminated", "not managed by SSM", …; empty: can be examined
	Pending bool   `json:"pending,omitempty"` // launched minutes ago and not managed yet: tried all the same
}

// Documents reads the document that commands are sent with.
type Documents interface {
	// Document returns the default version. ErrNotFound when the place has none.
	Document(ctx context.Context, p Place) (Document, error)
}

// Document is the command document as it stands in a place.
type Document struct {
	Name    string
	Version string
	Hash    string // SSM's own sha256 of the stored content, hex
	Content []byte // JSON
}

// Commands runs the document on hosts.
type Commands interface {
	// Send sends one command to at most 50 hosts of one place, with MaxErrors 100 %
	// and with the document's version and hash. It has no idempotency: each call is
	// another command. Hosts that the place does not manage (yet) are left out and
	// returned in Refused; when that leaves nobody, ID is empty and the error nil.
	// Parameters hold secrets: they are neither logged nor part of an error.
	Send(ctx context.Context, c Command) (Sent, error)
	// Status returns what is known of each host of the command, in any order. A host
	// that is missing is pending, and so is everything right after Send.
	Status(ctx context.Context, p Place, command string) ([]Invocation, error)
	// Cancel asks to stop the command where it still waits or runs. Harmless when
	// it has ended.
	Cancel(ctx context.Context, p Place, command string) error
}

// Command is one SendCommand.
type Command struct {
	Place      Place
	Document   Document
	Hosts      []string
	Parameters map[string][]string
	Comment    string        // at most 100 characters; names run and batch
	Delivery   time.Duration // until a host that has not answered counts as unreachable
}

// Sent says what became of a Send.
type Sent struct {
	ID      string            // the command's; empty: sent to nobody
	Refused map[string]string // host → reason
}

// Invocation is a command on one host. The words of Status and Details are SSM's.
type Invocation struct {
	Host    string
	Status  InvocationStatus
	Details string // "DeliveryTimedOut", "Undeliverable", …
	Reason  string // why there is no evidence, where another than SSM says so; empty: in SSM's words
	Stdout  string // the first 2,400 characters
}

// InvocationStatus is SSM's Status of an invocation.
type InvocationStatus string

// The statuses that are final; every other one means that the host is at it.
const (
	Success   InvocationStatus = "Success"
	Failed    InvocationStatus = "Failed"
	TimedOut  InvocationStatus = "TimedOut"
	Cancelled InvocationStatus = "Cancelled"
)

// Final reports whether nothing more will come of the invocation.
func (s InvocationStatus) Final() bool {
	return s == Success || s == Failed || s == TimedOut || s == Cancelled
}

// Presigner makes the only secrets that a host gets. They are short-lived and are
// never logged or stored.
type Presigner interface {
	// PostForm allows to post objects whose keys start with o.Key ("…/" at its end)
	// and whose size is 1 to limit bytes, until expires has passed.
	PostForm(ctx context.Context, o Object, limit int64, expires time.Duration) (Form, error)
	// Get allows to download the one object until expires has passed. It does not
	// look whether the object is there.
	Get(ctx context.Context, o Object, expires time.Duration) (string, error)
}

// Form is a presigned POST. Fields holds every field but "key" and "file".
type Form struct {
	URL    string
	Fields map[string]string
}

// Baselines keeps the facts of clean hosts, versioned.
type Baselines interface {
	// Find returns the baselines of a group, newest first. version "" or "auto":
	// the approved ones, else the current one, else the weak ones, of which there are
	// two at most, else none. Any other version: that one alone, approved or not, or
	// ErrNotFound. It never returns half a baseline: one that does not have its digest
	// is an error, and a weak one is left out then.
	Find(ctx context.Context, group, version string) ([]Baseline, error)
	// Store adds a version and makes it the group's current one unless a later one
	// (by Created) is. The same version again, with the same bytes, changes nothing;
	// with other bytes it is ErrExists. It is never approved by this. A weak one is
	// kept apart from the others, never becomes current, and takes the place of all
	// weak ones but the one before it, which a run that stored its own still needs
	// when it is analysed again.
	Store(ctx context.Context, b Baseline) error
}

// Baseline is one version: facts of hosts that stand for a group.
type Baseline struct {
	Group    string `json:"group"` // Group.ID
	Version  string `json:"version"`
	Created  string `json:"created"` // RFC 3339, UTC, seconds
	Hosts    int    `json:"hosts"`
	Pack     string `json:"pack"` // name and version: "linux-triage 3"
	Approved bool   `json:"approved"`
	Weak     bool   `json:"weak,omitempty"` // the facts of a good run, which nobody has chosen
	Data     []byte `json:"-"`              // facts.Set as encoded, uncompressed
}

// Suppressions knows which findings were declared known and good. Read only:
// people write them, functions do not.
type Suppressions interface {
	// Suppressions returns those of the group and those for all groups, expired ones
	// too, in the order of Finding. None is no error.
	Suppressions(ctx context.Context, group string) ([]triage.Suppression, error)
}

// Runs keeps one record a run.
type Runs interface {
	// SaveRun writes or replaces the record.
	SaveRun(ctx context.Context, r Run) error
	// BeginRun writes the record of a run that has none: ErrExists otherwise.
	BeginRun(ctx context.Context, r Run) error
	// LoadRun reads it, consistently. ErrNotFound when there is none.
	LoadRun(ctx context.Context, id string) (Run, error)
}

// RunStatus is how far a run is.
type RunStatus string

// The statuses of a run.
const (
	Starting  RunStatus = "starting" // the trigger has asked for it
	Running   RunStatus = "running"  // resolve has made its plan
	Succeeded RunStatus = "succeeded"
	FailedRun RunStatus = "failed"
	Stopped   RunStatus = "stopped" // by a person
)

// Run is the record of one run. Times are RFC 3339, UTC.
type Run struct {
	ID          string         `json:"id"`
	Group       string         `json:"group"` // Group.ID; empty until it is known
	GroupKey    string         `json:"group_key"`
	Account     string         `json:"account"`
	Region      string         `json:"region"`
	Incident    string         `json:"incident"`
	Purpose     triage.Purpose `json:"purpose"`
	Status      RunStatus      `json:"status"`
	Reason      string         `json:"reason,omitempty"` // why it failed
	Started     string         `json:"started"`
	Finished    string         `json:"finished,omitempty"`
	Requested   int            `json:"requested"` // hosts
	Examined    int            `json:"examined"`
	Partial     int            `json:"partial"`
	NotExamined int            `json:"not_examined"`
	Outliers    int            `json:"outliers"`
	Severity    string         `json:"severity,omitempty"` // of the loudest finding
	Published   bool           `json:"published"`          // its last message is out
}

// Executions starts runs.
type Executions interface {
	// Start starts the state machine under that name. ErrExists when the name was
	// used before with another input, or has ended.
	Start(ctx context.Context, name string, input []byte) error
}

// Publisher tells people how a run ended.
type Publisher interface {
	// Publish sends one message. Delivery is at least once: receivers know a message
	// by its id.
	Publish(ctx context.Context, m Message) error
}

// Message is one message in the forms that subscribers take.
type Message struct {
	ID         string            // stable: the same for the same news
	Subject    string            // below 100 characters of ASCII, no line break
	Alert      []byte            // JSON, "diffy.alert/1": the default form
	Text       string            // plain text for e-mail
	Chat       []byte            // JSON, for Amazon Q in chat applications
	Attributes map[string]string // for filter policies
	Numbers    map[string]int    // the same, for those that compare
}
