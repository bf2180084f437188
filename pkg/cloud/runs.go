package cloud

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"diffy/pkg/pipeline"
)

// SaveRun implements pipeline.Runs.
func (t *Table) SaveRun(ctx context.Context, r pipeline.Run) error {
	return t.putRun(ctx, r, nil)
}

// BeginRun implements pipeline.Runs.
func (t *Table) BeginRun(ctx context.Context, r pipeline.Run) error {
	return t.putRun(ctx, r, aws.String("attribute_not_exists(pk)"))
}

func (t *Table) putRun(ctx context.Context, r pipeline.Run, condition *string) error {
	it, err := encode(runPrefix+r.ID, metaKey, r)
	if err != nil {
		return err
	}
	if r.Started != "" { // an index takes no empty key
		it["kind"] = text("run")
	} else {
		delete(it, "started")
	}
	_, err = t.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &t.name, Item: it, ConditionExpression: condition})
	_, taken := refused(err)
	switch {
	case taken:
		return fmt.Errorf("save run %s: %w", r.ID, pipeline.ErrExists)
	case err != nil:
		return failed(err, "save run %s", r.ID)
	}
	return nil
}

// LoadRun implements pipeline.Runs.
func (t *Table) LoadRun(ctx context.Context, id string) (pipeline.Run, error) {
	var r pipeline.Run
	it, err := t.get(ctx, runPrefix+id, metaKey)
	if err != nil {
		return r, fmt.Errorf("load run %s: %w", id, err)
	}
	return r, decode(it, &r)
}

// get reads one item, consistently. ErrNotFound when there is none.
func (t *Table) get(ctx context.Context, pk, sk string) (item, error) {
	out, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &t.name, Key: key(pk, sk), ConsistentRead: aws.Bool(true),
	})
	switch {
	case err != nil:
		return nil, failed(err, "read %s %s", pk, sk)
	case out.Item == nil:
		return nil, fmt.Errorf("read %s %s: %w", pk, sk, pipeline.ErrNotFound)
	}
	return out.Item, nil
}

// query reads the items of a partition whose sort keys begin so, in their order,
// consistently.
func (t *Table) query(ctx context.Context, pk, prefix string) ([]item, error) {
	in := &dynamodb.QueryInput{
		TableName: &t.name, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("pk = :pk"),
		ExpressionAttributeValues: item{":pk": text(pk)},
	}
	if prefix != "" {
		in.KeyConditionExpression = aws.String("pk = :pk AND begins_with(sk, :prefix)")
		in.ExpressionAttributeValues[":prefix"] = text(prefix)
	}
	var items []item
	for pages := dynamodb.NewQueryPaginator(t.client, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, failed(err, "query %s", pk)
		}
		items = append(items, page.Items...)
	}
	return items, nil
}
