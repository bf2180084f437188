package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
)

// What GuardDuty's events are known by.
const (
	guardDuty   = "aws.guardduty"
	findingType = "GuardDuty Finding"
)

// newTriggers makes what starts functions: findings, here and forwarded by members,
// and executions that ended without anybody having been told.
func (h *hub) newTriggers() {
	h.newRule("FindingRule", "findings", "GuardDuty findings that may name a host", nil,
		findingPattern(h.set), h.functions["trigger"])

	bus := awsevents.NewEventBus(h.stack, str("Bus"), &awsevents.EventBusProps{
		EventBusName: str(h.set.Name),
		Description:  str("GuardDuty findings that member accounts forward"),
	})
	named(bus, "MemberBus")
	h.letMembersForward(bus)
	h.newRule("ForwardedFindingRule", "forwarded-findings", "GuardDuty findings that members have forwarded", bus,
		findingPattern(h.set), h.functions["trigger"])

	h.newRule("EndedRule", "ended", "Runs that failed, ran out of time or were stopped", nil, &awsevents.EventPattern{
		Source:     strs("aws.states"),
		DetailType: strs("Step Functions Execution Status Change"),
		Detail: &map[string]any{
			"status":          strs("FAILED", "TIMED_OUT", "ABORTED"),
			"stateMachineArn": []*string{h.machine.StateMachineArn()},
		},
	}, h.functions["fail"])
}

// newRule sends matching events to a function; those that cannot be delivered
// within an hour wait in the queue.
func (h *hub) newRule(id, name, does string, bus awsevents.IEventBus, pattern *awsevents.EventPattern, to awslambda.Function) {
	props := &awsevents.RuleProps{
		RuleName:     str(h.set.Name + "-" + name),
		Description:  str(does),
		EventPattern: pattern,
		Targets: &[]awsevents.IRuleTarget{awseventstargets.NewLambdaFunction(to, &awseventstargets.LambdaFunctionProps{
			DeadLetterQueue: h.undelivered,
			RetryAttempts:   num(10),
			MaxEventAge:     seconds(3600),
		})},
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

// letMembersForward opens the bus for GuardDuty's findings of the organisation or,
// without one, of the accounts that were named; to nobody if there are none.
func (h *hub) letMembersForward(bus awsevents.EventBus) {
	if h.set.Organization == "" && len(h.set.MemberAccounts) == 0 {
		return
	}
	when := map[string]any{
		"events:source":      guardDuty,
		"events:detail-type": findingType,
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
