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
		"hub":    holdersTable(a.hub) + policiesTable(a.hub),
		"member": holdersTable(a.member) + policiesTable(a.member),
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

// policiesTable says what the policies of buckets and of the key deny, and to whom
// not.
func policiesTable(in *template.Template) string {
	var b strings.Builder
	b.WriteString("| policy of | statement | denies | on | to everybody if |\n| --- | --- | --- | --- | --- |\n")
	for _, id := range in.Of("AWS::KMS::Key") {
		deniedRows(&b, id, in.Resources[id].Statements(id, "KeyPolicy"))
	}
	for _, id := range in.Of("AWS::S3::BucketPolicy") {
		deniedRows(&b, strings.TrimSuffix(id, "Policy"), in.Resources[id].Statements(id, "PolicyDocument"))
	}
	return b.String()
}

func deniedRows(b *strings.Builder, of string, statements []template.Permission) {
	for _, p := range statements {
		if p.Effect == "Deny" {
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", of, p.Sid, code(p.Actions), code(p.Resources), code(p.When))
		}
	}
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
