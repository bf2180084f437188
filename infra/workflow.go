package main

import (
	"fmt"
	"regexp"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
)

// substitution is a name in the definition that CloudFormation fills in.
var substitution = regexp.MustCompile(`\$\{([^}]*)\}`)

// newMachine makes the state machine from the very file that the tests execute.
// It stays readable in the template; only the names in ${} are filled in.
func (h *hub) newMachine(definition string) error {
	names := map[string]*string{}
	for step, f := range h.functions {
		names[step] = f.FunctionArn()
	}
	names["workBucket"] = h.work.BucketName()
	used := map[string]*string{}
	var called []string
	for _, match := range substitution.FindAllStringSubmatch(definition, -1) {
		value, ok := names[match[1]]
		if !ok {
			return fmt.Errorf("read statemachine/triage.asl.json: nothing is named ${%s}", match[1])
		}
		if f, ok := h.functions[match[1]]; ok && used[match[1]] == nil {
			called = append(called, *f.FunctionArn())
		}
		used[match[1]] = value
	}

	group := h.newLogGroup("TriageLogs", "/aws/vendedlogs/states/"+h.set.machine()) // a prefix that needs no resource policy of its own
	role := newRole(h.stack, "TriageRole", h.set.machine(), "Runs the state machine of diffy",
		awsiam.NewServicePrincipal(str("states.amazonaws.com"), &awsiam.ServicePrincipalOpts{
			Conditions: &map[string]any{
				"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Aws_ACCOUNT_ID()},
				"ArnLike":      map[string]any{"aws:SourceArn": here("states", "stateMachine:*")},
			},
		}), h.machineGrants(called))
	h.machine = awsstepfunctions.NewStateMachine(h.stack, str("Triage"), &awsstepfunctions.StateMachineProps{
		StateMachineName:        str(h.set.machine()),
		DefinitionBody:          awsstepfunctions.DefinitionBody_FromString(str(definition)),
		DefinitionSubstitutions: &used,
		Role:                    role.WithoutPolicyUpdates(nil),
		TracingEnabled:          yes,
		Logs: &awsstepfunctions.LogOptions{
			Destination:          group,
			Level:                awsstepfunctions.LogLevel_ALL,
			IncludeExecutionData: no, // states name hosts and incidents
		},
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	named(h.machine, "TriageStateMachine")
	waitByReference(h.machine)
	return nil
}

// machineGrants are the state machine's own. CDK writes none of them for a
// definition that it only sees as text, least of all those by which a distributed
// map starts the executions of its branches.
func (h *hub) machineGrants(functions []string) []grant {
	return []grant{
		{sid: "CallSteps", actions: []string{"lambda:InvokeFunction"}, on: functions},
		{
			sid: "ReadBatches", actions: []string{"s3:GetObject"}, on: []string{*h.work.ArnForObjects(str("runs/*/hosts.json"))},
			why: "The list of batches lies under the run's prefix, made at run time.",
		},
		h.readThrough("s3"),
		{sid: "StartBranches", actions: []string{"states:StartExecution"}, on: []string{h.machineArn()}},
		{
			sid: "FollowBranches", actions: []string{"states:DescribeExecution", "states:StopExecution", "states:RedriveExecution"},
			on:  h.runArns(),
			why: "A branch is an execution of this state machine with a name made at run time.",
		},
		{
			sid: "Trace", on: []string{"*"},
			actions: []string{"xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"},
			why:     "X-Ray has no resources to name for these.",
		},
		{
			sid: "DeliverLog", on: []string{"*"},
			actions: []string{
				"logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery",
				"logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
			},
			why: "Deliveries of logs are no resources; Step Functions sets its own up with these and no fewer.",
		},
	}
}
