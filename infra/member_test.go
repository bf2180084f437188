package main

import (
	"testing"

	"diffy/infra/template"
)

// TestMemberIsAPlainTemplate: it needs no bootstrap and no asset, so that a
// StackSet can put it anywhere.
func TestMemberIsAPlainTemplate(t *testing.T) {
	for _, of := range []func() (assembly, error){byDefault, chosen} {
		member := made(t, of).member
		var parameters []string
		for id, p := range member.Parameters {
			parameters = append(parameters, id)
			if p["AllowedPattern"] == nil {
				t.Errorf("parameter %s takes anything", id)
			}
		}
		same(t, "parameters", 5, len(parameters))
		for _, id := range []string{"HubAccount", "HubRegion", "ExternalId", "Organization", "RoleRegion"} {
			if member.Parameters[id] == nil {
				t.Errorf("no parameter %s", id)
			}
		}
		same(t, "functions", 0, len(member.Of("AWS::Lambda::Function")))
	}
}

func TestWhoMayAssumeTheTarget(t *testing.T) {
	member := made(t, byDefault).member
	for id, callers := range map[string]string{
		"TargetRole": "arn:aws:iam::<HubAccount>:role/diffy-resolve | arn:aws:iam::<HubAccount>:role/diffy-collect | " +
			"arn:aws:iam::<HubAccount>:role/diffy-poll | arn:aws:iam::<HubAccount>:role/diffy-extract",
		"FinderRole": "arn:aws:iam::<HubAccount>:role/diffy-trigger",
	} {
		role := the(t, member, id)
		same(t, id+" condition", "MakesRoles", role.Condition)
		same(t, id+" principal", "arn:aws:iam::<HubAccount>:root", at(role.Properties, "AssumeRolePolicyDocument", "Statement", 0, "Principal", "AWS"))
		same(t, id+" trust", []template.Permission{{
			Effect: "Allow", Actions: []string{"sts:AssumeRole"}, When: []string{
				"ArnEquals aws:PrincipalArn " + callers,
				"StringEquals aws:PrincipalOrgID <if HasOrganization: <Organization>, else <none>>",
				"StringEquals sts:ExternalId <ExternalId>",
			},
		}}, role.Statements("", "AssumeRolePolicyDocument"))
	}
}

func TestForwarding(t *testing.T) {
	member := made(t, byDefault).member
	rule := the(t, member, "ForwardRule").Properties
	same(t, "target", []any{map[string]any{
		"Id": "Hub", "Arn": "arn:aws:events:<HubRegion>:<HubAccount>:event-bus/diffy", "RoleArn": "arn:aws:iam::<account>:role/DiffyForwarder",
		"DeadLetterConfig": map[string]any{"Arn": "<UndeliveredQueue.Arn>"},
	}}, rule["Targets"])
	same(t, "queue", true, the(t, member, "UndeliveredQueue").Properties["SqsManagedSseEnabled"])
}
