package template

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Permission is one statement of a policy that somebody holds.
type Permission struct {
	Holder    string // name of the role or managed policy
	Sid       string
	Effect    string // "Allow" or "Deny"
	Actions   []string
	Resources []string
	When      []string // "StringEquals s3:ResourceAccount <account>"
}

// Permissions returns every statement of every role and managed policy, by holder
// and in the order of the policy.
func (t *Template) Permissions() []Permission {
	var all []Permission
	for _, id := range slices.Sorted(maps.Keys(t.Resources)) {
		r := t.Resources[id]
		switch r.Type {
		case "AWS::IAM::Role":
			for _, p := range List(r.Properties["Policies"]) {
				all = append(all, statements(r.Properties["RoleName"], p, "PolicyDocument")...)
			}
		case "AWS::IAM::ManagedPolicy":
			all = append(all, statements(r.Properties["ManagedPolicyName"], r.Properties, "PolicyDocument")...)
		case "AWS::IAM::Policy", "AWS::IAM::User", "AWS::IAM::Group":
			all = append(all, Permission{Holder: id, Sid: r.Type + " is not read here"})
		}
	}
	slices.SortStableFunc(all, func(a, b Permission) int { return strings.Compare(a.Holder, b.Holder) })
	return all
}

// Statements returns those of a policy document, which a resource has under a
// property. The holder is what it is called here.
func (r Resource) Statements(holder, property string) []Permission {
	return statements(holder, r.Properties, property)
}

func statements(holder, of any, property string) []Permission {
	m, _ := of.(map[string]any)
	document, _ := m[property].(map[string]any)
	var out []Permission
	for _, s := range List(document["Statement"]) {
		s, _ := s.(map[string]any)
		out = append(out, Permission{
			Holder: fmt.Sprint(holder), Sid: text(s["Sid"]), Effect: text(s["Effect"]),
			Actions: Strings(s["Action"]), Resources: Strings(s["Resource"]), When: conditions(s["Condition"]),
		})
	}
	return out
}

func conditions(v any) []string {
	m, _ := v.(map[string]any)
	var out []string
	for _, operator := range keys(m) {
		inner, _ := m[operator].(map[string]any)
		for _, key := range keys(inner) {
			out = append(out, operator+" "+key+" "+strings.Join(Strings(inner[key]), " | "))
		}
	}
	return out
}

func text(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// WriteTable writes permissions for people to read: a block a holder, a line a
// statement.
func WriteTable(w io.Writer, permissions []Permission) {
	holder := ""
	for _, p := range permissions {
		if p.Holder != holder {
			holder = p.Holder
			fmt.Fprintf(w, "%s\n", holder)
		}
		fmt.Fprintf(w, "  %-5s %s on %s", p.Effect, strings.Join(p.Actions, ", "), strings.Join(p.Resources, ", "))
		if len(p.When) > 0 {
			fmt.Fprintf(w, " when %s", strings.Join(p.When, " and "))
		}
		fmt.Fprintf(w, " (%s)\n", p.Sid)
	}
}
