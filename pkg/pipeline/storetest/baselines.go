package storetest

import (
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"diffy/pkg/pipeline"
)

func baselines(t *testing.T, s Stores) {
	t.Run("none", func(t *testing.T) { noBaseline(t, s.Baselines) })
	t.Run("the latest is current", func(t *testing.T) { currentBaseline(t, s.Baselines) })
	t.Run("a version is never another", func(t *testing.T) { sameVersion(t, s.Baselines) })
	t.Run("approved ones count", func(t *testing.T) { approvedBaselines(t, s) })
	t.Run("weak ones come last", func(t *testing.T) { weakBaselines(t, s) })
	t.Run("a weak one becomes another", func(t *testing.T) { promoted(t, s) })
	t.Run("listed", func(t *testing.T) { listed(t, s) })
	t.Run("deleted", func(t *testing.T) { deleted(t, s) })
	t.Run("large", func(t *testing.T) { largeBaseline(t, s.Baselines) })
}

// version makes a baseline that was made on a day of January.
func version(group, name, day string) pipeline.Baseline {
	return pipeline.Baseline{
		Group: group, Version: name, Created: "2026-01-" + day + "T00:00:00Z", Hosts: 2,
		Pack: "linux-triage 1", Data: []byte("facts of " + name),
	}
}

func found(t *testing.T, store pipeline.Baselines, group, name string, want ...pipeline.Baseline) {
	t.Helper()
	got, err := store.Find(t.Context(), group, name)
	must(t, err)
	if len(got)+len(want) > 0 {
		equal(t, "baselines for "+name, brief(got), brief(want))
	}
}

// brief puts digests in place of facts, which are too much to compare and print.
func brief(baselines []pipeline.Baseline) []pipeline.Baseline {
	out := slices.Clone(baselines)
	for i := range out {
		sum := sha256.Sum256(out[i].Data)
		out[i].Data = sum[:]
	}
	return out
}

func noBaseline(t *testing.T, store pipeline.Baselines) {
	found(t, store, "storetest-none", "")
	found(t, store, "storetest-none", "auto")
	if _, err := store.Find(t.Context(), "storetest-none", "run-1"); !errors.Is(err, pipeline.ErrNotFound) {
		t.Errorf("Find of a version that is not there: %v, want ErrNotFound", err)
	}
}

func currentBaseline(t *testing.T, store pipeline.Baselines) {
	const group = "1/r/asg:storetest"
	second, third, first := version(group, "run-2", "02"), version(group, "run-3", "03"), version(group, "run-1", "01")
	for i, b := range []pipeline.Baseline{second, third, first} {
		must(t, store.Store(t.Context(), b))
		found(t, store, group, "auto", []pipeline.Baseline{second, third, third}[i])
	}
	found(t, store, group, "", third)
	found(t, store, group, "run-1", first)
	found(t, store, "1/r/asg:storetest-other", "auto")
}

func sameVersion(t *testing.T, store pipeline.Baselines) {
	b := version("storetest-same", "run-1", "01")
	must(t, store.Store(t.Context(), b))
	must(t, store.Store(t.Context(), b))
	other := b
	other.Data = []byte("other facts")
	if err := store.Store(t.Context(), other); !errors.Is(err, pipeline.ErrExists) {
		t.Errorf("Store of other facts under a version that is there: %v, want ErrExists", err)
	}
	found(t, store, b.Group, "run-1", b)
}

func approvedBaselines(t *testing.T, s Stores) {
	const group = "storetest-approved"
	first, second, third := version(group, "run-1", "01"), version(group, "run-2", "02"), version(group, "run-3", "03")
	for _, b := range []pipeline.Baseline{first, second, third} {
		must(t, s.Baselines.Store(t.Context(), b))
	}
	must(t, s.Shelf.Approve(t.Context(), group, "run-1", "ana", noon))
	first.Approved = true
	found(t, s.Baselines, group, "auto", first)
	must(t, s.Shelf.Approve(t.Context(), group, "run-2", "ana", noon))
	second.Approved = true
	found(t, s.Baselines, group, "auto", second, first)
	found(t, s.Baselines, group, "run-2", second)
	found(t, s.Baselines, group, "run-3", third)
	must(t, s.Baselines.Store(t.Context(), version(group, "run-1", "01"))) // storing it again takes no approval back
	found(t, s.Baselines, group, "auto", second, first)
}

// largeBaseline stores what cannot be compressed and fits in no single item.
func largeBaseline(t *testing.T, store pipeline.Baselines) {
	b := version("storetest-large", "run-1", "01")
	b.Data = make([]byte, 1<<20)
	for i, r := 0, rand.New(rand.NewPCG(1, 2)); i < len(b.Data); i++ {
		b.Data[i] = byte(r.Uint32())
	}
	must(t, store.Store(t.Context(), b))
	found(t, store, b.Group, "auto", b)
}
