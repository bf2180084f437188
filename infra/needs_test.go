package main

import (
	"fmt"
	"strings"
	"testing"

	"diffy/infra/template"
)

// TestCommandsAreAllowed: what a command takes, one of the two policies for people
// has, and what only looks is not denied to those who only look.
func TestCommandsAreAllowed(t *testing.T) {
	hub := made(t, byDefault).hub
	looks := map[string]bool{"diffy runs list, show, report": true, "diffy verify": true, "diffy doctor": true, "diffy baseline list, show, compare": true}
	all := template.Commands()
	if len(all) == 0 {
		t.Fatal("no command takes anything")
	}
	for _, need := range all {
		switch policy := hub.Enough(need); {
		case policy == "":
			t.Errorf("%s: nobody may %s: %s on %s %s", need.Who, need.Does, need.Action, need.On, need.Records)
		case looks[need.Who] && policy != "DiffyReader":
			t.Errorf("%s: %s takes %s", need.Who, need.Does, policy)
		}
	}
}

func TestFunctionsAreAllowed(t *testing.T) {
	for _, need := range made(t, byDefault).hub.FunctionsLack() {
		t.Errorf("%s may not %s: %s on %s %s", need.Who, need.Does, need.Action, need.On, need.Records)
	}
}

// TestNothingIsAllowedByMistake: the reading of policies that the tests above lean on
// says no where a policy does.
func TestNothingIsAllowedByMistake(t *testing.T) {
	hub := made(t, byDefault).hub
	for _, need := range template.Commands() {
		wrong := need
		wrong.Action = "s3:DeleteObject"
		if hub.Enough(wrong) != "" {
			t.Errorf("people may delete objects: %+v", wrong)
		}
		if need.Records != "" && need.Action == "dynamodb:PutItem" {
			wrong = need
			wrong.Records = "other#doctor"
			if hub.Enough(wrong) != "" {
				t.Errorf("people may write %+v", wrong)
			}
		}
		if need.Via != "" {
			wrong = need
			wrong.Via = "ec2"
			if hub.Enough(wrong) != "" {
				t.Errorf("people may use the key through ec2: %+v", wrong)
			}
		}
	}
}

// commandsTable says what each command takes, for docs/security.md.
func commandsTable(hub *template.Template) string {
	var b strings.Builder
	b.WriteString("| command | does | takes | policy |\n| --- | --- | --- | --- |\n")
	who := ""
	for _, need := range template.Commands() {
		shown := ""
		if need.Who != who {
			who = need.Who
			shown = "`" + who + "`"
		}
		takes := []string{need.Action}
		if need.Records != "" {
			takes = append(takes, strings.TrimSuffix(need.Records, "doctor")+"…")
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", shown, need.Does, code(takes), hub.Enough(need))
	}
	return b.String()
}
