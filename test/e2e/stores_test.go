package e2e

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"diffy/pkg/cloud"
	"diffy/pkg/pipeline/storetest"
	"diffy/pkg/triage"
)

func TestStores(t *testing.T) {
	w := newWorld(t)
	c, err := cloud.New(t.Context(), w.cfg)
	w.must(err)
	storetest.Run(t, storetest.Stores{
		Objects: c.Objects, Baselines: c.Table, Suppressions: c.Table, Runs: c.Table, Locks: c.Table,
		Approve: func(group, version string) error {
			return w.put(map[string]any{"pk": "approved#" + group, "sk": version, "by": "ana"})
		},
		Suppress: func(group string, s triage.Suppression) error {
			return w.put(map[string]any{
				"pk": "suppression#" + group, "sk": s.Finding,
				"finding": s.Finding, "reason": s.Reason, "author": s.Author, "expires": s.Expires,
			})
		},
	})
}

// put writes an item as whoever may write all of the table.
func (w *world) put(record map[string]any) error {
	it, err := attributevalue.MarshalMap(record)
	if err != nil {
		return err
	}
	_, err = dynamodb.NewFromConfig(w.sdk).PutItem(w.Context(), &dynamodb.PutItemInput{TableName: aws.String(w.cfg.Table), Item: it})
	return err
}
