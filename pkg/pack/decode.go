package pack

import (
	"strings"

	"github.com/goccy/go-yaml/ast"

	"diffy/pkg/triage"
)

// places are the parts of a query whose place in the file an error names.
type places struct {
	sql, prior, tier, mode, cost, privacy, join, where, pivot int

	roles      []word // key, compare, shown and volatile one after the other
	template   []field
	techniques []word
}

// query reads the file of one query, or of a plain table's rule; known are the
// techniques that it may name.
func (d *document) query(content []byte, table bool, known map[string]string) *Query {
	q := &Query{Tier: TierCore, Mode: ModeCohort, Cost: CostFast, Privacy: PrivacyNone}
	at := &places{sql: 1, prior: 1, tier: 1, mode: 1, cost: 1, privacy: 1, join: 1, where: 1, pivot: 1}
	d.parseQuery(content, q, at)
	if len(d.problems) > 0 {
		q.Name = d.name()
		return q
	}
	if table {
		d.checkTable(q, at)
	} else {
		d.checkQuery(q, at)
	}
	d.checkNames(q, at)
	d.checkPivots(q, at)
	d.checkTechniques(at.techniques, known)
	d.checkRoles(q, at)
	return q
}

func (d *document) parseQuery(content []byte, q *Query, at *places) {
	for _, f := range d.parse(content) {
		switch f.key {
		case "name":
			q.Name = d.text(f.value).text
		case "why":
			q.Why = strings.Join(strings.Fields(d.text(f.value).text), " ")
		case "sql":
			q.SQL, at.sql = strings.TrimSpace(d.text(f.value).text), f.line
		case "on_request":
			q.OnRequest = d.flag(f.value)
		case "pivot":
			at.pivot = f.line
			for _, kind := range d.list(f.value) {
				q.Pivots = append(q.Pivots, triage.PivotKind(kind.text))
			}
		case "tier":
			q.Tier, at.tier = d.text(f.value).text, f.line
		case "mode":
			q.Mode, at.mode = d.text(f.value).text, f.line
		case "cost":
			q.Cost, at.cost = d.text(f.value).text, f.line
		case "privacy":
			q.Privacy, at.privacy = d.text(f.value).text, f.line
		case "prior":
			q.Prior, at.prior = d.number(f.value), f.line
		case "anchor":
			q.Anchor = d.flag(f.value)
		case "momentary":
			q.Momentary = d.flag(f.value)
		case "techniques":
			at.techniques = d.list(f.value)
			q.Techniques = texts(at.techniques)
		case "where":
			q.Where, at.where = d.filter(f.value), f.line
		case "join":
			q.Join, at.join = d.join(f.value), f.line
		default:
			d.parseColumns(f, q, at)
		}
	}
}

// parseColumns reads the fields that give columns their roles.
func (d *document) parseColumns(f field, q *Query, at *places) {
	role := map[string]*[]string{"key": &q.Key, "compare": &q.Compare, "shown": &q.Shown, "volatile": &q.Volatile}[f.key]
	switch {
	case role != nil:
		words := d.list(f.value)
		*role = texts(words)
		at.roles = append(at.roles, words...)
	case f.key == "template":
		at.template = d.mapping(f.value)
		q.Template = make(map[string]string, len(at.template))
		for _, t := range at.template {
			q.Template[t.key] = d.text(t.value).text
		}
	default:
		d.fail(f.line, "unknown field %q", f.key)
	}
}

func (d *document) filter(node ast.Node) *Filter {
	w := &Filter{}
	for _, f := range d.mapping(node) {
		switch f.key {
		case "column":
			w.Column = d.text(f.value).text
		case "suffix":
			w.Suffix = texts(d.list(f.value))
		case "not_suffix":
			w.NotSuffix = texts(d.list(f.value))
		case "equal":
			w.Equal = texts(d.list(f.value))
		case "not":
			w.Not = texts(d.list(f.value))
		default:
			d.fail(f.line, "unknown field %q in where", f.key)
		}
	}
	return w
}

func (d *document) join(node ast.Node) *Join {
	j := &Join{}
	for _, f := range d.mapping(node) {
		switch f.key {
		case "as":
			j.As = d.text(f.value).text
		case "column":
			j.Column = d.text(f.value).text
		case "table":
			j.Table = d.text(f.value).text
		case "on":
			j.On = d.text(f.value).text
		case "columns":
			j.Columns = texts(d.list(f.value))
		default:
			d.fail(f.line, "unknown field %q in join", f.key)
		}
	}
	return j
}
