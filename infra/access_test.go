package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"diffy/infra/template"
)

// TestPermissionTable: who may do what is checked in, so that a change is seen.
func TestPermissionTable(t *testing.T) {
	a := made(t, byDefault)
	var table bytes.Buffer
	template.WriteTable(&table, a.hub.Permissions())
	template.WriteTable(&table, a.member.Permissions())
	golden(t, "permissions.txt", table.String())
}

// holders returns who may do any of the actions, by name or by a pattern.
func holders(permissions []template.Permission, action *regexp.Regexp) []string {
	var out []string
	for _, p := range permissions {
		if p.Effect != "Allow" || slices.Contains(out, p.Holder) {
			continue
		}
		if slices.ContainsFunc(p.Actions, action.MatchString) {
			out = append(out, p.Holder)
		}
	}
	return out
}

func TestWhoMayDoWhat(t *testing.T) {
	a := made(t, byDefault)
	all := slices.Concat(a.hub.Permissions(), a.member.Permissions())
	for _, c := range []struct {
		name, action string
		who          []string
	}{
		{"send to hosts", `^ssm:SendCommand$`, []string{"diffy-collect", "DiffyTarget"}},
		{"stop on hosts", `^ssm:CancelCommand$`, []string{"DiffyResponder", "diffy-poll", "DiffyTarget"}},
		{"anything with hosts", `^(ec2|ssm|autoscaling):`, []string{
			"DiffyResponder", "diffy-collect", "diffy-extract", "diffy-poll", "diffy-resolve", "diffy-trigger", "DiffyFinder", "DiffyTarget",
		}},
		{"find the deployment", `^cloudformation:`, []string{"DiffyReader", "DiffyResponder"}},
		{"run a step by itself", `^lambda:Invoke`, []string{"DiffyResponder", "diffy-triage"}},
		{"lift the lock", `^s3:(Bypass|PutObjectRetention|PutBucketObjectLock|PutObjectLegalHold)`, []string{"DiffyBreakGlass"}},
		{"delete objects", `^s3:Delete`, []string{"DiffyBreakGlass"}},
		{"end the key", `^kms:(Disable|Schedule|PutKeyPolicy)`, []string{"DiffyBreakGlass"}},
		{"start runs", `^states:StartExecution$`, []string{"DiffyResponder", "diffy-triage", "diffy-trigger"}},
		{"tell people", `^sns:Publish$`, []string{"DiffyResponder", "diffy-alarm-teller", "diffy-fail", "diffy-publish", "diffy-trigger"}},
		{"change policies", `^(iam:[^S]|s3:Put.*Policy|kms:Create|lambda:Update|lambda:Create|dynamodb:(Scan|DeleteTable|UpdateTable))`, nil},
		{"anything at all", `\*`, nil},
	} {
		same(t, c.name, c.who, holders(all, regexp.MustCompile(c.action)))
	}
}

// TestAnalysisReachesNoHost: neither directly nor by another role.
func TestAnalysisReachesNoHost(t *testing.T) {
	reach := regexp.MustCompile(`^(ec2|ssm|sts):`)
	for _, who := range holders(made(t, chosen).hub.Permissions(), reach) {
		if slices.Contains([]string{"acme-analyze", "acme-publish", "acme-fail", "acme-triage"}, who) {
			t.Errorf("%s reaches hosts", who)
		}
	}
}

// TestFunctionsDecideNothing: approvals and suppressions are written by people.
func TestFunctionsDecideNothing(t *testing.T) {
	write := regexp.MustCompile(`^dynamodb:(Put|Update|Delete|BatchWrite|Partiql)`)
	var writers []string
	for _, p := range made(t, byDefault).hub.Permissions() {
		touches := slices.ContainsFunc(p.Actions, func(a string) bool { return strings.HasPrefix(a, "dynamodb:") })
		if !touches {
			continue
		}
		limited := slices.Contains(p.When, "Null dynamodb:LeadingKeys false") && slices.ContainsFunc(p.When, func(w string) bool {
			return strings.HasPrefix(w, "ForAllValues:StringLike dynamodb:LeadingKeys ")
		})
		if !limited && p.Holder != "DiffyReader" && p.Holder != "DiffyResponder" {
			t.Errorf("%s %s is not limited to keys", p.Holder, p.Sid)
		}
		decides := slices.ContainsFunc(p.When, func(w string) bool { return strings.Contains(w, "approved#") || strings.Contains(w, "suppression#") })
		if (decides || !limited) && slices.ContainsFunc(p.Actions, write.MatchString) {
			writers = append(writers, p.Holder)
		}
	}
	same(t, "who writes decisions", []string{"DiffyResponder"}, writers)
}

// TestEveryStarHasItsReason: beside each role and policy stands why it reaches
// further than one resource, statement by statement.
func TestEveryStarHasItsReason(t *testing.T) {
	a := made(t, byDefault)
	for _, in := range []*template.Template{a.hub, a.member} {
		for _, id := range slices.Concat(in.Of("AWS::IAM::Role"), in.Of("AWS::IAM::ManagedPolicy")) {
			one := template.Template{Resources: map[string]template.Resource{id: in.Resources[id]}}
			reasons := fmt.Sprint(in.Resources[id].Metadata["cdk_nag"])
			for _, p := range one.Permissions() {
				wide := strings.Contains(strings.Join(slices.Concat(p.Actions, p.Resources), " "), "*")
				if wide && !strings.Contains(reasons, p.Sid+": ") {
					t.Errorf("%s %s has a * and no reason", id, p.Sid)
				}
			}
		}
	}
}

func TestCommandsAreLimited(t *testing.T) {
	sends := func(in *template.Template, holder string) []template.Permission {
		var out []template.Permission
		for _, p := range in.Permissions() {
			if p.Holder == holder && slices.Contains(p.Actions, "ssm:SendCommand") {
				p.Actions = nil
				out = append(out, p)
			}
		}
		return out
	}
	for _, c := range []struct {
		in               assembly
		hub, role, named string
		when             []string
	}{
		{made(t, byDefault), "diffy-collect", "DiffyTarget", "diffy-collect", nil},
		{made(t, chosen), "acme-collect", "AcmeTarget", "acme-collect", []string{"StringEquals ssm:resourceTag/diffy yes"}},
	} {
		for holder, in := range map[string]*template.Template{c.hub: c.in.hub, c.role: c.in.member} {
			same(t, holder, []template.Permission{
				{Holder: holder, Sid: "SendDocument", Effect: "Allow", Resources: []string{"arn:aws:ssm:*:<account>:document/" + c.named}},
				{Holder: holder, Sid: "OnHosts", Effect: "Allow", Resources: []string{"arn:aws:ec2:*:<account>:instance/*"}, When: c.when},
			}, sends(in, holder))
		}
	}
}

func TestMembersAreReachedByName(t *testing.T) {
	want := map[string][]string{}
	for who, role := range map[string]string{
		"acme-trigger": "AcmeFinder", "acme-resolve": "AcmeTarget", "acme-collect": "AcmeTarget", "acme-poll": "AcmeTarget", "acme-extract": "AcmeTarget",
	} {
		want[who] = []string{"arn:aws:iam::111122223333:role/" + role, "arn:aws:iam::444455556666:role/" + role}
	}
	got := map[string][]string{}
	for _, p := range made(t, chosen).hub.Permissions() {
		if slices.Contains(p.Actions, "sts:AssumeRole") {
			got[p.Holder] = p.Resources
		}
	}
	same(t, "roles", want, got)
	same(t, "nobody without members", []string(nil), holders(made(t, byDefault).hub.Permissions(), regexp.MustCompile(`^sts:`)))
}

func TestBreakGlassNeedsASecondFactor(t *testing.T) {
	trust := the(t, made(t, byDefault).hub, "BreakGlassRole").Statements("", "AssumeRolePolicyDocument")
	same(t, "condition", []string{"Bool aws:MultiFactorAuthPresent true"}, trust[0].When)
	same(t, "when chosen", "arn:aws:iam::111122223333:role/Security",
		at(the(t, made(t, chosen).hub, "BreakGlassRole").Properties, "AssumeRolePolicyDocument", "Statement", 0, "Principal", "AWS"))
}

// operations maps the SDK's operations to the actions that IAM checks, where the
// names differ.
var operations = map[string]string{
	"sfn": "states", "lambda:Invoke": "lambda:InvokeFunction", "s3:ListObjectVersions": "s3:ListBucketVersions",
	"s3:HeadBucket": "s3:ListBucket", "s3:HeadObject": "s3:GetObject",
}

// everybodys is what AWS lets anybody do, whatever their policies say, and what is
// tried by those who may.
var everybodys = []string{"sts:GetCallerIdentity", "iam:GetRole"}

// TestGrantsAreTheCalls: the adapters call nothing that no function and no responder
// may, and the functions may nothing that no adapter calls.
func TestGrantsAreTheCalls(t *testing.T) {
	files, err := filepath.Glob("../pkg/cloud/*.go")
	if err != nil {
		t.Fatal(err)
	}
	called := map[string]bool{}
	input := regexp.MustCompile(`&([a-z0-9]+)\.([A-Z][A-Za-z]+)Input\{`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range input.FindAllStringSubmatch(string(data), -1) {
			service := m[1]
			if other, ok := operations[service]; ok {
				service = other
			}
			action := service + ":" + m[2]
			called[cmp.Or(operations[action], action)] = true
		}
	}
	granted, toPeople := map[string]bool{}, map[string]bool{}
	for _, p := range made(t, byDefault).hub.Permissions() {
		for _, action := range p.Actions {
			switch {
			case p.Holder == "DiffyResponder":
				toPeople[action] = true
			case strings.HasPrefix(p.Holder, "diffy-") && p.Holder != "diffy-triage":
				granted[action] = true
			}
		}
	}
	for _, p := range made(t, chosen).hub.Permissions() {
		if p.Holder == "acme-slack" { // not there by default
			for _, action := range p.Actions {
				granted[action] = true
			}
		}
	}
	for action := range called {
		if !granted[action] && !toPeople[action] && !slices.Contains(everybodys, action) {
			t.Errorf("pkg/cloud calls %s, which no function and no responder may", action)
		}
	}
	around := regexp.MustCompile(`^(logs|xray|kms|sqs):|^s3:ListBucket$`) // what Lambda and S3 need besides
	for action := range granted {
		if !called[action] && !around.MatchString(action) {
			t.Errorf("a function may %s, which pkg/cloud never calls", action)
		}
	}
}
