package cloud

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"diffy/pkg/pipeline"
)

// approval is what somebody has said of a version. It is of the facts with that
// digest: others that come under the same name are not approved by it.
type approval struct {
	pipeline.Approval
	Version string `json:"version"`
	SHA256  string `json:"sha256"` // of the facts, hex
}

func (a approval) of(h header) bool { return a.SHA256 != "" && a.SHA256 == h.SHA256 }

// approvals reads what was approved in a group, by version.
func (t *Table) approvals(ctx context.Context, group string) (map[string]approval, error) {
	items, err := t.query(ctx, approvedPrefix+group, "")
	if err != nil {
		return nil, fmt.Errorf("read approvals of %s: %w", group, err)
	}
	all := map[string]approval{}
	for _, it := range items {
		var a approval
		if err := decode(it, &a); err != nil {
			return nil, err
		}
		all[a.Version] = a
	}
	return all, nil
}

// Approve records that somebody calls a version clean. Approving again records the
// later approval. ErrNotFound when there is no such version; a weak one is none.
func (t *Table) Approve(ctx context.Context, group, version, by string, at time.Time) error {
	h, err := t.header(ctx, group, version)
	if err != nil {
		return fmt.Errorf("approve baseline %s of %s: %w", version, group, err)
	}
	it, err := encode(approvedPrefix+group, version, approval{
		pipeline.Approval{By: by, At: at.UTC().Format(time.RFC3339)}, version, h.SHA256,
	})
	if err != nil {
		return err
	}
	if _, err := t.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &t.name, Item: it}); err != nil {
		return failed(err, "approve baseline %s of %s", version, group)
	}
	return nil
}

// remove removes one item. ErrNotFound when there was none.
func (t *Table) remove(ctx context.Context, pk, sk string) error {
	_, err := t.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &t.name, Key: key(pk, sk), ConditionExpression: aws.String("attribute_exists(pk)"),
	})
	if _, none := refused(err); none {
		return pipeline.ErrNotFound
	}
	if err != nil {
		return failed(err, "remove %s %s", pk, sk)
	}
	return nil
}

// Caller is whoever uses the credentials that the SDK has found.
type Caller struct{ client *sts.Client }

// ARN asks AWS who is calling: a role's session, with the name of the person where
// their single sign-on gives it.
func (c *Caller) ARN(ctx context.Context) (string, error) {
	out, err := c.client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", failed(err, "ask AWS who is calling")
	}
	if out.Arn == nil {
		return "", errors.New("ask AWS who is calling: it does not say")
	}
	return *out.Arn, nil
}
