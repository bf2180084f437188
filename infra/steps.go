package main

import (
	"slices"
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
)

// What a function does to records, as DynamoDB's actions. None has a scan: it
// would pass by the condition on keys.
var (
	queryRecords = []string{"dynamodb:GetItem", "dynamodb:Query"}
	writeRecord  = []string{"dynamodb:GetItem", "dynamodb:PutItem"}
	useLock      = []string{"dynamodb:GetItem", "dynamodb:UpdateItem"} // on a condition
	freeLock     = []string{"dynamodb:UpdateItem"}
	keepFindings = []string{"dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem"}
	readFindings = []string{"dynamodb:Query"}
	keepBaseline = []string{"dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem"}
)

// steps lists every function with what it needs and what it may. Trigger and
// resolve look for hosts and cannot send them anything; analyze, publish and fail
// can reach none. No function can write approvals and suppressions: people do.
func (h *hub) steps() []step {
	account := *awscdk.Aws_ACCOUNT_ID()
	finder := slices.Concat([]grant{describeInstances()}, h.reachMembers(h.set.finder()))
	collector := h.reachMembers(h.set.target())
	return []step{
		{
			name: "trigger", does: "Starts one run for the group of hosts that a finding names",
			memory: 256, seconds: 60, event: true,
			env: h.triggerEnv(), key: []string{"dynamodb", "sns", "sqs"},
			may: slices.Concat(finder, []grant{
				h.items("Records", writeRecord, "run#*"), h.items("TakeLock", useLock, "group#*"),
				h.items("Findings", keepFindings, "finding#*"), h.items("CountRuns", []string{"dynamodb:UpdateItem"}, "quota#*"),
				h.startRuns(), h.publishTo(),
			}),
		},
		{
			name: "resolve", does: "Makes the plan of a run: group, hosts, batches, query bundle",
			memory: 1024, seconds: 300,
			env: h.env(h.set.target()), key: []string{"dynamodb", "s3"},
			may: slices.Concat([]grant{describeInstances(), describeManaged()}, collector, []grant{
				h.intakeObjects("WriteBundle", "s3:PutObject", "artifacts/bundles/*"),
				h.keepEvidence(), h.keepWork(), h.tellMissing(h.work, h.evidence),
				h.items("Records", writeRecord, "run#*"), h.items("ExtendLock", useLock, "group#*"), h.items("Findings", readFindings, "finding#*"),
			}),
		},
		{
			name: "collect", does: "Sends the collector to the hosts of one batch",
			memory: 256, seconds: 60, branch: true,
			env: h.collectEnv(), key: []string{"s3"},
			may: slices.Concat(sendCommands(h.set, account), []grant{describeManaged()}, collector, []grant{
				h.intakeObjects("SignUploads", "s3:PutObject", "intake/*"),
				h.intakeObjects("SignDownloads", "s3:GetObject", "artifacts/*"),
			}),
		},
		{
			name: "poll", does: "Looks whether the hosts of one batch are done",
			memory: 256, seconds: 60, branch: true,
			env: h.env(h.set.target()),
			may: slices.Concat([]grant{followCommands(), cancelCommands()}, collector),
		},
		{
			name: "extract", does: "Checks the digests of one batch, keeps the evidence, makes facts",
			memory: h.set.ExtractMemory, seconds: 900, branch: true,
			env: h.env(h.set.target()), key: []string{"s3"},
			may: slices.Concat([]grant{followCommands()}, collector, []grant{
				h.intakeObjects("ReadUploads", "s3:GetObject", "intake/*"), h.listIntake(),
				h.keepEvidence(), h.keepWork(), h.tellMissing(h.work, h.evidence),
			}),
		},
		{
			name: "analyze", does: "Compares the hosts of a run and writes result and report",
			memory: h.set.AnalyzeMemory, seconds: 900,
			env: h.env(h.set.target()), key: []string{"dynamodb", "s3"},
			may: []grant{
				h.keepEvidence(), h.keepWork(), h.tellMissing(h.work, h.evidence),
				h.items("Records", keepBaseline, "group#*", "run#*"),
				h.items("CloseLock", freeLock, "group#*"), h.items("Findings", readFindings, "finding#*"),
				h.items("Decisions", queryRecords, "approved#*", "suppression#*"),
			},
		},
		{
			name: "publish", does: "Tells how a run ended",
			memory: 512, seconds: 60,
			env: h.env(h.set.target()), key: []string{"dynamodb", "s3", "sns"},
			may: []grant{
				h.readWork(), h.tellMissing(h.work), h.publishTo(),
				h.items("Records", writeRecord, "run#*"), h.items("FreeLock", freeLock, "group#*"),
			},
		},
		{
			name: "fail", does: "Records and tells that a run has failed, and frees its group",
			memory: 256, seconds: 60, event: true,
			env: h.env(h.set.target()), key: []string{"dynamodb", "sns", "sqs"},
			may: []grant{
				h.publishTo(),
				h.items("Records", writeRecord, "run#*"), h.items("FreeLock", freeLock, "group#*"),
			},
		},
	}
}

// env is what a function is told: names, no secret. targetRole is assumed in
// other accounts than the hub's.
func (h *hub) env(targetRole string) map[string]*string {
	env := map[string]*string{
		"DIFFY_INTAKE_BUCKET":     h.intake.BucketName(),
		"DIFFY_EVIDENCE_BUCKET":   h.evidence.BucketName(),
		"DIFFY_WORK_BUCKET":       h.work.BucketName(),
		"DIFFY_TABLE":             h.table.TableName(),
		"DIFFY_TOPIC_ARN":         h.results.TopicArn(),
		"DIFFY_CHAT_TOPIC_ARN":    h.chat.TopicArn(),
		"DIFFY_STATE_MACHINE_ARN": str(h.machineArn()),
		"DIFFY_DOCUMENT":          str(h.set.document()),
		"DIFFY_TARGET_ROLE":       str(targetRole),
		"DIFFY_EXTERNAL_ID":       str(h.set.ExternalID),
	}
	if h.set.GroupTag != "" {
		env["DIFFY_GROUP_TAG"] = str(h.set.GroupTag)
	}
	return env
}

// triggerEnv also says how many runs findings may start.
func (h *hub) triggerEnv() map[string]*string {
	env := h.env(h.set.finder())
	env["DIFFY_RUNS_PER_HOUR"] = str(strconv.Itoa(h.set.RunsPerHour))
	return env
}

// collectEnv also says whose osquery runs on hosts.
func (h *hub) collectEnv() map[string]*string {
	env := h.env(h.set.target())
	env["DIFFY_OSQUERY"] = str(h.set.Osquery)
	if h.set.OsqueryX86 != "" {
		env["DIFFY_OSQUERY_X86_64"] = str(h.set.OsqueryX86)
	}
	if h.set.OsqueryArm != "" {
		env["DIFFY_OSQUERY_AARCH64"] = str(h.set.OsqueryArm)
	}
	return env
}
