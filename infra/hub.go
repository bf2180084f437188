package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
)

// hub is the stack of the account that runs diffy. The files fill it in, in the
// order of newHub: what comes later refers to what came before, and what must
// refer forward does so by name.
type hub struct {
	stack awscdk.Stack
	set   settings

	key                    awskms.Key
	accessLog              awss3.Bucket
	intake, evidence, work awss3.Bucket
	table                  awsdynamodb.Table
	results, chat, alarms  awssns.Topic
	undelivered, failures  awssqs.Queue
	unshown                awssqs.Queue // nil without Slack
	teller                 awsiam.Role
	logs                   map[string]awslogs.LogGroup
	order                  []string // the names of the functions
	functions              map[string]awslambda.Function
	machine                awsstepfunctions.StateMachine
}

func newHub(app awscdk.App, set settings, src sources) error {
	stack := awscdk.NewStack(app, str("Diffy"), &awscdk.StackProps{
		StackName:   str(set.title()),
		Description: str("diffy: finds the hosts of a group that differ from their peers, from osquery evidence"),
	})
	limitRoles(stack, set)
	if set.HostTag == "" {
		sayLoudly(stack, "every-host", "hostTag is not set: diffy may run its document on every instance of the account. "+
			"hostTag=Key=Value limits it to instances with that tag.")
	}
	h := &hub{stack: stack, set: set}
	h.newKey()
	h.newBuckets()
	h.newTable()
	h.newTopics()
	h.newQueues()
	newDocument(stack, set, src.document)
	h.newFunctions(src.dist)
	if err := h.newMachine(src.definition); err != nil {
		return err
	}
	h.newTriggers()
	h.newSlack()
	h.newAccess()
	h.newAlarms()
	h.newDashboard()
	h.newOutputs()
	return nil
}

// output is one thing that the stack tells.
type output struct {
	id, does string
	value    *string
}

// newOutputs tells whoever deployed what the command line and the console ask for.
// The command line reads the names in pkg/cloud/deployment.go.
func (h *hub) newOutputs() {
	all := []output{
		{"StateMachineArn", "start a run here", h.machine.StateMachineArn()},
		{"TableName", "baselines, runs, locks, suppressions", h.table.TableName()},
		{"IntakeBucketName", "hosts upload here; pinned osquery releases under artifacts/", h.intake.BucketName()},
		{"EvidenceBucketName", "snapshots as uploaded, locked", h.evidence.BucketName()},
		{"WorkBucketName", "results and reports", h.work.BucketName()},
		{"ResultsTopicArn", "subscribe to learn of outliers", h.results.TopicArn()},
		{"ChatTopicArn", "for Amazon Q in chat applications", h.chat.TopicArn()},
		{"AlarmsTopicArn", "subscribe to learn of failures of diffy itself", h.alarms.TopicArn()},
		{"DocumentName", "what commands run, in every region", str(h.set.document())},
		{"TargetRoleName", "assumed where hosts of other accounts are", str(h.set.target())},
		{"ExternalId", "said when that role is assumed", str(h.set.ExternalID)},
		{"GroupTag", "makes a group of instances that share nothing else", str(h.set.GroupTag)},
	}
	for _, o := range all {
		if *o.value == "" {
			continue // not chosen, and an output has a value
		}
		awscdk.NewCfnOutput(h.stack, str(o.id), &awscdk.CfnOutputProps{Value: o.value, Description: str(o.does)})
	}
}
