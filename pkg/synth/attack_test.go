package synth

import (
	"testing"

	"diffy/pkg/triage"
)

// TestEveryAttackShows strikes with each kind of attack alone and finds in the
// evidence what the truth says of it, and nothing of it on the host as it was.
func TestEveryAttackShows(t *testing.T) {
	for _, a := range attacks {
		for _, form := range []Form{Pack, Plain} {
			if form == Plain && !a.plain {
				continue
			}
			seen := 0
			for seed := uint64(0); seed < 400 && seen < 3; seed++ {
				seen += strikeOnce(t, a, Spec{Seed: seed, Hosts: 3, Form: form, Scene: Attacked, Kinds: []string{a.name}})
			}
			if seen == 0 {
				t.Errorf("%s (form %d) fits no host of 400 fleets", a.name, form)
			}
		}
	}
}

func strikeOnce(t *testing.T, a *attack, spec Spec) (done int) {
	t.Helper()
	f := New(spec)
	truth := f.Truth()
	for i := range f.victims {
		after, before := f.Host(i), f.bare(i).evidence()
		for _, tech := range truth.Techniques {
			done++
			if len(tech.AnyOf) == 0 || len(tech.Rows) == 0 {
				t.Errorf("%s seed %d: %d rows show it, %d of them needed", a.name, spec.Seed, len(tech.AnyOf), len(tech.Rows))
			}
			for _, w := range tech.AnyOf {
				if w.Kind == triage.Missing && !has(before, w) || w.Kind != triage.Missing && !has(after, w) {
					t.Errorf("%s seed %d: the evidence has no such row: %s %s %v", a.name, spec.Seed, w.Query, w.Kind, w.Match)
				}
			}
		}
	}
	return done
}

func TestCleanFleetsHaveNoTruth(t *testing.T) {
	for seed := range uint64(20) {
		truth := New(Spec{Seed: seed, Hosts: 10}).Truth()
		if n := len(truth.AttackedHosts) + len(truth.Techniques) + len(truth.SideEffects); n != 0 {
			t.Errorf("seed %d: a clean fleet with %d traces of an attack", seed, n)
		}
	}
}

// TestCampaignsStrikeAlike: the hosts of a campaign show the same names.
func TestCampaignsStrikeAlike(t *testing.T) {
	truth := New(Spec{Seed: 3, Hosts: 40, Scene: Campaign, Share: 0.5, Kinds: []string{"imitated-daemon"}}).Truth()
	if len(truth.Techniques) != 20 {
		t.Fatalf("%d hosts struck, want 20", len(truth.Techniques))
	}
	paths := map[string]bool{}
	for _, tech := range truth.Techniques {
		for _, w := range tech.AnyOf {
			if w.Query == "processes" {
				paths[w.Match["path"]] = true
			}
		}
	}
	if len(paths) != 1 {
		t.Errorf("one campaign under %d paths: %v", len(paths), paths)
	}
}

// TestAttacksCoverTheKinds holds the names apart.
func TestAttacksCoverTheKinds(t *testing.T) {
	names := map[string]bool{}
	for _, n := range AttackKinds() {
		if names[n] {
			t.Errorf("two attacks are called %s", n)
		}
		names[n] = true
	}
	if len(names) < 50 {
		t.Errorf("%d kinds of attack", len(names))
	}
}
