package cloud

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"diffy/pkg/pipeline"
)

// Presigner signs requests to S3 for hosts. Whoever may sign needs the permission
// that the request needs, at the time of the request.
type Presigner struct{ buckets *buckets }

// PostForm implements pipeline.Presigner.
func (p *Presigner) PostForm(ctx context.Context, o pipeline.Object, limit int64, expires time.Duration) (pipeline.Form, error) {
	client, bucket, err := p.buckets.of(o)
	if err != nil {
		return pipeline.Form{}, err
	}
	signed, err := s3.NewPresignClient(client).PresignPostObject(ctx,
		&s3.PutObjectInput{Bucket: &bucket, Key: &o.Key},
		func(po *s3.PresignPostOptions) {
			po.Expires = expires
			po.Conditions = []any{
				[]any{"starts-with", "$key", o.Key},
				[]any{"content-length-range", 1, limit},
			}
		})
	if err != nil {
		return pipeline.Form{}, failed(err, "sign upload form")
	}
	delete(signed.Values, "key") // the host's to choose
	return pipeline.Form{URL: signed.URL, Fields: signed.Values}, nil
}

// Get implements pipeline.Presigner.
func (p *Presigner) Get(ctx context.Context, o pipeline.Object, expires time.Duration) (string, error) {
	client, bucket, err := p.buckets.of(o)
	if err != nil {
		return "", err
	}
	signed, err := s3.NewPresignClient(client).PresignGetObject(ctx,
		&s3.GetObjectInput{Bucket: &bucket, Key: &o.Key}, s3.WithPresignExpires(expires))
	if err != nil {
		return "", failed(err, "sign download of %s", o.Key)
	}
	return signed.URL, nil
}
