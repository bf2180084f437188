package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
)

// newAccess makes what people are given: a policy for responders, one for readers,
// and the one role that can lift the lock.
func (h *hub) newAccess() {
	reader := h.readerGrants()
	h.newPolicy("ReaderPolicy", h.set.title()+"Reader", "Reads runs, results and evidence of diffy", reader)
	h.newPolicy("ResponderPolicy", h.set.title()+"Responder",
		"Plans, starts, follows and stops runs of diffy and rebuilds their results; approves baselines and suppresses findings", append(reader, h.responderGrants()...))
	h.newBreakGlass()
}

func (h *hub) newPolicy(id, name, does string, grants []grant) {
	policy := awsiam.NewManagedPolicy(h.stack, str(id), &awsiam.ManagedPolicyProps{
		ManagedPolicyName: str(name),
		Description:       str(does),
		Document:          document(grants),
	})
	named(policy, id)
	excuse(policy, grants)
}

func (h *hub) readerGrants() []grant {
	return append(h.doctorGrants(), []grant{
		{
			sid: "ReadObjects", actions: []string{"s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectRetention"},
			on:  []string{*h.work.ArnForObjects(str("runs/*")), *h.evidence.ArnForObjects(str("runs/*"))},
			why: "Results and evidence of every run, and of nothing else.",
		},
		{sid: "ListObjects", actions: []string{"s3:ListBucket", "s3:ListBucketVersions"}, on: []string{*h.work.BucketArn(), *h.evidence.BucketArn()}},
		{
			sid: "ReadRecords", actions: []string{"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"},
			on:  []string{*h.table.TableArn(), *h.table.TableArn() + "/index/*"},
			why: "The table's own index.",
		},
		{
			sid:     "FollowRuns",
			actions: []string{"states:DescribeExecution", "states:GetExecutionHistory", "states:ListMapRuns", "states:DescribeMapRun"},
			on:      append(h.runArns(), here("states", "mapRun:"+h.set.machine()+"/*")),
			why:     "Every execution of the one state machine.",
		},
		{
			sid: "FindDeployment", actions: []string{"cloudformation:DescribeStacks"}, on: []string{*h.stack.StackId()},
		},
		{sid: "ListRuns", actions: []string{"states:ListExecutions", "states:DescribeStateMachine"}, on: []string{h.machineArn()}},
		h.readThrough("dynamodb", "s3"),
	}...)
}

// doctorGrants let `diffy doctor` see what is missing before a run would work. What
// the caller's own role may it asks only where the account lets them.
func (h *hub) doctorGrants() []grant {
	return []grant{
		{
			sid: "LookAtParts", actions: []string{"dynamodb:DescribeTable", "sns:ListSubscriptionsByTopic", "lambda:GetFunctionConfiguration", "s3:ListBucket"},
			on: []string{*h.table.TableArn(), *h.results.TopicArn(), *h.functions["collect"].FunctionArn(), *h.intake.BucketArn()},
		},
		{
			sid: "ReadQuota", actions: []string{"lambda:GetAccountSettings"}, on: []string{"*"},
			why: "Lambda has no resource to name for the account. It reads limits.",
		},
		{
			sid: "AskOfFunctions", actions: []string{"iam:SimulatePrincipalPolicy"}, on: []string{roleArn(h.set.role("*"))},
			why: "The roles of diffy's functions: whether they may do something, which does nothing.",
		},
	}
}

func (h *hub) responderGrants() []grant {
	return append(h.keyThrough("dynamodb", "s3", "sns"), []grant{
		h.startRuns(),
		{sid: "StopRuns", actions: []string{"states:StopExecution"}, on: h.runArns(), why: "Every execution of the one state machine."},
		listCommands(), cancelCommands(),
		{sid: "AnalyseStopped", actions: []string{"lambda:InvokeFunction"}, on: []string{*h.functions["analyze"].FunctionArn()}},
		describeInstances(), describeManaged(),
		{
			sid: "ReadDocument", actions: []string{"ssm:DescribeDocument", "ssm:GetDocument"},
			on:  []string{arn("ssm", "*", *awscdk.Aws_ACCOUNT_ID(), "document/"+h.set.document())},
			why: "The one document, in every region where it has been put.",
		},
		{sid: "RebuildResults", actions: []string{"s3:PutObject"}, on: []string{*h.work.ArnForObjects(str("runs/*"))}, why: perRun},
		h.items("Decide", []string{"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}, "approved#*", "suppression#*", "group#*", "run#*"),
		h.items("Drill", []string{"dynamodb:PutItem", "dynamodb:UpdateItem"}, "finding#*", "quota#*"), h.publishTo(),
		h.pinOsquery(),
	}...)
}

// pinOsquery puts releases of osquery where hosts fetch them, in the members too,
// whose buckets let the hub's people in for that. Hosts run none that does not have
// the sha256 that was deployed.
func (h *hub) pinOsquery() grant {
	accounts := append([]string{*awscdk.Aws_ACCOUNT_ID()}, h.set.MemberAccounts...)
	g := grant{
		sid: "PinOsquery", actions: []string{"s3:GetObject", "s3:PutObject"},
		when: map[string]any{"StringEquals": map[string]any{"s3:ResourceAccount": accounts}},
		why:  "Keys hold the digest of a release; the bucket's region is that of the hosts.",
	}
	for _, account := range accounts {
		g.on = append(g.on, arn("s3", "", "", h.set.intake(account, "*"))+"/"+pinnedReleases)
	}
	return g
}

// newBreakGlass makes the role that the policies of key and evidence except. It
// can do what nobody else can, and nothing besides.
func (h *hub) newBreakGlass() {
	var by awsiam.IPrincipal = awsiam.NewAccountRootPrincipal().WithConditions(&map[string]any{
		"Bool": map[string]any{"aws:MultiFactorAuthPresent": "true"},
	})
	if h.set.BreakGlassPrincipal != "" {
		by = awsiam.NewArnPrincipal(str(h.set.BreakGlassPrincipal))
	}
	role := newRole(h.stack, "BreakGlassRole", h.set.breakGlass(), "Lifts the lock of evidence and disables its key; each use is an incident", by, []grant{
		{
			sid: "LiftTheLock", on: []string{*h.evidence.BucketArn(), *h.evidence.ArnForObjects(str("*"))},
			actions: []string{
				"s3:BypassGovernanceRetention", "s3:PutObjectRetention", "s3:GetObjectRetention", "s3:DeleteObject", "s3:DeleteObjectVersion",
				"s3:ListBucket", "s3:ListBucketVersions", "s3:PutBucketObjectLockConfiguration", "s3:GetBucketObjectLockConfiguration",
			},
			why: "Which object has to go is not known before.",
		},
		{
			sid: "EndTheKey", on: []string{*h.key.KeyArn()},
			actions: []string{"kms:DescribeKey", "kms:DisableKey", "kms:EnableKey", "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion"},
		},
	})
	role.Node().DefaultChild().(awsiam.CfnRole).SetMaxSessionDuration(num(3600))
}
