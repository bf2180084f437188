package cloud

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"diffy/pkg/pipeline"
)

// lockItem is a lock as it is stored. Expires is in milliseconds since 1970, so
// that a condition can compare it.
type lockItem struct {
	Group    string  `json:"group"`
	Run      string  `json:"run"`
	Severity float64 `json:"severity"`
	Expires  int64   `json:"expires"`
}

// Take implements pipeline.Locks.
func (t *Table) Take(ctx context.Context, l pipeline.Lock, now time.Time) (pipeline.Lock, error) {
	it, err := encode(groupPrefix+l.Group, lockKey, lockItem{l.Group, l.Run, l.Severity, l.Expires.UnixMilli()})
	if err != nil {
		return pipeline.Lock{}, err
	}
	it["ttl"] = ttl(l.Expires)
	_, err = t.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &t.name, Item: it,
		ConditionExpression:       aws.String("attribute_not_exists(pk) OR expires <= :now OR #run = :run"),
		ExpressionAttributeNames:  map[string]string{"#run": "run"},
		ExpressionAttributeValues: item{":now": number(now.UnixMilli()), ":run": text(l.Run)},

		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	held, isHeld := refused(err)
	switch {
	case isHeld:
		return lockOf(held)
	case err != nil:
		return pipeline.Lock{}, failed(err, "take lock of %s", l.Group)
	}
	return l, nil
}

func lockOf(it item) (pipeline.Lock, error) {
	var l lockItem
	if err := decode(it, &l); err != nil {
		return pipeline.Lock{}, err
	}
	return pipeline.Lock{Group: l.Group, Run: l.Run, Severity: l.Severity, Expires: time.UnixMilli(l.Expires).UTC()}, nil
}

// Extend implements pipeline.Locks.
func (t *Table) Extend(ctx context.Context, group, run string, expires time.Time) error {
	_, err := t.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &t.name, Key: key(groupPrefix+group, lockKey),
		UpdateExpression:          aws.String("SET expires = :expires, #ttl = :ttl"),
		ConditionExpression:       aws.String("#run = :run"),
		ExpressionAttributeNames:  map[string]string{"#run": "run", "#ttl": "ttl"},
		ExpressionAttributeValues: item{":run": text(run), ":expires": number(expires.UnixMilli()), ":ttl": ttl(expires)},
	})
	_, other := refused(err)
	switch {
	case other:
		return fmt.Errorf("extend lock of %s for %s: %w", group, run, pipeline.ErrNotFound)
	case err != nil:
		return failed(err, "extend lock of %s for %s", group, run)
	}
	return nil
}

// Release implements pipeline.Locks.
func (t *Table) Release(ctx context.Context, group, run string) error {
	_, err := t.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &t.name, Key: key(groupPrefix+group, lockKey),
		ConditionExpression:       aws.String("#run = :run"),
		ExpressionAttributeNames:  map[string]string{"#run": "run"},
		ExpressionAttributeValues: item{":run": text(run)},
	})
	if _, other := refused(err); err != nil && !other {
		return failed(err, "release lock of %s for %s", group, run)
	}
	return nil
}
