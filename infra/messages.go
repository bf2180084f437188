package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
)

// newTopics makes the topics that people and machines subscribe to. Amazon Q in
// chat drops every message that has not its own schema, so it has one of its own;
// alarms have one because they cannot carry the attributes that filters ask for.
func (h *hub) newTopics() {
	h.results = h.newTopic("ResultsTopic", "results")
	h.chat = h.newTopic("ChatTopic", "chat")
	h.alarms = h.newTopic("AlarmsTopic", "alarms")
	h.alarms.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        str("AlarmsOfThisAccount"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(str("cloudwatch.amazonaws.com"), nil)},
		Actions:    strs("sns:Publish"),
		Resources:  &[]*string{h.alarms.TopicArn()},
		Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Aws_ACCOUNT_ID()}},
	}))
	if h.set.Email != "" {
		h.results.AddSubscription(awssnssubscriptions.NewEmailSubscription(str(h.set.Email), nil))
		h.alarms.AddSubscription(awssnssubscriptions.NewEmailSubscription(str(h.set.Email), nil))
	}
}

func (h *hub) newTopic(id, name string) awssns.Topic {
	topic := awssns.NewTopic(h.stack, str(id), &awssns.TopicProps{
		TopicName:  str(h.set.Name + "-" + name),
		MasterKey:  h.key,
		EnforceSSL: yes,
	})
	named(topic, id)
	return topic
}

// newQueues makes the places where what could not be delivered waits to be read:
// events that reached no function, events on which a function gave up, and messages
// that Slack was not shown.
func (h *hub) newQueues() {
	h.undelivered = h.newQueue("UndeliveredQueue", "undelivered")
	h.failures = h.newQueue("FailuresQueue", "failures")
	if h.set.SlackSecret != "" {
		h.unshown = h.newQueue("UnshownQueue", "unshown")
	}
}

func (h *hub) newQueue(id, name string) awssqs.Queue {
	queue := awssqs.NewQueue(h.stack, str(id), &awssqs.QueueProps{
		QueueName:           str(h.set.Name + "-" + name),
		Encryption:          awssqs.QueueEncryption_KMS,
		EncryptionMasterKey: h.key,
		EnforceSSL:          yes,
		RetentionPeriod:     days(14), // the longest that SQS keeps
		RemovalPolicy:       awscdk.RemovalPolicy_DESTROY,
	})
	named(queue, id)
	suppress(queue, "AwsSolutions-SQS3", "This is a dead-letter queue itself; an alarm watches what is in it.")
	return queue
}
