package cloud

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// Suppressions implements pipeline.Suppressions.
func (t *Table) Suppressions(ctx context.Context, group string) ([]triage.Suppression, error) {
	var all []triage.Suppression
	for _, of := range []string{group, everyGroup} {
		items, err := t.query(ctx, suppressionPrefix+of, "")
		if err != nil {
			return nil, fmt.Errorf("read suppressions of %s: %w", of, err)
		}
		for _, it := range items {
			var s triage.Suppression
			if err := decode(it, &s); err != nil {
				return nil, err
			}
			all = append(all, s)
		}
	}
	slices.SortStableFunc(all, func(a, b triage.Suppression) int { return cmp.Compare(a.Finding, b.Finding) })
	return all, nil
}

// suppressionKey is where what is declared of a group is; without one, of all.
func suppressionKey(group string) string { return suppressionPrefix + cmp.Or(group, everyGroup) }

// Suppress declares a finding of a group known and good, in place of what was
// declared of it before. Without a group it counts in every one.
func (t *Table) Suppress(ctx context.Context, group string, s triage.Suppression) error {
	it, err := encode(suppressionKey(group), s.Finding, pipeline.Declared{Group: group, Suppression: s})
	if err != nil {
		return err
	}
	it["kind"], it["started"] = text(kindSuppression), text(s.Finding) // listed in this order
	if _, err := t.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &t.name, Item: it}); err != nil {
		return failed(err, "suppress %s in %s", s.Finding, group)
	}
	return nil
}

// Suppressed lists what was declared, expired or not, in the order of findings. The
// index that says so is a moment behind.
func (t *Table) Suppressed(ctx context.Context) ([]pipeline.Declared, error) {
	items, err := t.listed(ctx, kindSuppression)
	if err != nil {
		return nil, fmt.Errorf("list suppressions: %w", err)
	}
	out := make([]pipeline.Declared, len(items))
	for i, it := range items {
		if err := decode(it, &out[i]); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(out, func(a, b pipeline.Declared) int {
		return cmp.Or(cmp.Compare(a.Finding, b.Finding), cmp.Compare(a.Group, b.Group))
	})
	return out, nil
}

// Unsuppress takes back what was declared of a finding in a group, or in every one
// where that is empty; ErrNotFound when nothing was.
func (t *Table) Unsuppress(ctx context.Context, group, finding string) error {
	if err := t.remove(ctx, suppressionKey(group), finding); err != nil {
		return fmt.Errorf("remove suppression of %s: %w", finding, err)
	}
	return nil
}
