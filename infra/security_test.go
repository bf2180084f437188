package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"diffy/infra/template"
)

// TestSecurityDocument: the tables of docs/security.md are the template's.
func TestSecurityDocument(t *testing.T) {
	const file = "../docs/security.md"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	a := made(t, byDefault)
	for name, table := range map[string]string{
		"commands": commandsTable(a.hub),
		"hub":      holdersTable(a.hub) + policiesTable(a.hub),
		"member":   holdersTable(a.member) + policiesTable(a.member),
	} {
		block := regexp.MustCompile(`(?s)(<!-- ` + name + ` -->\n).*?(<!-- /` + name + ` -->\n)`)
		if !block.MatchString(text) {
			t.Fatalf("%s has no block %q", file, name)
		}
		text = block.ReplaceAllStringFunc(text, func(old string) string {
			m := block.FindStringSubmatch(old)
			return m[1] + table + m[2]
		})
	}
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	same(t, file+"; go test ./infra -run SecurityDocument -update writes its tables anew", text, string(data))
}

// holdersTable says of each role and policy what it is for, who has it and what it
// may, with the reason where it reaches further than one resource.
func holdersTable(in *template.Template) string {
	var b strings.Builder
	for _, kind := range []string{"AWS::IAM::ManagedPolicy", "AWS::IAM::Role"} {
		for _, id := range in.Of(kind) {
			r := in.Resources[id]
			one := template.Template{Resources: map[string]template.Resource{id: r}}
			all := one.Permissions()
			fmt.Fprintf(&b, "\n**%s**: %s.%s\n\n", all[0].Holder, r.Properties["Description"], trusted(r))
			b.WriteString("| may | on | only if | why so wide |\n| --- | --- | --- | --- |\n")
			for _, p := range all {
				fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", code(p.Actions), code(p.Resources), code(p.When), reason(r, p, all))
			}
		}
	}
	return b.String() + "\n"
}

// trusted says who may be a role.
func trusted(r template.Resource) string {
	if r.Type != "AWS::IAM::Role" {
		return " Attached to people by whoever runs the account."
	}
	who := at(r.Properties, "AssumeRolePolicyDocument", "Statement", 0, "Principal")
	m, _ := who.(map[string]any)
	var names []string
	for _, kind := range []string{"Service", "AWS"} {
		names = append(names, template.Strings(m[kind])...)
	}
	text := " Assumed by " + code(names)
	if when := r.Statements("", "AssumeRolePolicyDocument")[0].When; len(when) > 0 {
		text += " if " + code(when)
	}
	return text + "."
}

// reason is what was written beside the role for this statement.
func reason(r template.Resource, p template.Permission, all []template.Permission) string {
	for _, rule := range template.List(at(r.Metadata, "cdk_nag", "rules_to_suppress")) {
		text, _ := at(rule, "reason").(string)
		_, why, found := strings.Cut(" "+text, " "+p.Sid+": ")
		if !found {
			continue
		}
		for _, other := range all {
			why, _, _ = strings.Cut(why, " "+other.Sid+": ")
		}
		return why
	}
	return ""
}

// policySuffix ends the ids of policies, with the CDK's digest behind some.
var policySuffix = regexp.MustCompile(`Policy([0-9A-F]{8})?$`)

// policiesTable says what the policies of buckets, key and topics allow and deny, and
// to whom.
func policiesTable(in *template.Template) string {
	var b strings.Builder
	b.WriteString("| policy of | statement | says | of | on | if |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, kind := range []string{"AWS::KMS::Key", "AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"} {
		property := "PolicyDocument"
		if kind == "AWS::KMS::Key" {
			property = "KeyPolicy"
		}
		for _, id := range in.Of(kind) {
			raw := template.List(at(in.Resources[id].Properties, property, "Statement"))
			for i, p := range in.Resources[id].Statements(id, property) {
				fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", policySuffix.ReplaceAllString(id, ""), p.Sid,
					map[string]string{"Allow": "allows ", "Deny": "denies "}[p.Effect]+code(principals(at(raw[i], "Principal"))),
					code(p.Actions), code(p.Resources), code(p.When))
			}
		}
	}
	return b.String()
}

func principals(of any) []string {
	m, ok := of.(map[string]any)
	if !ok {
		return []string{"everybody"}
	}
	var out []string
	for _, kind := range []string{"Service", "AWS"} {
		for _, name := range template.Strings(m[kind]) {
			if name == "*" {
				name = "everybody"
			}
			out = append(out, name)
		}
	}
	return out
}

// code writes texts as code, each but the last with a line break behind it. A pipe
// would end the cell.
func code(texts []string) string {
	marked := make([]string, len(texts))
	for i, text := range slices.Clone(texts) {
		marked[i] = "`" + strings.ReplaceAll(text, "|", `\|`) + "`"
	}
	return strings.Join(marked, "<br>")
}
