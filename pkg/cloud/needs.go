package cloud

import "strings"

// need is something that somebody has to be allowed, in IAM's words. Without on
// the action has no resources to name.
type need struct {
	does    string // "start a run"
	action  string
	on      func(names) string
	records string // partition key of the records; "" for none
	via     string // the service through which the key is used; "" for none
}

// needs of somebody: a function, or who types a command.
type needs struct {
	who  string
	what []need
}

// names are those of the parts of a deployment.
type names struct {
	cfg       Config
	partition string
	base      string // begins all names: "diffy"
	key       string // ARN of the key; "" when it is not known
}

func namesOf(cfg Config, key string) names {
	return names{cfg, partition(cfg.StateMachine), strings.TrimSuffix(last(cfg.StateMachine), "-triage"), key}
}

// function is the full name of a function, and of its role.
func (n names) function(step string) string { return n.base + "-" + step }

func (n names) role(step string) string { return n.arn("iam", "", "role/"+n.function(step)) }

func (n names) arn(service, region, resource string) string {
	return strings.Join([]string{"arn", n.partition, service, region, n.cfg.Account, resource}, ":")
}

func (n names) machine() string { return n.cfg.StateMachine }

func (n names) run() string {
	return n.arn("states", n.cfg.Region, "execution:"+last(n.cfg.StateMachine)+":doctor")
}

func (n names) topic() string { return n.cfg.Topic }

func (n names) table() string { return n.arn("dynamodb", n.cfg.Region, "table/"+n.cfg.Table) }

func (n names) index() string { return n.table() + "/index/runs" }

func (n names) document() string { return n.arn("ssm", n.cfg.Region, "document/"+n.cfg.Document) }

func (n names) anyInstance() string {
	return n.arn("ec2", n.cfg.Region, "instance/i-00000000000000000")
}

func (n names) object(bucket, key string) string {
	return "arn:" + n.partition + ":s3:::" + bucket + "/" + key
}

func (n names) evidence() string { return n.object(n.cfg.Evidence, "runs/doctor/manifest.json") }

func (n names) evidenceBucket() string { return "arn:" + n.partition + ":s3:::" + n.cfg.Evidence }

func (n names) workBucket() string { return "arn:" + n.partition + ":s3:::" + n.cfg.Work }

func (n names) intakeBucket() string { return "arn:" + n.partition + ":s3:::" + n.cfg.Intake }

func (n names) collect() string {
	return n.arn("lambda", n.cfg.Region, "function:"+n.function("collect"))
}

func (n names) analyze() string {
	return n.arn("lambda", n.cfg.Region, "function:"+n.function("analyze"))
}

func (n names) work() string { return n.object(n.cfg.Work, "runs/doctor/result.json") }

func (n names) theKey() string { return n.key }

func (n names) upload() string { return n.object(n.cfg.Intake, "intake/doctor") }

func (n names) bundle() string { return n.object(n.cfg.Intake, "artifacts/bundles/doctor.tsv") }

func (n names) release() string { return n.object(n.cfg.Intake, "artifacts/osquery/doctor.tar.gz") }

// peopleNeeds are the permissions of each command that speaks to AWS. Each also finds
// the deployment by its stack (cloudformation:DescribeStacks), unless the environment
// names its parts.
var peopleNeeds = []needs{
	{"diffy triage", []need{
		{does: "start a run", action: "states:StartExecution", on: names.machine},
		{does: "follow it", action: "states:DescribeExecution", on: names.run},
		{does: "read its record", action: "dynamodb:GetItem", on: names.table, records: "run#doctor"},
		{does: "read its results", action: "s3:GetObject", on: names.work},
		{does: "see which are there", action: "s3:ListBucket", on: names.workBucket},
		{does: "decrypt them", action: "kms:Decrypt", on: names.theKey, via: "s3"},
	}},
	{"diffy triage --plan", []need{
		{does: "find hosts", action: "ec2:DescribeInstances"},
		{does: "ask SSM for agents", action: "ssm:DescribeInstanceInformation"},
	}},
	{"diffy runs list, show, report", []need{
		{does: "list runs", action: "dynamodb:Query", on: names.index},
		{does: "read a run", action: "dynamodb:GetItem", on: names.table, records: "run#doctor"},
		{does: "see how far it is", action: "states:DescribeExecution", on: names.run},
		{does: "read its results", action: "s3:GetObject", on: names.work},
	}},
	{"diffy runs stop", []need{
		{does: "stop a run", action: "states:StopExecution", on: names.run},
		{does: "find its commands", action: "ssm:ListCommands"},
		{does: "cancel its commands", action: "ssm:CancelCommand"},
		{does: "have what is there analysed", action: "lambda:InvokeFunction", on: names.analyze},
	}},
	{"diffy runs rebuild", []need{
		{does: "read its evidence", action: "s3:GetObject", on: names.evidence},
		{does: "write results again", action: "s3:PutObject", on: names.work},
		{does: "encrypt them", action: "kms:GenerateDataKey", on: names.theKey, via: "s3"},
		{does: "record what was found", action: "dynamodb:PutItem", on: names.table, records: "run#doctor"},
	}},
	{"diffy verify", []need{
		{does: "list evidence in all versions", action: "s3:ListBucketVersions", on: names.evidenceBucket},
		{does: "read evidence", action: "s3:GetObject", on: names.evidence},
		{does: "read a version of it", action: "s3:GetObjectVersion", on: names.evidence},
		{does: "see how long it is locked", action: "s3:GetObjectRetention", on: names.evidence},
	}},
	{"diffy baseline list, show, compare", []need{
		{does: "read baselines", action: "dynamodb:Query", on: names.table, records: "group#doctor"},
		{does: "read approvals", action: "dynamodb:Query", on: names.table, records: "approved#doctor"},
	}},
	{"diffy baseline create, approve, delete", []need{
		{does: "store one", action: "dynamodb:PutItem", on: names.table, records: "group#doctor"},
		{does: "approve one", action: "dynamodb:PutItem", on: names.table, records: "approved#doctor"},
		{does: "delete one", action: "dynamodb:DeleteItem", on: names.table, records: "group#doctor"},
		{does: "take an approval back", action: "dynamodb:DeleteItem", on: names.table, records: "approved#doctor"},
		{does: "encrypt", action: "kms:GenerateDataKey", on: names.theKey, via: "dynamodb"},
	}},
	{"diffy suppress", []need{
		{does: "read suppressions", action: "dynamodb:Query", on: names.table, records: "suppression#doctor"},
		{does: "suppress a finding", action: "dynamodb:PutItem", on: names.table, records: "suppression#doctor"},
		{does: "take that back", action: "dynamodb:DeleteItem", on: names.table, records: "suppression#doctor"},
	}},
	{"diffy trigger --start", []need{
		{does: "find hosts", action: "ec2:DescribeInstances"},
		{does: "know the finding", action: "dynamodb:PutItem", on: names.table, records: "finding#doctor"},
		{does: "count the runs of the hour", action: "dynamodb:UpdateItem", on: names.table, records: "quota#doctor"},
		{does: "lock the group", action: "dynamodb:UpdateItem", on: names.table, records: "group#doctor"},
		{does: "start a run", action: "states:StartExecution", on: names.machine},
		{does: "tell of samples", action: "sns:Publish", on: names.topic},
	}},
	{"diffy doctor", []need{
		{does: "describe the table", action: "dynamodb:DescribeTable", on: names.table},
		{does: "describe the state machine", action: "states:DescribeStateMachine", on: names.machine},
		{does: "count who is told", action: "sns:ListSubscriptionsByTopic", on: names.topic},
		{does: "see which osquery is pinned", action: "lambda:GetFunctionConfiguration", on: names.collect},
		{does: "see whether it is there", action: "s3:ListBucket", on: names.intakeBucket},
		{does: "know the quota of functions", action: "lambda:GetAccountSettings"},
	}},
	{"diffy osquery upload", []need{
		{does: "put a release into the artifacts", action: "s3:PutObject", on: names.release},
		{does: "see whether it is there", action: "s3:GetObject", on: names.release},
	}},
}

// functionNeeds are the permissions without which a function fails a run.
var functionNeeds = []needs{
	{"trigger", []need{
		{does: "find hosts", action: "ec2:DescribeInstances"},
		{does: "lock the group", action: "dynamodb:UpdateItem", on: names.table, records: "group#doctor"},
		{does: "know the finding", action: "dynamodb:PutItem", on: names.table, records: "finding#doctor"},
		{does: "count the runs of the hour", action: "dynamodb:UpdateItem", on: names.table, records: "quota#doctor"},
		{does: "start a run", action: "states:StartExecution", on: names.machine},
		{does: "tell of samples", action: "sns:Publish", on: names.topic},
	}},
	{"resolve", []need{
		{does: "find hosts", action: "ec2:DescribeInstances"},
		{does: "ask SSM for agents", action: "ssm:DescribeInstanceInformation"},
		{does: "keep the plan", action: "s3:PutObject", on: names.work},
		{does: "keep the request", action: "s3:PutObject", on: names.evidence},
		{does: "put the queries where hosts fetch them", action: "s3:PutObject", on: names.bundle},
		{does: "record the run", action: "dynamodb:PutItem", on: names.table, records: "run#doctor"},
	}},
	{"collect", []need{
		{does: "send the document", action: "ssm:SendCommand", on: names.document},
		{does: "send it to instances", action: "ssm:SendCommand", on: names.anyInstance},
		{does: "sign uploads", action: "s3:PutObject", on: names.upload},
		{does: "sign the download of the queries", action: "s3:GetObject", on: names.bundle},
	}},
	{"poll", []need{
		{does: "follow commands", action: "ssm:ListCommandInvocations"},
		{does: "cancel commands", action: "ssm:CancelCommand"},
	}},
	{"extract", []need{
		{does: "read uploads", action: "s3:GetObject", on: names.upload},
		{does: "keep evidence", action: "s3:PutObject", on: names.evidence},
		{does: "keep facts", action: "s3:PutObject", on: names.work},
		{does: "encrypt them", action: "kms:GenerateDataKey", on: names.theKey, via: "s3"},
	}},
	{"analyze", []need{
		{does: "read facts", action: "s3:GetObject", on: names.work},
		{does: "keep results", action: "s3:PutObject", on: names.work},
		{does: "read baselines", action: "dynamodb:Query", on: names.table, records: "group#doctor"},
		{does: "read approvals", action: "dynamodb:Query", on: names.table, records: "approved#doctor"},
		{does: "decrypt", action: "kms:Decrypt", on: names.theKey, via: "dynamodb"},
		{does: "read suppressions", action: "dynamodb:Query", on: names.table, records: "suppression#doctor"},
	}},
	{"publish", []need{
		{does: "read results", action: "s3:GetObject", on: names.work},
		{does: "tell how the run ended", action: "sns:Publish", on: names.topic},
		{does: "encrypt the message", action: "kms:GenerateDataKey", on: names.theKey, via: "sns"},
		{does: "free the group", action: "dynamodb:UpdateItem", on: names.table, records: "group#doctor"},
	}},
	{"fail", []need{
		{does: "record the failure", action: "dynamodb:PutItem", on: names.table, records: "run#doctor"},
		{does: "tell of it", action: "sns:Publish", on: names.topic},
	}},
}
