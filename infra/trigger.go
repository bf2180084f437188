package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
)

// What the events that members forward are known by.
const (
	guardDuty   = "aws.guardduty"
	findingType = "GuardDuty Finding"
	cloudWatch  = "aws.cloudwatch"
	alarmType   = "CloudWatch Alarm State Change"
)

// newTriggers makes what starts functions: findings, here and forwarded by members,
// and executions that ended without anybody having been told.
func (h *hub) newTriggers() {
	h.newTeller()
	h.newRule("FindingRule", "findings", "GuardDuty findings that may name a host", nil,
		findingPattern(h.set), h.call(h.functions["trigger"]))

	bus := awsevents.NewEventBus(h.stack, str("Bus"), &awsevents.EventBusProps{
		EventBusName: str(h.set.Name),
		Description:  str("GuardDuty findings and diffy's own alarms that members forward"),
	})
	named(bus, "MemberBus")
	h.letMembersForward(bus)
	h.newRule("ForwardedFindingRule", "forwarded-findings", "GuardDuty findings that members have forwarded", bus,
		findingPattern(h.set), h.call(h.functions["trigger"]))
	h.newRule("ForwardedAlarmRule", "forwarded-alarms", "Alarms of diffy in members", bus,
		&awsevents.EventPattern{Source: strs(cloudWatch), DetailType: strs(alarmType), Detail: alarmDetail(h.set)},
		h.tellAlarm("diffy, account "+field("$.account")+", "+field("$.region")+": "+
			field("$.detail.configuration.description")+" (alarm "+field("$.detail.alarmName")+")"))
	h.newRule("BreakGlassRule", "break-glass", "Somebody has assumed the role that lifts the lock of evidence", nil,
		&awsevents.EventPattern{Source: strs("aws.sts"), DetailType: strs("AWS API Call via CloudTrail"), Detail: &map[string]any{
			"eventName":         strs("AssumeRole"),
			"requestParameters": map[string]any{"roleArn": strs(roleArn(h.set.breakGlass()))},
		}},
		h.tellAlarm("diffy: "+field("$.detail.userIdentity.arn")+" has assumed "+h.set.breakGlass()+" at "+field("$.detail.eventTime")))

	h.newRule("EndedRule", "ended", "Runs that failed, ran out of time or were stopped", nil, &awsevents.EventPattern{
		Source:     strs("aws.states"),
		DetailType: strs("Step Functions Execution Status Change"),
		Detail: &map[string]any{
			"status":          strs("FAILED", "TIMED_OUT", "ABORTED"),
			"stateMachineArn": []*string{h.machine.StateMachineArn()},
		},
	}, h.call(h.functions["fail"]))
}

// How often and how many seconds EventBridge tries; what it could not deliver waits
// in the queue.
const (
	deliveries   = 10
	deliveryTime = 3600
)

// call is a function as a target.
func (h *hub) call(f awslambda.Function) awsevents.IRuleTarget {
	return awseventstargets.NewLambdaFunction(f, &awseventstargets.LambdaFunctionProps{
		DeadLetterQueue: h.undelivered, RetryAttempts: num(deliveries), MaxEventAge: seconds(deliveryTime),
	})
}

// field is a part of an event, to be put into a text.
func field(path string) string { return *awsevents.EventField_FromPath(str(path)) }

// tellAlarm is the topic of alarms as a target, which is told the text.
func (h *hub) tellAlarm(text string) awsevents.IRuleTarget {
	return awseventstargets.NewSnsTopic(h.alarms, &awseventstargets.SnsTopicProps{
		Message:            awsevents.RuleTargetInput_FromText(str(text)),
		Role:               h.teller.WithoutPolicyUpdates(nil),
		AuthorizeUsingRole: yes,
		DeadLetterQueue:    h.undelivered, RetryAttempts: num(deliveries), MaxEventAge: seconds(deliveryTime),
	})
}

// newTeller makes the role with which rules reach the topic of alarms: a policy of
// the topic could not say whose rules may publish to it.
func (h *hub) newTeller() {
	h.teller = newRole(h.stack, "AlarmTellerRole", h.set.role("alarm-teller"), "Lets EventBridge tell of alarms in members and of the break-glass role",
		awsiam.NewServicePrincipal(str("events.amazonaws.com"), &awsiam.ServicePrincipalOpts{
			Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Aws_ACCOUNT_ID()}},
		}), []grant{
			{sid: "Tell", actions: []string{"sns:Publish"}, on: []string{*h.alarms.TopicArn()}},
			{sid: "UseKey", actions: []string{"kms:Decrypt", "kms:GenerateDataKey"}, on: []string{*h.key.KeyArn()}, when: through([]string{"sns"})},
		})
}

// alarmDetail matches the alarms that a member makes, when they go off.
func alarmDetail(set settings) *map[string]any {
	return &map[string]any{
		"alarmName": []any{map[string]any{"prefix": set.Name + "-"}},
		"state":     map[string]any{"value": []string{"ALARM"}},
	}
}

// newRule sends matching events to a target.
func (h *hub) newRule(id, name, does string, bus awsevents.IEventBus, pattern *awsevents.EventPattern, to awsevents.IRuleTarget) {
	props := &awsevents.RuleProps{
		RuleName:     str(h.set.Name + "-" + name),
		Description:  str(does),
		EventPattern: pattern,
		Targets:      &[]awsevents.IRuleTarget{to},
	}
	if bus != nil {
		props.EventBus = bus
	}
	named(awsevents.NewRule(h.stack, str(id), props), id)
}

func findingPattern(set settings) *awsevents.EventPattern {
	detail := findingDetail(set)
	return &awsevents.EventPattern{Source: strs(guardDuty), DetailType: strs(findingType), Detail: &detail}
}

// findingDetail matches the findings that may start a run. Types are left out by
// name, so that a type that is new tomorrow is seen; whether a finding names a host
// is for the trigger to read.
func findingDetail(set settings) map[string]any {
	detail := map[string]any{
		"severity": []any{map[string]any{"numeric": []any{">=", set.MinSeverity}}},
	}
	if len(set.IgnoredFindings) > 0 {
		detail["type"] = []any{map[string]any{"anything-but": map[string]any{"prefix": set.IgnoredFindings}}}
	}
	return detail
}

// letMembersForward opens the bus for GuardDuty's findings and for alarms of the
// organisation or, without one, of the accounts that were named; to nobody if there
// are none. Only AWS's own services can be the source of such an event.
func (h *hub) letMembersForward(bus awsevents.EventBus) {
	if h.set.Organization == "" && len(h.set.MemberAccounts) == 0 {
		return
	}
	when := map[string]any{
		"events:source":      []string{guardDuty, cloudWatch},
		"events:detail-type": []string{findingType, alarmType},
	}
	from := map[string]any{"AWS": h.set.MemberAccounts}
	if h.set.Organization != "" {
		from["AWS"] = "*"
		when["aws:PrincipalOrgID"] = h.set.Organization
	}
	const sid = "MembersForwardFindings"
	awsevents.NewCfnEventBusPolicy(h.stack, str("MemberBusPolicy"), &awsevents.CfnEventBusPolicyProps{
		EventBusName: bus.EventBusName(),
		StatementId:  str(sid),
		Statement: map[string]any{
			"Sid": sid, "Effect": "Allow", "Principal": from,
			"Action": "events:PutEvents", "Resource": bus.EventBusArn(),
			"Condition": map[string]any{"StringEquals": when},
		},
	}).OverrideLogicalId(str("MemberBusPolicy"))
}
