package cloud

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"diffy/pkg/pipeline"
)

// List returns the keys of a bucket that begin so, in their order.
func (s *Objects) List(ctx context.Context, o pipeline.Object) ([]string, error) {
	client, bucket, err := s.buckets.of(o)
	if err != nil {
		return nil, err
	}
	var keys []string
	for pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &o.Key}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, failed(err, "list %s", o.Key)
		}
		for _, object := range page.Contents {
			keys = append(keys, aws.ToString(object.Key))
		}
	}
	return keys, nil
}

// URI is where an object is, for people: "s3://bucket/key".
func (s *Objects) URI(o pipeline.Object) string {
	_, bucket, err := s.buckets.of(o)
	if err != nil {
		return o.Key
	}
	return "s3://" + bucket + "/" + o.Key
}

// ListRuns returns the latest runs, latest first, as many as most. The index that
// it reads may be some moments behind.
func (t *Table) ListRuns(ctx context.Context, most int) ([]pipeline.Run, error) {
	pages := dynamodb.NewQueryPaginator(t.client, &dynamodb.QueryInput{
		TableName: &t.name, IndexName: aws.String("runs"), ScanIndexForward: aws.Bool(false), Limit: aws.Int32(int32(most)),
		KeyConditionExpression:    aws.String("kind = :kind"),
		ExpressionAttributeValues: item{":kind": text("run")},
	})
	runs := []pipeline.Run{}
	for pages.HasMorePages() && len(runs) < most {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, failed(err, "list runs")
		}
		for _, it := range page.Items {
			var r pipeline.Run
			if err := decode(it, &r); err != nil {
				return nil, err
			}
			runs = append(runs, r)
		}
	}
	return runs[:min(len(runs), most)], nil
}
