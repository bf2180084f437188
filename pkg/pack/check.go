package pack

import (
	"path"
	"slices"
	"strings"

	"diffy/pkg/triage"
)

var (
	tactics = []string{
		"context", "reconnaissance", "resource-development", "initial-access", "execution", "persistence",
		"privilege-escalation", "defense-evasion", "credential-access", "discovery", "lateral-movement",
		"collection", "command-and-control", "exfiltration", "impact",
	}
	tiers     = []string{TierCore, TierExt, TierSens}
	modes     = []string{ModeCohort, ModeAlert, ModeContext}
	costs     = []string{CostFast, CostMedium, CostSlow}
	privacies = []string{PrivacyNone, PrivacyMetadata, PrivacyPersonal, PrivacySecret}
	templates = []string{
		TemplateText, TemplatePath, TemplateAddress, TemplatePort,
		TemplateUnit, TemplateSchedule, TemplateOptions,
	}
)

// The bounds of a prior, in bits.
const (
	priorMin = -4
	priorMax = 2
)

// checkNames checks what stands by itself: the name, words from fixed lists and
// numbers with bounds.
func (d *document) checkNames(q *Query, at *places) {
	if q.Name != d.name() {
		d.fail(1, "name %q does not match the file's, %q", q.Name, d.name())
	}
	if q.Why == "" {
		d.fail(1, "no why: one sentence that says what the rows show")
	}
	if q.Prior < priorMin || q.Prior > priorMax {
		d.fail(at.prior, "prior %g is not between %d and %d", q.Prior, priorMin, priorMax)
	}
	for _, c := range []struct {
		field, value string
		line         int
		known        []string
	}{
		{"tier", q.Tier, at.tier, tiers},
		{"mode", q.Mode, at.mode, modes},
		{"cost", q.Cost, at.cost, costs},
		{"privacy", q.Privacy, at.privacy, privacies},
	} {
		if !slices.Contains(c.known, c.value) {
			d.fail(c.line, "unknown %s %q: expected %s", c.field, c.value, strings.Join(c.known, ", "))
		}
	}
}

// checkPivots holds the kinds of value that a statement asks for against its text:
// it has the place for one value, as a whole literal.
func (d *document) checkPivots(q *Query, at *places) {
	for _, kind := range q.Pivots {
		if !slices.Contains(triage.PivotKinds, kind) {
			d.fail(at.pivot, "unknown kind of pivot %q: expected one of %v", kind, triage.PivotKinds)
		}
	}
	if has := strings.Count(q.SQL, placeholder); has != min(len(q.Pivots), 1) {
		d.fail(at.pivot, "sql has %s %d times: expected once where pivot names a kind, and never elsewhere", placeholder, has)
	}
}

// name is the name that the file's name gives to what is in it.
func (d *document) name() string { return strings.TrimSuffix(path.Base(d.file), ".yaml") }

func (d *document) checkTechniques(techniques []word, known map[string]string) {
	for _, t := range techniques {
		if known[t.text] == "" {
			d.fail(t.line, "unknown technique %q: techniques.yaml lists those known", t.text)
		}
	}
}

// checkQuery reads the columns off the statement.
func (d *document) checkQuery(q *Query, at *places) {
	if q.Tactic = path.Base(path.Dir(d.file)); !slices.Contains(tactics, q.Tactic) {
		d.fail(1, "folder %q is no ATT&CK tactic, nor context", q.Tactic)
	}
	columns, err := selected(q.SQL)
	if err != nil {
		d.fail(at.sql, "sql: %v", err)
		return
	}
	q.Columns = columns
	if control := strings.IndexFunc(q.SQL, func(r rune) bool { return r < ' ' && r != '\n' }); control >= 0 {
		d.fail(at.sql, "sql has a tab or another control character")
	}
}

// checkTable takes the columns from the roles: nothing else names them.
func (d *document) checkTable(q *Query, at *places) {
	if q.SQL != "" {
		d.fail(at.sql, "a plain table has no sql")
	}
	for _, role := range at.roles {
		if !q.joined(role.text) {
			q.Columns = append(q.Columns, role.text)
		}
	}
	if len(q.Columns) == 0 {
		d.fail(1, "no column has a role")
	}
}

// checkRoles holds the roles of columns against the columns there are.
func (d *document) checkRoles(q *Query, at *places) {
	if len(q.Columns) == 0 { // said already
		return
	}
	claimed := make(map[string]bool, len(at.roles))
	for _, role := range at.roles {
		if !q.has(role.text) {
			d.fail(role.line, "column %q is not selected", role.text)
		}
		if claimed[role.text] {
			d.fail(role.line, "column %q has two roles", role.text)
		}
		claimed[role.text] = true
	}
	for _, column := range q.Columns {
		if !claimed[column] {
			d.fail(at.sql, "column %q is selected and has no role", column)
		}
	}
	for _, t := range at.template {
		if !q.has(t.key) {
			d.fail(t.line, "template for column %q, which is not selected", t.key)
		}
		if class := q.Template[t.key]; !slices.Contains(templates, class) {
			d.fail(t.line, "unknown template %q: expected %s", class, strings.Join(templates, ", "))
		}
	}
	d.checkParts(q, at)
}

// checkParts holds filter and join against the columns.
func (d *document) checkParts(q *Query, at *places) {
	if w := q.Where; w != nil {
		if !slices.Contains(q.Columns, w.Column) {
			d.fail(at.where, "where names column %q, which is not selected", w.Column)
		}
		if len(w.Suffix)+len(w.NotSuffix)+len(w.Equal)+len(w.Not) == 0 {
			d.fail(at.where, "where chooses nothing: expected suffix, not_suffix, equal or not")
		}
	}
	if j := q.Join; j != nil {
		if !slices.Contains(q.Columns, j.Column) {
			d.fail(at.join, "join by column %q, which is not selected", j.Column)
		}
		if j.As == "" || j.Table == "" || j.On == "" || len(j.Columns) == 0 {
			d.fail(at.join, "join needs as, column, table, on and columns")
		}
	}
}

// has reports whether rows have the column, by themselves or joined.
func (q *Query) has(column string) bool {
	return slices.Contains(q.Columns, column) || q.joined(column)
}

// joined reports whether a column comes from the join.
func (q *Query) joined(column string) bool {
	if q.Join == nil {
		return false
	}
	name, ok := strings.CutPrefix(column, q.Join.As+".")
	return ok && slices.Contains(q.Join.Columns, name)
}
