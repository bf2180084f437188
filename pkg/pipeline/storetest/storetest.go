// Package storetest says what the stores of the pipeline must do, as tests that
// every implementation runs: the one in AWS and its file-backed twin.
//
// In go the ports of one implementation, and what people do in it that functions
// may not; out come failures of the test that runs them. Every name that is written
// begins with "storetest" or holds it; nothing is cleaned up.
package storetest

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// Stores is one implementation, new.
type Stores struct {
	Objects      pipeline.Objects
	Baselines    pipeline.Baselines
	Suppressions pipeline.Suppressions
	Runs         pipeline.Runs
	Storm        pipeline.Storm
	Shelf        Shelf
	Declarations Declarations
}

// Shelf is what people do with baselines.
type Shelf interface {
	// Versions lists those of a group, newest first, weak ones last.
	Versions(ctx context.Context, group string) ([]pipeline.Version, error)
	// Groups names the groups that have any, in order.
	Groups(ctx context.Context) ([]string, error)
	// Approve records who calls a version clean. ErrNotFound when there is none, or
	// only a weak one.
	Approve(ctx context.Context, group, version, by string, at time.Time) error
	// Delete removes a version and its approval. ErrNotFound when there is nothing.
	Delete(ctx context.Context, group, version string) error
}

// Declarations is what people do about findings.
type Declarations interface {
	// Suppress declares a finding known and good, in place of what was declared of it
	// in that group. No group: in every one.
	Suppress(ctx context.Context, group string, s triage.Suppression) error
	// Suppressed lists what was declared, in the order of findings and groups.
	Suppressed(ctx context.Context) ([]pipeline.Declared, error)
	// Unsuppress takes it back. ErrNotFound when there is nothing.
	Unsuppress(ctx context.Context, group, finding string) error
}

// Run runs the whole suite.
func Run(t *testing.T, s Stores) {
	t.Run("objects", func(t *testing.T) { objects(t, s.Objects) })
	t.Run("baselines", func(t *testing.T) { baselines(t, s) })
	t.Run("suppressions", func(t *testing.T) { suppressions(t, s) })
	t.Run("runs", func(t *testing.T) { runs(t, s.Runs) })
	t.Run("storm", func(t *testing.T) { storm(t, s.Storm) })
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
