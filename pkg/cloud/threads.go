package cloud

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"diffy/pkg/pipeline"
)

// The partition of an incident's messages, and the sort key of its thread.
const (
	sentPrefix = "sent#"
	threadKey  = "thread"
)

// threadDays is how long it is remembered what was sent of an incident.
const threadDays = 400 * 24 * time.Hour

// Claim implements pipeline.Threads.
func (t *Table) Claim(ctx context.Context, incident, owner string, now, until time.Time) (pipeline.Thread, error) {
	out, err := t.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &t.name, Key: key(sentPrefix+incident, threadKey),
		UpdateExpression:         aws.String("SET #owner = :owner, #until = :until, #ttl = :ttl"),
		ConditionExpression:      aws.String("attribute_not_exists(#owner) OR #owner = :owner OR #until <= :now"),
		ExpressionAttributeNames: map[string]string{"#owner": "owner", "#until": "until", "#ttl": "ttl"},
		ExpressionAttributeValues: item{
			":owner": text(owner), ":until": number(until.UnixMilli()), ":now": number(now.UnixMilli()), ":ttl": ttl(now.Add(threadDays)),
		},
		ReturnValues: types.ReturnValueAllNew,
	})
	thread := pipeline.Thread{Incident: incident}
	if _, held := refused(err); held {
		return thread, fmt.Errorf("claim the thread of %s: another call is at it: %w", incident, pipeline.ErrExists)
	}
	if err != nil {
		return thread, failed(err, "claim the thread of %s", incident)
	}
	if err := decode(out.Attributes, &thread); err != nil {
		return thread, err
	}
	thread.Incident = incident
	return thread, nil
}

// Keep implements pipeline.Threads.
func (t *Table) Keep(ctx context.Context, thread pipeline.Thread, owner string) error {
	sent, err := attributevalue.MarshalWithOptions(thread.Sent, func(o *attributevalue.EncoderOptions) { o.TagKey = "json" })
	if err != nil {
		return fmt.Errorf("encode the thread of %s: %w", thread.Incident, err)
	}
	_, err = t.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &t.name, Key: key(sentPrefix+thread.Incident, threadKey),
		UpdateExpression:         aws.String("SET #root = :root, #shown = :shown, #sent = :sent REMOVE #owner, #until"),
		ConditionExpression:      aws.String("#owner = :owner"),
		ExpressionAttributeNames: map[string]string{"#root": "root", "#shown": "shown", "#sent": "sent", "#owner": "owner", "#until": "until"},
		ExpressionAttributeValues: item{
			":root": text(thread.Root), ":shown": text(thread.Shown), ":sent": sent, ":owner": text(owner),
		},
	})
	if _, lost := refused(err); lost {
		return fmt.Errorf("keep the thread of %s for %s: %w", thread.Incident, owner, pipeline.ErrNotFound)
	}
	if err != nil {
		return failed(err, "keep the thread of %s", thread.Incident)
	}
	return nil
}
