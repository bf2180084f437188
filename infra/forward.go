package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
)

// newForwarding sends GuardDuty's findings and the member's own alarms to the hub's
// bus. Where the hub is GuardDuty's administrator it has the findings twice, and
// knows a finding by its id.
func (m *member) newForwarding(intake awss3.Bucket) {
	bus := arn("events", *m.region.ValueAsString(), *m.hub.ValueAsString(), "event-bus/"+m.set.Name)
	name := m.set.title() + "Forwarder"
	role := newRole(m.stack, "ForwarderRole", name, "Lets EventBridge send findings and alarms to diffy's hub",
		awsiam.NewServicePrincipal(str("events.amazonaws.com"), &awsiam.ServicePrincipalOpts{
			Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Aws_ACCOUNT_ID()}},
		}), []grant{{sid: "Forward", actions: []string{"events:PutEvents"}, on: []string{bus}}})
	role.Node().DefaultChild().(awsiam.CfnRole).CfnOptions().SetCondition(m.makesRoles)
	// Where the role is made the rules have to wait for it; other regions know its name.
	sender := awscdk.Token_AsString(awscdk.Fn_ConditionIf(m.makesRoles.LogicalId(), role.RoleArn(), roleArn(name)), nil)

	queue := m.newQueue()
	forward := func(id, rule, does string, pattern map[string]any) {
		r := awsevents.NewCfnRule(m.stack, str(id), &awsevents.CfnRuleProps{
			Name: str(m.set.Name + "-" + rule), Description: str(does), EventPattern: pattern, State: str("ENABLED"),
			Targets: []any{&awsevents.CfnRule_TargetProperty{
				Id: str("Hub"), Arn: str(bus), RoleArn: sender,
				DeadLetterConfig: &awsevents.CfnRule_DeadLetterConfigProperty{Arn: queue.QueueArn()},
			}},
		})
		r.OverrideLogicalId(str(id))
	}
	forward("ForwardRule", "forward", "Sends GuardDuty findings that may name a host to diffy's hub", map[string]any{
		"source": []string{guardDuty}, "detail-type": []string{findingType}, "detail": findingDetail(m.set),
	})
	forward("ForwardAlarmRule", "forward-alarms", "Sends the alarms of this stack to diffy's hub", map[string]any{
		"source": []string{cloudWatch}, "detail-type": []string{alarmType}, "detail": *alarmDetail(m.set),
	})
	m.newAlarms(intake, queue)
}

// newQueue keeps what could not be sent to the hub.
func (m *member) newQueue() awssqs.Queue {
	queue := awssqs.NewQueue(m.stack, str("UndeliveredQueue"), &awssqs.QueueProps{
		QueueName:       str(m.set.Name + "-undelivered"),
		Encryption:      awssqs.QueueEncryption_SQS_MANAGED,
		EnforceSSL:      yes,
		RetentionPeriod: days(14),
		RemovalPolicy:   awscdk.RemovalPolicy_DESTROY,
	})
	named(queue, "UndeliveredQueue")
	suppress(queue, "AwsSolutions-SQS3", "This is a dead-letter queue itself; an alarm watches what is in it.")
	queue.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        str("UndeliveredEvents"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(str("events.amazonaws.com"), nil)},
		Actions:    strs("sqs:SendMessage"),
		Resources:  &[]*string{queue.QueueArn()},
		Conditions: &map[string]any{"ArnEquals": map[string]any{"aws:SourceArn": []string{
			here("events", "rule/"+m.set.Name+"-forward"), here("events", "rule/"+m.set.Name+"-forward-alarms"),
		}}},
	}))
	return queue
}

// newAlarms makes what tells the hub that something is wrong here. The alarms act on
// nothing themselves: the rule forwards them.
func (m *member) newAlarms(intake awss3.Bucket, queue awssqs.Queue) {
	for _, a := range []struct {
		id, name, what string
		metric         awscloudwatch.Metric
		above          int
	}{
		{"IntakeAlarm", "intake", intakeAlarm, uploaded(intake), m.set.IntakeAlarmMiB << 20},
		{"UndeliveredAlarm", "undelivered", "Events could not be sent to the hub and wait in the queue", waiting(queue), 0},
	} {
		alarm := awscloudwatch.NewAlarm(m.stack, str(a.id), &awscloudwatch.AlarmProps{
			AlarmName:          str(m.set.Name + "-" + a.name),
			AlarmDescription:   str(a.what),
			Metric:             a.metric,
			Threshold:          num(a.above),
			ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
			EvaluationPeriods:  num(1),
			TreatMissingData:   awscloudwatch.TreatMissingData_NOT_BREACHING,
		})
		named(alarm, a.id)
	}
}
