package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
)

// logged is a number in a line that a function logs, made a metric of.
type logged struct{ step, message, field, metric string }

// loggedNumbers are the counts that no service keeps. The lines are those of the
// handlers in pkg/pipeline; a test holds the two together.
var loggedNumbers = []logged{
	{"analyze", "analyzed", "examined", "HostsExamined"},
	{"analyze", "analyzed", "partial", "HostsPartial"},
	{"analyze", "analyzed", "not_examined", "HostsNotExamined"},
	{"analyze", "analyzed", "outliers", "Outliers"},
	{"analyze", "analyzed", "coverage", "Coverage"},
	{"trigger", "triggered", "runs", "RunsTriggered"},
	{"trigger", "triggered", "attached", "FindingsAttached"},
	{"trigger", "triggered", "foreign", "EventsOfOthers"},
}

// newLoggedMetrics turns the lines into metrics of the deployment's own namespace.
func (h *hub) newLoggedMetrics() {
	for _, l := range loggedNumbers {
		filter := awslogs.NewCfnMetricFilter(h.stack, str(l.metric), &awslogs.CfnMetricFilterProps{
			LogGroupName:  h.logs[l.step].LogGroupName(),
			FilterPattern: str(`{ $.msg = "` + l.message + `" }`),
			MetricTransformations: []any{&awslogs.CfnMetricFilter_MetricTransformationProperty{
				MetricNamespace: str(h.set.title()), MetricName: str(l.metric), MetricValue: str("$." + l.field),
			}},
		})
		filter.OverrideLogicalId(str(l.metric + "Filter"))
	}
}

// metric is the sum of a metric over five minutes.
func metric(namespace, name string, dimensions map[string]*string) awscloudwatch.Metric {
	props := &awscloudwatch.MetricProps{Namespace: str(namespace), MetricName: str(name), Statistic: str("Sum"), Period: seconds(300)}
	if len(dimensions) > 0 {
		props.DimensionsMap = &dimensions
	}
	return awscloudwatch.NewMetric(props)
}

func (h *hub) ofRuns(name string) awscloudwatch.Metric {
	return metric("AWS/States", name, map[string]*string{"StateMachineArn": h.machine.StateMachineArn()})
}

func (h *hub) ofFunction(step, name string) awscloudwatch.Metric {
	return metric("AWS/Lambda", name, map[string]*string{"FunctionName": str(h.set.function(step))})
}

// ofRule counts a rule of the default bus, ofForwarded the one of the members' bus,
// which is counted under the bus as well.
func (h *hub) ofRule(rule, name string) awscloudwatch.Metric {
	return metric("AWS/Events", name, map[string]*string{"RuleName": str(h.set.Name + "-" + rule)})
}

func (h *hub) ofForwarded(name string) awscloudwatch.Metric {
	return metric("AWS/Events", name, map[string]*string{
		"EventBusName": str(h.set.Name), "RuleName": str(h.set.Name + "-forwarded-findings"),
	})
}

func (h *hub) ofHosts(name string) awscloudwatch.Metric { return metric(h.set.title(), name, nil) }

// coverage is the share of its hosts that a run examined whole, in percent: that of
// the worst run, as a large one would hide a small one in a sum.
func (h *hub) coverage() awscloudwatch.IMetric {
	return h.ofHosts("Coverage").With(&awscloudwatch.MetricOptions{Statistic: str("Minimum")})
}

// lostFindings counts findings that reached no function: those cannot have started
// a run. Findings on which the trigger gave up are among the failures of functions.
func (h *hub) lostFindings() awscloudwatch.IMetric {
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression: str("FILL(here, 0) + FILL(members, 0) + FILL(dropped, 0)"),
		Label:      str("Findings that reached no trigger"),
		Period:     seconds(300),
		UsingMetrics: &map[string]awscloudwatch.IMetric{
			"here": h.ofRule("findings", "FailedInvocations"), "members": h.ofForwarded("FailedInvocations"),
			"dropped": h.ofFunction("trigger", "AsyncEventsDropped"),
		},
	})
}

// intakeAlarm says what too many bytes mean, in hub and members.
const intakeAlarm = "Hosts upload more than any group should"

// uploaded counts the bytes that hosts have put into an intake bucket.
func uploaded(intake awss3.Bucket) awscloudwatch.Metric {
	return metric("AWS/S3", "BytesUploaded", map[string]*string{"BucketName": intake.BucketName(), "FilterId": str(uploadsFilter)})
}

// waiting counts the messages in a queue.
func waiting(queue awssqs.Queue) awscloudwatch.Metric {
	return metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", map[string]*string{"QueueName": queue.QueueName()})
}

// newAlarms makes what wakes somebody because diffy itself does not work. What a
// run finds is told through the results topic.
func (h *hub) newAlarms() {
	h.newLoggedMetrics()
	h.above("RunsFailedAlarm", "A run failed", h.ofRuns("ExecutionsFailed"), 0)
	h.above("RunsTimedOutAlarm", "A run was not done within its time", h.ofRuns("ExecutionsTimedOut"), 0)
	h.above("RunsAbortedAlarm", "A run was stopped", h.ofRuns("ExecutionsAborted"), 0)
	h.above("RunsThrottledAlarm", "Step Functions slowed runs down", h.ofRuns("ExecutionThrottled"), 0)
	for _, name := range h.order {
		h.above(camel(name)+"ErrorsAlarm", "The function "+name+" returned errors", h.ofFunction(name, "Errors"), 0)
	}
	h.above("UndeliveredAlarm", "Events reached no function and wait in the queue",
		waiting(h.undelivered), 0)
	h.above("FailuresAlarm", "A function gave up on events, which wait in the queue",
		waiting(h.failures), 0)
	if h.unshown != nil {
		h.above("UnshownAlarm", "Messages did not reach Slack and wait in the queue",
			metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", map[string]*string{"QueueName": h.unshown.QueueName()}), 0)
	}
	h.above("LostFindingAlarm", "A finding started no run because it reached no trigger", h.lostFindings(), 0)
	h.above("IntakeAlarm", intakeAlarm, uploaded(h.intake), h.set.IntakeAlarmMiB<<20)
	h.alarm("CoverageAlarm", "A run saw too few of its hosts whole", h.coverage(),
		h.set.CoverageAlarm, awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD)
}

func (h *hub) above(id, what string, m awscloudwatch.IMetric, threshold int) {
	h.alarm(id, what, m, float64(threshold), awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD)
}

func (h *hub) alarm(id, what string, m awscloudwatch.IMetric, threshold float64, compare awscloudwatch.ComparisonOperator) {
	alarm := awscloudwatch.NewAlarm(h.stack, str(id), &awscloudwatch.AlarmProps{
		AlarmDescription:   str(what),
		Metric:             m,
		Threshold:          &threshold,
		ComparisonOperator: compare,
		EvaluationPeriods:  num(1),
		TreatMissingData:   awscloudwatch.TreatMissingData_NOT_BREACHING,
	})
	named(alarm, id)
	alarm.AddAlarmAction(awscloudwatchactions.NewSnsAction(h.alarms))
}
