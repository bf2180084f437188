package pipeline

import "diffy/pkg/triage"

// What people decide: which baselines count, and which findings are known and
// good. Handlers read it through the ports and never write it.

// Version is what is known of a stored baseline without its facts.
type Version struct {
	Baseline // without Data
	Approval
	Used bool // by those who ask for the group's baseline and name no version
}

// Approval says who has looked at a baseline and called it clean, and when.
type Approval struct {
	By string `json:"approved_by,omitempty"`
	At string `json:"approved_at,omitempty"` // RFC 3339, UTC
}

// MarkUsed marks the versions that count where none is named: the approved ones,
// else the latest that somebody has stored, else the last good run. They are of one
// group and newest first.
func MarkUsed(versions []Version) {
	var approved, chosen bool
	for _, v := range versions {
		approved = approved || v.Approved
		chosen = chosen || !v.Weak
	}
	for i := range versions {
		v := &versions[i]
		switch {
		case approved:
			v.Used = v.Approved
		case v.Weak == !chosen:
			v.Used = true
			return
		}
	}
}

// Declared is a suppression and where it holds.
type Declared struct {
	Group string `json:"group,omitempty"` // Group.ID; empty: in every group
	triage.Suppression
}
