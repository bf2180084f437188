// Package storetest says what the stores of the pipeline must do, as tests that
// every implementation runs: the one in AWS and its file-backed twin.
//
// In go the ports of one implementation, and how somebody who may do so approves
// and suppresses in it; out come failures of the test that runs them. Every name
// that is written begins with "storetest" or holds it; nothing is cleaned up.
package storetest

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// Stores is one implementation, new. Approve and Suppress do what people do and
// functions may not.
type Stores struct {
	Objects      pipeline.Objects
	Baselines    pipeline.Baselines
	Suppressions pipeline.Suppressions
	Runs         pipeline.Runs
	Locks        pipeline.Locks
	Approve      func(group, version string) error
	Suppress     func(group string, s triage.Suppression) error
}

// Run runs the whole suite.
func Run(t *testing.T, s Stores) {
	t.Run("objects", func(t *testing.T) { objects(t, s.Objects) })
	t.Run("baselines", func(t *testing.T) { baselines(t, s) })
	t.Run("suppressions", func(t *testing.T) { suppressions(t, s) })
	t.Run("runs", func(t *testing.T) { runs(t, s.Runs) })
	t.Run("locks", func(t *testing.T) { locks(t, s.Locks) })
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	// cmp walks a megabyte of bytes one by one, which takes seconds.
	if diff := cmp.Diff(want, got, cmp.Comparer(bytes.Equal)); diff != "" {
		t.Errorf("%s (-want +got):\n%.2000s", what, diff)
	}
}
