package main

import (
	"slices"
	"strings"
	"testing"
)

// TestSlackIsOptional: without a secret there is no function that would need one.
func TestSlackIsOptional(t *testing.T) {
	for id := range made(t, byDefault).hub.Resources {
		if strings.HasPrefix(id, "Slack") || strings.HasPrefix(id, "Unshown") {
			t.Errorf("%s is there though no secret was given", id)
		}
	}
}

// TestSlack: the function hears the results, may read the one secret and record
// what it has shown, and keeps what it could not show in a queue that is watched.
func TestSlack(t *testing.T) {
	hub := made(t, chosen).hub
	f := the(t, hub, "SlackFunction").Properties
	same(t, "function", []any{"acme-slack", "<SlackRole.Arn>", 60.0}, []any{f["FunctionName"], f["Role"], f["Timeout"]})
	same(t, "secret", slackSecret, at(f, "Environment", "Variables", "DIFFY_SLACK_SECRET"))
	same(t, "log group", "/aws/lambda/acme-slack", the(t, hub, "SlackLogs").Properties["LogGroupName"])

	var heard []any
	for _, id := range hub.Of("AWS::SNS::Subscription") {
		if s := hub.Resources[id].Properties; s["Protocol"] == "lambda" {
			heard = append(heard, s["TopicArn"], s["Endpoint"], at(s, "RedrivePolicy", "deadLetterTargetArn"))
		}
	}
	same(t, "subscription", []any{"<ResultsTopic>", "<SlackFunction.Arn>", "<UnshownQueue.Arn>"}, heard)
	same(t, "what it gives up on", "<UnshownQueue.Arn>", at(the(t, hub, "SlackInvoke").Properties, "DestinationConfig", "OnFailure", "Destination"))
	same(t, "topic that may call", true, slices.ContainsFunc(hub.Of("AWS::Lambda::Permission"), func(id string) bool {
		p := hub.Resources[id].Properties
		return p["FunctionName"] == "<SlackFunction.Arn>" && p["Principal"] == "sns.amazonaws.com" && p["SourceArn"] == "<ResultsTopic>"
	}))
	the(t, hub, "UnshownAlarm")
	the(t, hub, "SlackErrorsAlarm")
}

func TestSlackMay(t *testing.T) {
	may := map[string][]string{}
	for _, p := range made(t, chosen).hub.Permissions() {
		if p.Holder == "acme-slack" && p.Effect == "Allow" {
			may[p.Sid] = slices.Concat(p.Actions, p.Resources, p.When)
		}
	}
	same(t, "the secret", []string{"secretsmanager:GetSecretValue", slackSecret}, may["ReadSecret"])
	same(t, "records", []string{
		"dynamodb:UpdateItem", "<Table.Arn>",
		"ForAllValues:StringLike dynamodb:LeadingKeys sent#*", "Null dynamodb:LeadingKeys false",
	}, may["Sent"])
	for sid := range may {
		if !slices.Contains([]string{"ReadSecret", "Sent", "WriteOwnLog", "Trace", "KeepFailures", "UseKey", "UseKeyOfRecords"}, sid) {
			t.Errorf("the function may more than it needs: %s %v", sid, may[sid])
		}
	}
}
