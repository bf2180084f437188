package main

import (
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
)

// step is one function: its folder under functions/, its binary under dist/, its
// name in the state machine, its log group and its role are all called the same.
type step struct {
	name    string
	does    string
	memory  int // MiB
	seconds int
	event   bool         // started by an event, so what it gives up on goes to a queue
	queue   awssqs.Queue // that queue, where it is not the one for all
	branch  bool         // runs once a batch: may be given reserved concurrency
	env     map[string]*string
	key     []string // the services through which it uses the key
	may     []grant
}

// newFunctions makes every step with a role that can do what the step does and no
// more.
func (h *hub) newFunctions(dist string) {
	h.functions = map[string]awslambda.Function{}
	h.logs = map[string]awslogs.LogGroup{}
	for _, s := range append(h.steps(), h.slackSteps()...) {
		h.order = append(h.order, s.name)
		h.newFunction(s, filepath.Join(dist, s.name))
	}
}

func (h *hub) newFunction(s step, folder string) {
	id := camel(s.name)
	name := h.set.function(s.name)
	h.logs[s.name] = h.newLogGroup(id+"Logs", "/aws/lambda/"+name)
	may := append([]grant{
		{
			sid:     "WriteOwnLog",
			actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"},
			on:      []string{here("logs", "log-group:/aws/lambda/"+name+":*")},
			why:     "The streams of the function's own log group; their names are made by Lambda.",
		},
		{
			sid:     "Trace",
			actions: []string{"xray:PutTraceSegments", "xray:PutTelemetryRecords"},
			on:      []string{"*"},
			why:     "X-Ray has no resources to name for these two.",
		},
	}, s.may...)
	queue := s.queue
	if queue == nil {
		queue = h.failures
	}
	if s.event {
		may = append(may, h.sendTo(queue))
	}
	may = append(may, h.keyThrough(s.key...)...)
	role := newRole(h.stack, id+"Role", h.set.role(s.name), s.does,
		awsiam.NewServicePrincipal(str("lambda.amazonaws.com"), nil), may)

	props := &awslambda.FunctionProps{
		FunctionName: str(name),
		Description:  str(s.does),
		Code:         awslambda.Code_FromAsset(str(folder), &awss3assets.AssetOptions{DisplayName: str(name)}),
		Handler:      str("bootstrap"),
		Runtime:      awslambda.Runtime_PROVIDED_AL2023(),
		Architecture: awslambda.Architecture_ARM_64(),
		MemorySize:   num(s.memory),
		Timeout:      seconds(s.seconds),
		Environment:  &s.env,
		Role:         role.WithoutPolicyUpdates(nil),
		LogGroup:     h.logs[s.name],
		Tracing:      awslambda.Tracing_ACTIVE,
	}
	if s.branch && h.set.ReservedConcurrency > 0 {
		props.ReservedConcurrentExecutions = num(h.set.ReservedConcurrency)
	}
	f := awslambda.NewFunction(h.stack, str(id), props)
	named(f, id+"Function")
	waitByReference(f)
	h.functions[s.name] = f
	if s.event {
		h.keepFailures(id, f, queue)
	}
}

// keepFailures sends an event that the function failed on three times, or could
// not take within an hour, to the queue.
func (h *hub) keepFailures(id string, f awslambda.Function, queue awssqs.Queue) {
	awslambda.NewCfnEventInvokeConfig(h.stack, str(id+"Invoke"), &awslambda.CfnEventInvokeConfigProps{
		FunctionName:             f.FunctionName(),
		Qualifier:                str("$LATEST"),
		MaximumRetryAttempts:     num(2),
		MaximumEventAgeInSeconds: num(3600),
		DestinationConfig: &awslambda.CfnEventInvokeConfig_DestinationConfigProperty{
			OnFailure: &awslambda.CfnEventInvokeConfig_OnFailureProperty{Destination: queue.QueueArn()},
		},
	}).OverrideLogicalId(str(id + "Invoke"))
}

func (h *hub) newLogGroup(id, name string) awslogs.LogGroup {
	group := awslogs.NewLogGroup(h.stack, str(id), &awslogs.LogGroupProps{
		LogGroupName:  str(name),
		EncryptionKey: h.key,
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	named(group, id)
	// The CDK has a word for each retention; the setting is in days.
	group.Node().DefaultChild().(awslogs.CfnLogGroup).SetRetentionInDays(num(h.set.LogDays))
	return group
}
