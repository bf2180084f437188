package main

import "github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"

// Slack is there for those who have given a secret to reach a channel with. The
// function may read that one secret and what it has itself recorded; it knows
// nothing of hosts, results and evidence but what the messages say.

// showSent is what recording of messages takes: each write is on a condition.
var showSent = []string{"dynamodb:UpdateItem"}

func (h *hub) slackSteps() []step {
	if h.set.SlackSecret == "" {
		return nil
	}
	return []step{{
		name: "slack", does: "Shows in Slack how runs ended",
		memory: 256, seconds: 60, event: true, queue: h.unshown,
		env: h.slackEnv(), key: []string{"dynamodb", "secretsmanager", "sqs"},
		may: []grant{
			h.items("Sent", showSent, "sent#*"),
			{sid: "ReadSecret", actions: []string{"secretsmanager:GetSecretValue"}, on: []string{h.set.SlackSecret}},
		},
	}}
}

func (h *hub) slackEnv() map[string]*string {
	env := h.env(h.set.target())
	env["DIFFY_SLACK_SECRET"] = str(h.set.SlackSecret)
	return env
}

// newSlack lets the function hear the results. What SNS cannot hand over waits
// where also waits what the function gave up on.
func (h *hub) newSlack() {
	if h.unshown == nil {
		return
	}
	h.results.AddSubscription(awssnssubscriptions.NewLambdaSubscription(h.functions["slack"], &awssnssubscriptions.LambdaSubscriptionProps{
		DeadLetterQueue: h.unshown,
	}))
}
