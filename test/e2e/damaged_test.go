package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"testing"

	"diffy/pkg/pipeline"
)

// TestDamaged: a baseline that has lost a chunk is told from one that cannot be read
// for now, and is whole again when it is stored again.
func TestDamaged(t *testing.T) {
	w := newWorld(t)
	table := w.cloud().Table
	b := pipeline.Baseline{Group: "g", Version: "v1", Created: "2026-01-01T00:00:00Z", Hosts: 1, Data: []byte("facts")}
	w.must(table.Store(w.Context(), b))
	sum := sha256.Sum256(b.Data)
	w.removeItem("group#g", "baseline#v1#chunk#"+hex.EncodeToString(sum[:8])+"#00000")
	if _, err := table.Find(w.Context(), "g", "auto"); !errors.Is(err, pipeline.ErrDamaged) {
		t.Errorf("a baseline without one of its chunks: %v", err)
	}
	w.must(table.Store(w.Context(), b))
	if found, err := table.Find(w.Context(), "g", "auto"); err != nil || len(found) != 1 {
		t.Errorf("stored again: %v, %v", found, err)
	}
}
