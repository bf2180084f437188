package synth

import (
	"maps"
	"slices"

	"diffy/pkg/triage"
)

// plainTruth is the truth about a fleet of plain tables in the form that such
// recorded fleets have: by rows instead of by techniques.
type plainTruth struct {
	Fleet          string        `json:"fleet"`
	AttackedHosts  []string      `json:"attacked_hosts"`
	OnlyByBaseline bool          `json:"only_by_baseline"`
	MustReport     []plainRow    `json:"must_report"`
	Tolerated      []plainExcuse `json:"tolerated"`
	SideEffects    []plainExcuse `json:"side_effects"`
}

type plainRow struct {
	Host       string            `json:"host"`
	Query      string            `json:"query"`
	Technique  string            `json:"technique"`
	Attack     string            `json:"attack"`
	Mode       string            `json:"mode"` // extra, missing, changed
	MustReport map[string]string `json:"must_report"`
}

type plainExcuse struct {
	Hosts []string    `json:"hosts"`
	Why   string      `json:"why"`
	Rows  []plainWant `json:"rows"`
}

type plainWant struct {
	Query string            `json:"query"`
	Match map[string]string `json:"match"`
}

func (t *Truth) plain() plainTruth {
	out := plainTruth{
		Fleet: t.Fleet, AttackedHosts: t.AttackedHosts, OnlyByBaseline: t.OnlyByBaseline,
		MustReport: []plainRow{}, Tolerated: plainExcuses(t.Tolerated), SideEffects: plainExcuses(t.SideEffects),
	}
	for _, tech := range t.Techniques {
		for _, w := range tech.Rows {
			mode := string(w.Kind)
			if w.Kind == triage.Added {
				mode = "extra"
			}
			if len(w.Match) > 0 { // this form knows no patterns
				out.MustReport = append(out.MustReport, plainRow{tech.Host, w.Query, tech.Technique, tech.Attack, mode, w.Match})
			}
		}
	}
	return out
}

// plainExcuses keeps the exact values only.
func plainExcuses(list []Excuse) []plainExcuse {
	out := []plainExcuse{}
	for _, e := range list {
		p := plainExcuse{Hosts: e.Hosts, Why: e.Why}
		for _, w := range e.Rows {
			p.Rows = append(p.Rows, plainWant{w.Query, w.Match})
		}
		out = append(out, p)
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
