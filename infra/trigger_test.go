package main

import (
	"encoding/json"
	"testing"

	"diffy/collect"
	"diffy/infra/template"
)

func TestFindingRules(t *testing.T) {
	a := made(t, byDefault)
	prefixes := []any{}
	for _, p := range hostless {
		prefixes = append(prefixes, p)
	}
	want := map[string]any{
		"source": []any{"aws.guardduty"}, "detail-type": []any{"GuardDuty Finding"},
		"detail": map[string]any{
			"severity": []any{map[string]any{"numeric": []any{">=", 4.0}}},
			"type":     []any{map[string]any{"anything-but": map[string]any{"prefix": prefixes}}},
		},
	}
	for id, in := range map[string]*template.Template{"FindingRule": a.hub, "ForwardedFindingRule": a.hub, "ForwardRule": a.member} {
		same(t, id+" pattern", want, the(t, in, id).Properties["EventPattern"])
		same(t, id+" state", "ENABLED", the(t, in, id).Properties["State"])
	}
	data, err := json.MarshalIndent(the(t, a.hub, "FindingRule").Properties["EventPattern"], "", " ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "finding-rule.json", string(data)+"\n") // read by test/e2e, too
	same(t, "bus of what members forward", "<MemberBus>", the(t, a.hub, "ForwardedFindingRule").Properties["EventBusName"])
	same(t, "bus of the hub's own", nil, the(t, a.hub, "FindingRule").Properties["EventBusName"])
	same(t, "when chosen", map[string]any{"severity": []any{map[string]any{"numeric": []any{">=", 7.0}}}},
		at(the(t, made(t, chosen).hub, "FindingRule").Properties, "EventPattern", "detail"))
}

func TestEndedRule(t *testing.T) {
	same(t, "pattern", map[string]any{
		"source": []any{"aws.states"}, "detail-type": []any{"Step Functions Execution Status Change"},
		"detail": map[string]any{
			"status": []any{"FAILED", "TIMED_OUT", "ABORTED"}, "stateMachineArn": []any{"<TriageStateMachine>"},
		},
	}, the(t, made(t, byDefault).hub, "EndedRule").Properties["EventPattern"])
}

// TestRulesReachTheirFunctions: each rule has one target, may call it, and keeps
// what it could not deliver.
func TestRulesReachTheirFunctions(t *testing.T) {
	hub := made(t, byDefault).hub
	targets := map[string]string{
		"FindingRule": "<TriggerFunction.Arn>", "ForwardedFindingRule": "<TriggerFunction.Arn>", "EndedRule": "<FailFunction.Arn>",
	}
	allowed := map[any]any{}
	for _, id := range hub.Of("AWS::Lambda::Permission") {
		p := hub.Resources[id].Properties
		if p["Principal"] == "events.amazonaws.com" {
			allowed[p["SourceArn"]] = p["FunctionName"]
		}
	}
	var rules []string
	for rule, target := range targets {
		rules = append(rules, rule)
		all := template.List(the(t, hub, rule).Properties["Targets"])
		if len(all) != 1 {
			t.Errorf("%s has %d targets", rule, len(all))
			continue
		}
		same(t, rule+" target", target, at(all[0], "Arn"))
		same(t, rule+" keeps", "<UndeliveredQueue.Arn>", at(all[0], "DeadLetterConfig", "Arn"))
		same(t, rule+" may call", target, allowed["<"+rule+".Arn>"])
	}
	glass := the(t, hub, "BreakGlassRule").Properties
	same(t, "break-glass pattern", map[string]any{
		"source": []any{"aws.sts"}, "detail-type": []any{"AWS API Call via CloudTrail"},
		"detail": map[string]any{
			"eventName":         []any{"AssumeRole"},
			"requestParameters": map[string]any{"roleArn": []any{"arn:aws:iam::<account>:role/DiffyBreakGlass"}},
		},
	}, glass["EventPattern"])
	tells := the(t, hub, "ForwardedAlarmRule").Properties
	for _, target := range []map[string]any{glass, tells} {
		same(t, "is told of as alarms are", []any{"<AlarmsTopic>", "<AlarmTellerRole.Arn>", "<UndeliveredQueue.Arn>"}, []any{
			at(target, "Targets", 0, "Arn"), at(target, "Targets", 0, "RoleArn"), at(target, "Targets", 0, "DeadLetterConfig", "Arn"),
		})
	}
	rules = append(rules, "ForwardedAlarmRule", "BreakGlassRule")
	same(t, "alarms of members come by", "<MemberBus>", tells["EventBusName"])
	same(t, "and match", map[string]any{
		"source": []any{"aws.cloudwatch"}, "detail-type": []any{"CloudWatch Alarm State Change"},
		"detail": map[string]any{"alarmName": []any{map[string]any{"prefix": "diffy-"}}, "state": map[string]any{"value": []any{"ALARM"}}},
	}, tells["EventPattern"])
	same(t, "by somebody of this account", []string{"StringEquals aws:SourceAccount <account>"},
		the(t, hub, "AlarmTellerRole").Statements("", "AssumeRolePolicyDocument")[0].When)
	same(t, "rules", len(rules), len(hub.Of("AWS::Events::Rule")))
}

func TestWhoMayForward(t *testing.T) {
	if _, open := made(t, byDefault).hub.Resources["MemberBusPolicy"]; open {
		t.Error("the bus is open though nobody was named")
	}
	p := the(t, made(t, chosen).hub, "MemberBusPolicy")
	same(t, "statement", map[string]any{
		"Sid": "MembersForwardFindings", "Effect": "Allow", "Principal": map[string]any{"AWS": "*"},
		"Action": "events:PutEvents", "Resource": "<MemberBus.Arn>",
		"Condition": map[string]any{"StringEquals": map[string]any{
			"aws:PrincipalOrgID": "o-abcdefghij", "events:source": []any{"aws.guardduty", "aws.cloudwatch"},
			"events:detail-type": []any{"GuardDuty Finding", "CloudWatch Alarm State Change"},
		}},
	}, p.Properties["Statement"])
}

// TestDocument: hub and members get the document that is compiled into collect,
// which sends it nowhere else.
func TestDocument(t *testing.T) {
	a := made(t, byDefault)
	for _, in := range []*template.Template{a.hub, a.member} {
		p := the(t, in, "CollectDocument").Properties
		content, err := json.Marshal(p["Content"])
		if err != nil {
			t.Fatal(err)
		}
		if !collect.SameDocument(content) {
			t.Error("the document is not the one that collect compares with")
		}
		same(t, "document", []any{"diffy-collect", "Command", "JSON", "/AWS::EC2::Instance", "NewVersion"},
			[]any{p["Name"], p["DocumentType"], p["DocumentFormat"], p["TargetType"], p["UpdateMethod"]})
	}
}
