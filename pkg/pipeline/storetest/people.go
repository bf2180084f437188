package storetest

import (
	"errors"
	"testing"
	"time"

	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

var noon = time.Date(2026, 1, 9, 12, 0, 0, 0, time.UTC)

// weak makes a weak baseline that was made on a day of January.
func weak(group, name, day string) pipeline.Baseline {
	b := version(group, name, day)
	b.Weak = true
	return b
}

func weakBaselines(t *testing.T, s Stores) {
	const group = "1/r/asg:storetest-weak"
	first, second, third := weak(group, "good-1", "01"), weak(group, "good-2", "02"), weak(group, "good-3", "03")
	must(t, s.Baselines.Store(t.Context(), second))
	found(t, s.Baselines, group, "auto", second)
	must(t, s.Baselines.Store(t.Context(), first))
	must(t, s.Baselines.Store(t.Context(), second)) // again
	found(t, s.Baselines, group, "auto", second, first)
	must(t, s.Baselines.Store(t.Context(), third))
	found(t, s.Baselines, group, "", third, second)
	found(t, s.Baselines, group, "good-2", second)
	if _, err := s.Baselines.Find(t.Context(), group, "good-1"); !errors.Is(err, pipeline.ErrNotFound) {
		t.Errorf("Find of a weak one that two came after: %v, want ErrNotFound", err)
	}
	changed := third // a run that is analysed again with another clock or pack
	changed.Data = []byte("other facts")
	must(t, s.Baselines.Store(t.Context(), changed))
	found(t, s.Baselines, group, "auto", changed, second)

	chosen := version(group, "chosen", "01") // older than any of them
	must(t, s.Baselines.Store(t.Context(), chosen))
	must(t, s.Baselines.Store(t.Context(), weak(group, "good-4", "04")))
	found(t, s.Baselines, group, "auto", chosen)
	must(t, s.Shelf.Delete(t.Context(), group, "chosen"))
	must(t, s.Shelf.Delete(t.Context(), group, "good-4"))
	found(t, s.Baselines, group, "auto", changed)
}

// promoted: somebody has looked at a good run and approves it.
func promoted(t *testing.T, s Stores) {
	b := weak("storetest-promoted", "good-1", "01")
	must(t, s.Baselines.Store(t.Context(), b))
	if err := s.Shelf.Approve(t.Context(), b.Group, b.Version, "ana", noon); !errors.Is(err, pipeline.ErrNotFound) {
		t.Errorf("Approve of a weak one: %v, want ErrNotFound", err)
	}
	b.Weak = false
	must(t, s.Baselines.Store(t.Context(), b))
	must(t, s.Shelf.Approve(t.Context(), b.Group, b.Version, "ana", noon))
	b.Approved = true
	found(t, s.Baselines, b.Group, "auto", b)
	found(t, s.Baselines, b.Group, b.Version, b)
}

// listing puts versions as Versions returns them.
func listing(baselines ...pipeline.Baseline) []pipeline.Version {
	out := make([]pipeline.Version, len(baselines))
	for i, b := range baselines {
		b.Data = nil
		out[i].Baseline = b
	}
	return out
}

func versions(t *testing.T, s Stores, group string, want ...pipeline.Version) {
	t.Helper()
	got, err := s.Shelf.Versions(t.Context(), group)
	must(t, err)
	if len(got)+len(want) > 0 {
		equal(t, "versions of "+group, got, want)
	}
}

func listed(t *testing.T, s Stores) {
	const group = "storetest-listed"
	versions(t, s, group)
	good := weak(group, "good-1", "05")
	must(t, s.Baselines.Store(t.Context(), good))
	want := listing(good)
	want[0].Used = true
	versions(t, s, group, want...)

	// Keys of versions that begin alike lie between each other's.
	first, second, third := version(group, "v1", "01"), version(group, "v1.1", "02"), version(group, "v1-1", "03")
	for _, b := range []pipeline.Baseline{first, second, third} {
		must(t, s.Baselines.Store(t.Context(), b))
	}
	want = listing(third, second, first, good)
	want[0].Used = true
	versions(t, s, group, want...)

	must(t, s.Shelf.Approve(t.Context(), group, "v1", "ana", noon))
	must(t, s.Shelf.Approve(t.Context(), group, "v1", "bob", noon.Add(time.Hour))) // again
	want = listing(third, second, first, good)
	want[2].Used, want[2].Approved = true, true
	want[2].Approval = pipeline.Approval{By: "bob", At: "2026-01-09T13:00:00Z"}
	versions(t, s, group, want...)

	groups, err := s.Shelf.Groups(t.Context())
	must(t, err)
	for _, name := range []string{group, "storetest-promoted"} {
		n := 0
		for _, g := range groups {
			if g == name {
				n++
			}
		}
		equal(t, "times that Groups names "+name, n, 1)
	}
}

func deleted(t *testing.T, s Stores) {
	const group = "storetest-deleted"
	remove := func(version string) error { return s.Shelf.Delete(t.Context(), group, version) }
	first, second, third := version(group, "run-1", "01"), version(group, "run-2", "02"), version(group, "run-3", "03")
	for _, b := range []pipeline.Baseline{first, second, third} {
		must(t, s.Baselines.Store(t.Context(), b))
	}
	must(t, remove("run-3")) // the current one: the latest of the others is now
	found(t, s.Baselines, group, "auto", second)
	must(t, s.Shelf.Approve(t.Context(), group, "run-1", "ana", noon))
	must(t, remove("run-1"))
	found(t, s.Baselines, group, "auto", second)

	first.Data = []byte("other facts") // under a name that was approved once
	must(t, s.Baselines.Store(t.Context(), first))
	found(t, s.Baselines, group, "run-1", first)
	found(t, s.Baselines, group, "auto", second)
	must(t, remove("run-1"))
	must(t, remove("run-2"))
	found(t, s.Baselines, group, "auto")
	versions(t, s, group)
	for _, gone := range []string{"run-1", "never"} {
		if err := remove(gone); !errors.Is(err, pipeline.ErrNotFound) {
			t.Errorf("Delete of %s, which is not there: %v, want ErrNotFound", gone, err)
		}
	}
	if err := s.Shelf.Approve(t.Context(), group, "run-1", "ana", noon); !errors.Is(err, pipeline.ErrNotFound) {
		t.Errorf("Approve of a version that is not there: %v, want ErrNotFound", err)
	}
	must(t, s.Baselines.Store(t.Context(), third)) // all over again
	found(t, s.Baselines, group, "auto", third)
}

func suppressions(t *testing.T, s Stores) {
	const group = "1/r/asg:storetest-loud"
	declared := func(group string, want ...triage.Suppression) {
		t.Helper()
		got, err := s.Suppressions.Suppressions(t.Context(), group)
		must(t, err)
		if len(got)+len(want) > 0 {
			equal(t, "suppressions of "+group, got, want)
		}
	}
	declared(group)
	a := triage.Suppression{Finding: "a1", Reason: "the leader's job", Author: "ana", Expires: "2020-01-01T00:00:00Z"} // expired, and returned
	b := triage.Suppression{Finding: "b2", Reason: "new agent", Author: "bob", Expires: "2126-01-01T00:00:00Z"}
	c := triage.Suppression{Finding: "c3", Reason: "for good", Author: "ana"}
	everywhere := triage.Suppression{Finding: "b1", Reason: "our scanner", Author: "ana"}
	for _, d := range []triage.Suppression{c, a, b} {
		must(t, s.Declarations.Suppress(t.Context(), group, d))
	}
	must(t, s.Declarations.Suppress(t.Context(), "", everywhere))
	declared(group, a, everywhere, b, c)
	declared("storetest-quiet", everywhere)

	c.Reason, c.Author, c.Expires = "until the next image", "bob", "2126-01-01T00:00:00Z"
	must(t, s.Declarations.Suppress(t.Context(), group, c))
	all, err := s.Declarations.Suppressed(t.Context())
	must(t, err)
	equal(t, "declarations", all, []pipeline.Declared{
		{Group: group, Suppression: a}, {Suppression: everywhere}, {Group: group, Suppression: b}, {Group: group, Suppression: c},
	})

	must(t, s.Declarations.Unsuppress(t.Context(), group, "a1"))
	must(t, s.Declarations.Unsuppress(t.Context(), "", "b1"))
	declared(group, b, c)
	for _, in := range []string{group, "", "storetest-quiet"} {
		if err := s.Declarations.Unsuppress(t.Context(), in, "a1"); !errors.Is(err, pipeline.ErrNotFound) {
			t.Errorf("Unsuppress of what is not declared in %q: %v, want ErrNotFound", in, err)
		}
	}
}
