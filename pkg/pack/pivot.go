package pack

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"

	"diffy/pkg/triage"
)

// placeholder is the literal in whose place a pivot's value comes.
const placeholder = "'{value}'"

// pivotDigits is how many of a digest's digits name a value: enough that no two
// values of a run share them.
const pivotDigits = 12

// PivotQueries returns the statements that ask a host for the values themselves,
// where the pack's own queries could miss them, each once. The same value has the
// same names in every run; of a value that osquery could not look up there are none.
func (p *Pack) PivotQueries(pivots ...triage.Pivot) []BundleQuery {
	var asked []BundleQuery
	for _, v := range pivots {
		value, ok := lookedUp(v)
		for _, q := range p.Queries {
			x := BundleQuery{Name: q.Name + "_" + pivotID(v.Value), SQL: strings.Replace(q.SQL, placeholder, quote(value), 1)}
			if ok && slices.Contains(q.Pivots, v.Kind) && !slices.Contains(asked, x) {
				asked = append(asked, x)
			}
		}
	}
	return asked
}

// lookedUp returns the value as osquery has it, if it can have it. Files and
// programs have whole paths; behind a zero byte osquery would not read on.
func lookedUp(v triage.Pivot) (string, bool) {
	switch {
	case strings.Contains(v.Value, "\x00"):
		return "", false
	case v.Kind == triage.PivotPath || v.Kind == triage.PivotPreload:
		return v.Value, strings.HasPrefix(v.Value, "/")
	case v.Kind == triage.PivotSHA256:
		return strings.ToLower(v.Value), true
	case v.Kind == triage.PivotIP:
		if a, err := netip.ParseAddr(v.Value); err == nil {
			return a.Unmap().String(), true
		}
	}
	return v.Value, true
}

// pivotID names a value in the names of its queries.
func pivotID(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:])[:pivotDigits]
}

// pivotRule returns the query whose rule holds for the rows of a pivot's query, or
// nil if that is none.
func (p *Pack) pivotRule(name string) *Query {
	cut := len(name) - pivotDigits - 1
	if cut <= 0 || name[cut] != '_' || strings.Trim(name[cut+1:], "0123456789abcdef") != "" {
		return nil
	}
	if q := p.byName[name[:cut]]; q != nil && len(q.Pivots) > 0 {
		return q
	}
	return nil
}

// quote makes a literal of a value: nothing in it can end the literal.
func quote(value string) string { return "'" + strings.ReplaceAll(value, "'", "''") + "'" }
