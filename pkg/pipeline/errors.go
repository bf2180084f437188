package pipeline

import (
	"errors"
	"fmt"
)

// Code names an error for the state machine: what Retry and Catch match.
type Code string

// The codes. statemachine/triage.asl.json names no other error of ours.
const (
	BadRequest      Code = "BadRequest"      // the input is neither a request nor an event that names a host
	NoHosts         Code = "NoHosts"         // the target matches nothing
	DocumentChanged Code = "DocumentChanged" // the document is not the one that was compiled in
	EvidenceChanged Code = "EvidenceChanged" // what was written once is there with other bytes
	NothingToStore  Code = "NothingToStore"  // a baseline run that has examined nobody
	Throttled       Code = "Throttled"       // the cloud asked to slow down; worth a retry
	Internal        Code = "Internal"        // anything else; worth one retry
)

// Codes lists every code, for the test that pairs them with the state machine.
var Codes = []Code{BadRequest, NoHosts, DocumentChanged, EvidenceChanged, NothingToStore, Throttled, Internal}

// Error is an error that the state machine can tell from others.
type Error struct {
	code Code
	err  error
}

func (e *Error) Error() string { return e.err.Error() }

// Unwrap returns what happened.
func (e *Error) Unwrap() error { return e.err }

// Code returns the name that Retry and Catch match.
func (e *Error) Code() Code { return e.code }

// errorf is fmt.Errorf with a code.
func errorf(code Code, format string, args ...any) error {
	return &Error{code: code, err: fmt.Errorf(format, args...)}
}

// CodeOf names any error that a handler returns.
func CodeOf(err error) Code {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.code
	case errors.Is(err, ErrThrottled):
		return Throttled
	}
	return Internal
}
