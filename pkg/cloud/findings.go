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

const (
	findingPrefix = "finding#"
	quotaPrefix   = "quota#"
)

// SaveFinding implements pipeline.Findings.
func (t *Table) SaveFinding(ctx context.Context, group string, f pipeline.Sighting) error {
	it, err := encode(findingPrefix+group, f.ID, f)
	if err != nil {
		return err
	}
	it["ttl"] = ttlAfter(f.Seen, stormKept)
	_, err = t.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &t.name, Item: it,
		ConditionExpression:       aws.String("attribute_not_exists(pk) OR #updated <= :updated"),
		ExpressionAttributeNames:  map[string]string{"#updated": "updated"},
		ExpressionAttributeValues: item{":updated": text(f.Updated)},
	})
	_, later := refused(err)
	switch {
	case later:
		return fmt.Errorf("save finding %s of %s: %w", f.ID, group, pipeline.ErrExists)
	case err != nil:
		return failed(err, "save finding %s of %s", f.ID, group)
	}
	return nil
}

// LoadFinding implements pipeline.Findings.
func (t *Table) LoadFinding(ctx context.Context, group, id string) (f pipeline.Sighting, err error) {
	it, err := t.get(ctx, findingPrefix+group, id)
	if err != nil {
		return f, fmt.Errorf("load finding %s of %s: %w", id, group, err)
	}
	return f, decode(it, &f)
}

// Findings implements pipeline.Findings.
func (t *Table) Findings(ctx context.Context, group string) ([]pipeline.Sighting, error) {
	items, err := t.query(ctx, findingPrefix+group, "")
	if err != nil {
		return nil, fmt.Errorf("read findings of %s: %w", group, err)
	}
	all := make([]pipeline.Sighting, len(items))
	for i, it := range items {
		if err := decode(it, &all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Admit implements pipeline.Quotas: the names of one hour are a set in one item.
func (t *Table) Admit(ctx context.Context, q pipeline.Quota) (bool, error) {
	u := update{
		key:  key(quotaPrefix+q.What, q.Window()),
		when: "attribute_not_exists(pk) OR size(#names) < :limit OR contains(#names, :name)",
	}
	u.add("names", texts(q.Name)).set("ttl", ttlAfter(q.Hour, stormKept)).
		value(":limit", number(int64(q.Limit))).value(":name", text(q.Name))
	_, refused, err := t.update(ctx, u)
	if err != nil {
		return false, failed(err, "count %s of %s", q.What, q.Window())
	}
	return refused == nil, nil
}

// ttlAfter is when DynamoDB may delete an item. It deletes late, so nothing that
// reads may take the item's presence for its validity.
func ttlAfter(at time.Time, kept time.Duration) types.AttributeValue {
	return number(at.Add(kept).Unix())
}
