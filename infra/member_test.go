package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
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

// TestMemberFitsAStackSet: a template that is passed as text has at most 51,200
// bytes, and nothing in it looks for what `cdk bootstrap` leaves.
func TestMemberFitsAStackSet(t *testing.T) {
	for name, of := range map[string]func() (assembly, error){"default": byDefault, "chosen": chosen} {
		data, err := os.ReadFile(filepath.Join(made(t, of).dir, "DiffyMember.template.json"))
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > 51_200 {
			t.Errorf("%s: %d bytes", name, len(data))
		}
		for _, of := range []string{"cdk-bootstrap", "BootstrapVersion", "AssetParameters", "cdk-hnb659fds-assets"} {
			if strings.Contains(string(data), of) {
				t.Errorf("%s: the template speaks of %s", name, of)
			}
		}
		var sections map[string]any
		if err := json.Unmarshal(data, &sections); err != nil {
			t.Fatal(err)
		}
		if sections["Rules"] != nil {
			t.Errorf("%s: rules %v", name, sections["Rules"])
		}
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

// TestHubPinsOsquery: the hub's people may put releases here, and nothing else.
func TestHubPinsOsquery(t *testing.T) {
	var allowed []template.Permission
	for _, s := range the(t, made(t, byDefault).member, "IntakeBucketPolicy").Statements("", "PolicyDocument") {
		if s.Effect == "Allow" {
			allowed = append(allowed, s)
		}
	}
	same(t, "allowed", []template.Permission{{
		Sid: "HubPinsOsquery", Effect: "Allow", Actions: []string{"s3:GetObject", "s3:PutObject"},
		Resources: []string{"<IntakeBucket.Arn>/artifacts/osquery/*"},
	}}, allowed)
	for _, s := range template.List(at(the(t, made(t, byDefault).member, "IntakeBucketPolicy").Properties, "PolicyDocument", "Statement")) {
		if at(s, "Effect") == "Allow" {
			same(t, "to", "arn:aws:iam::<HubAccount>:root", at(s, "Principal", "AWS"))
		}
	}
}

func TestForwarding(t *testing.T) {
	member := made(t, byDefault).member
	for _, id := range []string{"ForwardRule", "ForwardAlarmRule"} {
		rule := the(t, member, id)
		same(t, id+" target", []any{map[string]any{
			"Id": "Hub", "Arn": "arn:aws:events:<HubRegion>:<HubAccount>:event-bus/diffy",
			// It refers to the role where there is one, so that the rule waits for it.
			"RoleArn":          "<if MakesRoles: <ForwarderRole.Arn>, else arn:aws:iam::<account>:role/DiffyForwarder>",
			"DeadLetterConfig": map[string]any{"Arn": "<UndeliveredQueue.Arn>"},
		}}, rule.Properties["Targets"])
	}
	same(t, "alarms", map[string]any{
		"source": []any{"aws.cloudwatch"}, "detail-type": []any{"CloudWatch Alarm State Change"},
		"detail": map[string]any{"alarmName": []any{map[string]any{"prefix": "diffy-"}}, "state": map[string]any{"value": []any{"ALARM"}}},
	}, the(t, member, "ForwardAlarmRule").Properties["EventPattern"])
	same(t, "queue", true, the(t, member, "UndeliveredQueue").Properties["SqsManagedSseEnabled"])
	sends := map[string][]string{}
	policies := member.Of("AWS::SQS::QueuePolicy")
	same(t, "policies of queues", 1, len(policies))
	for _, s := range the(t, member, policies[0]).Statements("", "PolicyDocument") {
		sends[s.Effect] = append(sends[s.Effect], s.When...)
	}
	same(t, "who fills the queue", map[string][]string{
		"Allow": {"ArnEquals aws:SourceArn arn:aws:events:<region>:<account>:rule/diffy-forward | arn:aws:events:<region>:<account>:rule/diffy-forward-alarms"},
		"Deny":  {"Bool aws:SecureTransport false"},
	}, sends)
}

// TestMemberAlarms: too many bytes and lost events are told where the hub hears it,
// under names that its rule lets through.
func TestMemberAlarms(t *testing.T) {
	member := made(t, byDefault).member
	got := map[string][]string{}
	for _, id := range member.Of("AWS::CloudWatch::Alarm") {
		p := member.Resources[id].Properties
		got[p["AlarmName"].(string)] = described(p)
		same(t, id+" without data", "notBreaching", p["TreatMissingData"])
	}
	same(t, "alarms", map[string][]string{
		"diffy-intake":      {"AWS/S3 BytesUploaded {BucketName <IntakeBucket>, FilterId uploads} > 2147483648"},
		"diffy-undelivered": {"AWS/SQS ApproximateNumberOfMessagesVisible {QueueName <UndeliveredQueue.QueueName>} > 0"},
	}, got)
}
