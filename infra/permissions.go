package main

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
)

// What the functions may do to what the hub keeps, each grant in one place with
// the reason for its reach.

const perRun = "Every run has a prefix of its own, made at run time."

// items allows the actions on items whose partition key begins so. A request that
// names no key would satisfy "each of its keys", so that it must name one.
func (h *hub) items(sid string, actions []string, keys ...string) grant {
	return grant{
		sid: sid, actions: actions, on: []string{*h.table.TableArn()},
		when: map[string]any{
			"ForAllValues:StringLike": map[string]any{"dynamodb:LeadingKeys": keys},
			"Null":                    map[string]any{"dynamodb:LeadingKeys": "false"},
		},
	}
}

// keyThrough allows to use the key, but only through these services. DynamoDB wants
// all of useKey of whoever calls it; to write and read elsewhere takes a data key.
func (h *hub) keyThrough(services ...string) []grant {
	var grants []grant
	others := slices.DeleteFunc(slices.Clone(services), func(s string) bool { return s == "dynamodb" })
	if len(others) < len(services) {
		grants = append(grants, grant{sid: "UseKeyOfRecords", actions: useKey, on: []string{*h.key.KeyArn()}, when: through([]string{"dynamodb"})})
	}
	if len(others) > 0 {
		grants = append(grants, grant{
			sid: "UseKey", actions: []string{"kms:Decrypt", "kms:GenerateDataKey"}, on: []string{*h.key.KeyArn()}, when: through(others),
		})
	}
	return grants
}

// readThrough allows to decrypt with the key, but only through these services.
func (h *hub) readThrough(services ...string) grant {
	return grant{sid: "ReadKey", actions: []string{"kms:Decrypt", "kms:DescribeKey"}, on: []string{*h.key.KeyArn()}, when: through(services)}
}

func through(services []string) map[string]any {
	var via []string
	for _, s := range services {
		via = append(via, s+"."+*awscdk.Aws_REGION()+".amazonaws.com")
	}
	return map[string]any{"StringEquals": map[string]any{"kms:ViaService": via}}
}

func (h *hub) publishTo() grant {
	return grant{sid: "Publish", actions: []string{"sns:Publish"}, on: []string{*h.results.TopicArn(), *h.chat.TopicArn()}}
}

func (h *hub) sendTo(queue awssqs.Queue) grant {
	return grant{sid: "KeepFailures", actions: []string{"sqs:SendMessage"}, on: []string{*queue.QueueArn()}}
}

// machineArn names the state machine before it is made: the functions that it
// calls are told it.
func (h *hub) machineArn() string { return here("states", "stateMachine:"+h.set.machine()) }

// runArns names every execution, those of the branches of a map included.
func (h *hub) runArns() []string {
	return []string{here("states", "execution:"+h.set.machine()+":*"), here("states", "execution:"+h.set.machine()+"/*")}
}

func (h *hub) startRuns() grant {
	return grant{sid: "StartRuns", actions: []string{"states:StartExecution"}, on: []string{h.machineArn()}}
}

func (h *hub) readWork() grant {
	return grant{sid: "ReadResults", actions: []string{"s3:GetObject"}, on: []string{*h.work.ArnForObjects(str("runs/*"))}, why: perRun}
}

func (h *hub) keepWork() grant {
	return grant{sid: "KeepResults", actions: []string{"s3:GetObject", "s3:PutObject"}, on: []string{*h.work.ArnForObjects(str("runs/*"))}, why: perRun}
}

// keepEvidence writes what is locked from then on, and reads it again to compare.
func (h *hub) keepEvidence() grant {
	return grant{sid: "KeepEvidence", actions: []string{"s3:GetObject", "s3:PutObject"}, on: []string{*h.evidence.ArnForObjects(str("runs/*"))}, why: perRun}
}

// tellMissing lets S3 answer that an object is not there; without it, a missing
// object is a denied one. It has no condition on the prefix: a GET has none, and
// the answer would be denied again.
func (h *hub) tellMissing(buckets ...awss3.Bucket) grant {
	g := grant{sid: "TellMissing", actions: []string{"s3:ListBucket"}}
	for _, b := range buckets {
		g.on = append(g.on, *b.BucketArn())
	}
	return g
}
