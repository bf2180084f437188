// Package pack holds what is asked of hosts and how the answers are compared:
// osquery statements and the rules for their rows, and rules for osquery's plain
// tables as other people's schedules log them.
//
// In go YAML files, the ones compiled in or any others of the same form; out
// come queries with a checked rule each, the rule that fits a table of rows, and
// the bundle of statements that a host runs. The package reads no rows, runs no
// SQL and never guesses around a mistake in a file: an unknown field, column or
// technique is an error with file and line.
package pack

import (
	"slices"
	"strings"

	"diffy/pkg/triage"
)

// The tiers: which queries a run asks for.
const (
	TierCore = "core" // always
	TierExt  = "ext"  // slow ones, when the request names the tier
	TierSens = "sens" // personal data, when the request names the tier
)

// The modes: what a row can be.
const (
	ModeCohort  = "cohort" // compared between hosts and with the baseline
	ModeAlert   = "alert"  // a finding by itself, even when every host has it
	ModeContext = "ctx"    // never a finding: subpopulations and timeline only
)

// The costs: what a query takes from a host.
const (
	CostFast   = "fast"   // well below a second
	CostMedium = "medium" // seconds: hashes files or reads every process
	CostSlow   = "slow"   // may need most of a query's time limit
)

// The privacy classes: what a query's rows tell about people.
const (
	PrivacyNone     = "none"     // the system only
	PrivacyMetadata = "metadata" // account names, addresses, comments on keys
	PrivacyPersonal = "personal" // what a person did and when
	PrivacySecret   = "secret"   // free text that may carry credentials
)

// The template classes: how a value is made comparable between hosts. A column
// without one is compared as it is.
const (
	TemplateText     = "text"     // free text: names, addresses, ids and dates by token
	TemplatePath     = "path"     // a file's path: random and numbered parts of it
	TemplateAddress  = "address"  // one IP or hardware address, or a network
	TemplatePort     = "port"     // one port number: the ephemeral range is one value
	TemplateUnit     = "unit"     // a systemd unit's id: instance, session, hex
	TemplateSchedule = "schedule" // a cron field that a package may choose at random
	TemplateOptions  = "options"  // comma-separated options: what stands after = is left out
)

// Pack is a named, versioned set of queries. It is not changed after loading
// and may be used by several goroutines.
type Pack struct {
	Name       string
	Version    string
	Templates  string            // version of the template classes that the rules were written for
	Queries    []*Query          // in the order in which a host runs them
	Tables     []*Query          // rules for plain tables, without SQL, by name
	Techniques map[string]string // ATT&CK id → name

	byName map[string]*Query
	tables map[string]*Query
}

// Query is one osquery statement and the rule for its rows; without SQL the rule
// alone. Key, Compare, Shown and Volatile share out the columns: none is in two
// of them.
type Query struct {
	Name      string
	Tactic    string             // its folder: an ATT&CK tactic or "context"; empty for a plain table
	Why       string             // what its rows show an analyst, one sentence
	SQL       string             // as written, several lines
	OnRequest bool               // in no bundle unless named: it needs something a host does not have
	Pivots    []triage.PivotKind // asked once for each such value, in place of '{value}'; in no bundle by itself
	Tier      string
	Mode      string
	Cost      string
	Privacy   string

	Columns  []string // as selected, in order; of a plain table: all that have a role
	Key      []string // identity; empty: one row a host
	Compare  []string // may differ, and then means something
	Shown    []string // neither: shown with the row, read by traits
	Volatile []string // never compared
	Template map[string]string

	Prior      float64  // bits, -4 to +2: how much a rare row of this query weighs by itself
	Techniques []string // ATT&CK ids
	Anchor     bool     // a stable fact: a subpopulation may be anchored in it
	Momentary  bool     // rows come and go by themselves: that a host lacks one means nothing
	Where      *Filter  // the rows that count; nil: all
	Join       *Join    // columns of another table of the same snapshot; nil: none
}

// Filter chooses rows by one column; an empty list asks for nothing.
type Filter struct {
	Column    string
	Suffix    []string // the value ends with one of them
	NotSuffix []string // the value ends with none of them
	Equal     []string // the value is one of them
	Not       []string // the value is none of them
}

// Keep reports whether a row with this value in the filter's column counts.
func (f *Filter) Keep(value string) bool {
	ends := func(suffix string) bool { return strings.HasSuffix(value, suffix) }
	return (len(f.Suffix) == 0 || slices.ContainsFunc(f.Suffix, ends)) &&
		!slices.ContainsFunc(f.NotSuffix, ends) &&
		(len(f.Equal) == 0 || slices.Contains(f.Equal, value)) &&
		!slices.Contains(f.Not, value)
}

// Join brings columns of another table of the same snapshot to rows that name
// them by an id only. The rows see them as As.column: they help identity and
// scoring, and are no part of the row.
type Join struct {
	As      string
	Column  string // of the rows
	Table   string
	On      string // of that table
	Columns []string
}

// Query returns the pack's query of that name, or nil.
func (p *Pack) Query(name string) *Query { return p.byName[name] }

// Select returns the queries of the tiers in pack order. Core is always among
// them; what is collected on request only never is.
func (p *Pack) Select(tiers []string) []*Query {
	var chosen []*Query
	for _, q := range p.Queries {
		if !q.OnRequest && len(q.Pivots) == 0 && (q.Tier == TierCore || slices.Contains(tiers, q.Tier)) {
			chosen = append(chosen, q)
		}
	}
	return chosen
}
