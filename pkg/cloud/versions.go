package cloud

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"diffy/pkg/pipeline"
)

// Versions lists the baselines of a group, newest first, weak ones last.
func (t *Table) Versions(ctx context.Context, group string) ([]pipeline.Version, error) {
	headers, err := t.headers(ctx, group)
	if err != nil {
		return nil, fmt.Errorf("list baselines of %s: %w", group, err)
	}
	approved, err := t.approvals(ctx, group)
	if err != nil {
		return nil, err
	}
	good, _, err := t.good(ctx, group)
	if err != nil {
		return nil, err
	}
	var out []pipeline.Version
	for _, h := range headers {
		v := pipeline.Version{Baseline: h.baseline()}
		if a := approved[h.Version]; a.of(h) {
			v.Approved, v.Approval = true, a.Approval
		}
		out = append(out, v)
	}
	for _, g := range good {
		out = append(out, pipeline.Version{Baseline: g.baseline(group)})
	}
	pipeline.MarkUsed(out)
	return out, nil
}

// headers reads those of every version, newest first. It steps over the chunks, as
// to read them costs what the facts have in bytes.
func (t *Table) headers(ctx context.Context, group string) ([]header, error) {
	var out []header
	first, end := headerKey(""), "baseline$" // '$' comes after '#'
	for {
		page, err := t.client.Query(ctx, &dynamodb.QueryInput{
			TableName: &t.name, ConsistentRead: aws.Bool(true), Limit: aws.Int32(1),
			KeyConditionExpression:    aws.String("pk = :pk AND sk BETWEEN :first AND :end"),
			ExpressionAttributeValues: item{":pk": text(groupPrefix + group), ":first": text(first), ":end": text(end)},
		})
		if err != nil {
			return nil, failed(err, "query %s", groupPrefix+group)
		}
		if len(page.Items) == 0 {
			break
		}
		sk := page.Items[0]["sk"].(*types.AttributeValueMemberS).Value
		version, _, isChunk := strings.Cut(strings.TrimPrefix(sk, headerKey("")), "#")
		if !isChunk {
			var h header
			if err := decode(page.Items[0], &h); err != nil {
				return nil, err
			}
			out = append(out, h)
		}
		first = headerKey(version) + "$" // after the chunks of this version, before any other
	}
	slices.SortFunc(out, func(a, b header) int { return newestFirst(a.baseline(), b.baseline()) })
	return out, nil
}

// Groups names the groups that have baselines, in order. The index that says so is
// a moment behind: a group that was new a second ago may be missing.
func (t *Table) Groups(ctx context.Context) ([]string, error) {
	items, err := t.listed(ctx, kindBaseline)
	if err != nil {
		return nil, fmt.Errorf("list groups: %w", err)
	}
	groups := map[string]bool{}
	for _, it := range items {
		var h header
		if err := decode(it, &h); err != nil {
			return nil, err
		}
		groups[h.Group] = true
	}
	return slices.Sorted(maps.Keys(groups)), nil
}

// listed reads what the index has of one kind, in the order of "started".
func (t *Table) listed(ctx context.Context, kind string) ([]item, error) {
	var items []item
	pages := dynamodb.NewQueryPaginator(t.client, &dynamodb.QueryInput{
		TableName: &t.name, IndexName: aws.String("runs"),
		KeyConditionExpression:    aws.String("kind = :kind"),
		ExpressionAttributeValues: item{":kind": text(kind)},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, failed(err, "query %s", kind)
		}
		items = append(items, page.Items...)
	}
	return items, nil
}

// Delete removes a version, its approval, and the weak one of that name. The
// approval goes first, then the header, from when on nobody reads the version, then
// the chunks. Called again after it was interrupted it removes what is left.
func (t *Table) Delete(ctx context.Context, group, version string) error {
	found := false
	for _, step := range []func(ctx context.Context, group, version string) error{
		t.disapprove, t.removeHeader, t.pointElsewhere, t.forgetWeak, t.removeChunks,
	} {
		err := step(ctx, group, version)
		found = found || err == nil
		if err != nil && !errors.Is(err, pipeline.ErrNotFound) {
			return fmt.Errorf("delete baseline %s of %s: %w", version, group, err)
		}
	}
	if !found {
		return fmt.Errorf("delete baseline %s of %s: %w", version, group, pipeline.ErrNotFound)
	}
	return nil
}

func (t *Table) disapprove(ctx context.Context, group, version string) error {
	return t.remove(ctx, approvedPrefix+group, version)
}

func (t *Table) removeHeader(ctx context.Context, group, version string) error {
	return t.remove(ctx, groupPrefix+group, headerKey(version))
}

// pointElsewhere makes the latest of the other versions current where this one was.
// ErrNotFound when it was not.
func (t *Table) pointElsewhere(ctx context.Context, group, version string) error {
	headers, err := t.headers(ctx, group)
	if err != nil {
		return err
	}
	condition, values := aws.String("version = :version"), item{":version": text(version)}
	if len(headers) == 0 {
		_, err = t.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: &t.name, Key: key(groupPrefix+group, currentKey),
			ConditionExpression: condition, ExpressionAttributeValues: values,
		})
	} else {
		_, err = t.client.PutItem(ctx, &dynamodb.PutItemInput{
			TableName: &t.name, Item: pointer(headers[0]),
			ConditionExpression: condition, ExpressionAttributeValues: values,
		})
	}
	if _, other := refused(err); other {
		return pipeline.ErrNotFound
	}
	if err != nil {
		return failed(err, "point away from it")
	}
	return nil
}

// removeChunks removes the chunks of a version, also those that belong to no
// header. ErrNotFound when there are none.
func (t *Table) removeChunks(ctx context.Context, group, version string) error {
	found := pipeline.ErrNotFound
	pages := dynamodb.NewQueryPaginator(t.client, &dynamodb.QueryInput{
		TableName: &t.name, ConsistentRead: aws.Bool(true), ProjectionExpression: aws.String("pk, sk"),
		KeyConditionExpression:    aws.String("pk = :pk AND begins_with(sk, :prefix)"),
		ExpressionAttributeValues: item{":pk": text(groupPrefix + group), ":prefix": text(chunkPrefix(version))},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return failed(err, "query its chunks")
		}
		for _, it := range page.Items {
			if _, err := t.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &t.name, Key: it}); err != nil {
				return failed(err, "remove a chunk")
			}
			found = nil
		}
	}
	return found
}
