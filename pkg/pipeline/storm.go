package pipeline

import (
	"context"
	"time"

	"diffy/pkg/triage"
)

// Storm keeps a storm of findings from becoming a storm of runs: who is at a group,
// which findings it has heard of, how many runs an hour has seen. Manual runs have
// no part in it.
type Storm interface {
	Locks
	Attachments
	Findings
	Quotas
}

// Locks holds a group while a triggered run is at it, and for a while afterwards.
type Locks interface {
	// Take takes the group's lock if l follows the one that stands there and may take
	// its place now, see Lock.Gives; a group without a lock has one of generation 0
	// that does. It returns the lock that stands afterwards: l itself, or the other's.
	// What was attached to the lock before stays so, and l.Finding's finding is
	// attached too: of several callers at once one wins.
	Take(ctx context.Context, l Lock, now time.Time) (Lock, error)
	// Extend moves the expiry of the lock that the run holds. ErrNotFound when
	// another run or nobody holds it.
	Extend(ctx context.Context, group, run string, expires time.Time) error
	// Release writes State, Expires and Cools of a lock if its run still holds the
	// group. Done takes away what is attached, any other state leaves it for the next
	// run; a lock that is undone stays so, as nobody has shown what hangs on it.
	// Harmless otherwise.
	Release(ctx context.Context, l Lock) error
}

// Lock says who is at a group, and until when it may be believed. Times are UTC, in
// whole milliseconds.
type Lock struct {
	Group      string    `json:"group"` // Group.ID
	Run        string    `json:"run"`
	Finding    string    `json:"finding"`    // id of the finding that the run was started by
	Updated    string    `json:"updated"`    // when that had last changed
	Generation int       `json:"generation"` // 1, 2, …: how often the group was taken
	Severity   float64   `json:"severity"`   // of the gravest finding of the run
	State      LockState `json:"state"`
	Expires    time.Time `json:"expires"` // the lease; when it has passed, the run has died or ended
	Cools      time.Time `json:"cools"`   // until then only a graver finding takes the group again; zero: anyone
}

// LockState is how far the run is that holds a lock.
type LockState string

// The states of a lock.
const (
	LockOpen    LockState = "open"    // further findings may be attached to the run
	LockClosing LockState = "closing" // analyze has read what was attached
	LockDone    LockState = "done"    // the run has ended and has shown what was attached
	LockUndone  LockState = "undone"  // the run has ended, and what was attached waits for the next one
)

// Gives reports whether another lock may take this one's place: the lease has
// passed, and the group has cooled down or the other's finding is graver. The
// finding that took it may always take it again, under another name.
func (l Lock) Gives(to Lock, now time.Time) bool {
	if l.Holder(to) && l.State == LockOpen {
		return true
	}
	return !l.Expires.After(now) && (!l.Cools.After(now) || to.Severity > l.Severity)
}

// Holder reports whether both were taken by the same finding as it stood.
func (l Lock) Holder(o Lock) bool { return l.Finding == o.Finding && l.Updated == o.Updated }

// MostAttached is how many findings hang on a run, its own among them. DynamoDB counts
// a write by the size of the item: thousands would throttle each other, and at last be
// more than the 400 KB that an item may have.
const MostAttached = 500

// Attachments hangs findings on the run that is at their group.
type Attachments interface {
	// Attach hangs a finding on the run on condition that it holds the group, is open
	// and has less than MostAttached, and makes the lock as grave as the finding.
	// ErrNotFound when it takes no more. Again is harmless.
	Attach(ctx context.Context, group, run, finding string, severity float64) error
	// Attached returns the ids of what hangs on the run, in order; of the finding that
	// it was started by, too. ErrNotFound when the run does not hold the group.
	Attached(ctx context.Context, group, run string) ([]string, error)
	// Close makes the run closing and returns what Attached does: nothing is attached
	// afterwards. ErrNotFound when the run does not hold the group or has ended.
	Close(ctx context.Context, group, run string) ([]string, error)
}

// Findings keeps what groups have heard of.
type Findings interface {
	// SaveFinding writes or replaces what is known of a finding in a group, unless a
	// later update of it is there: then ErrExists.
	SaveFinding(ctx context.Context, group string, f Sighting) error
	// LoadFinding reads it, consistently. ErrNotFound when the group has not heard of it.
	LoadFinding(ctx context.Context, group, id string) (Sighting, error)
	// Findings returns all that the group has heard of lately, by id, consistently.
	Findings(ctx context.Context, group string) ([]Sighting, error)
}

// Sighting is a finding as it concerns one group.
type Sighting struct {
	triage.Trigger
	Updated  string         `json:"updated"`  // RFC 3339 in UTC with milliseconds: later ones sort behind
	Suspects []string       `json:"suspects"` // hosts of the group that it names
	Pivots   []triage.Pivot `json:"pivots"`
	Run      string         `json:"run"`  // that has taken it up; empty: it waits for the next one
	Seen     time.Time      `json:"seen"` // by our clock, UTC; a while later it may be forgotten
}

// Quotas counts in hours.
type Quotas interface {
	// Admit counts a name in an hour and reports whether it is among the first Limit
	// of them. The same name again gets the same answer.
	Admit(ctx context.Context, q Quota) (bool, error)
}

// Quota is one name that asks to be counted.
type Quota struct {
	What  string    // "runs"
	Hour  time.Time // UTC; its minutes do not count
	Name  string
	Limit int
}

// Window names the hour of a quota: "2026-11-24T03".
func (q Quota) Window() string { return q.Hour.UTC().Format("2006-01-02T15") }
