package cloud

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"diffy/pkg/pipeline"
)

// buckets knows which bucket an object is in, and who may speak to it.
type buckets struct {
	cfg     Config
	clients *clients[*s3.Client]
}

// of returns the client and the bucket's name. Evidence and work are the
// deployment's own, wherever the hosts are.
func (b *buckets) of(o pipeline.Object) (*s3.Client, string, error) {
	switch o.Bucket {
	case pipeline.Evidence:
		return b.clients.at(pipeline.Place{}), b.cfg.Evidence, nil
	case pipeline.Work:
		return b.clients.at(pipeline.Place{}), b.cfg.Work, nil
	case pipeline.Intake:
		name, err := b.intake(b.clients.places.whole(o.Place))
		return b.clients.at(o.Place), name, err
	}
	return nil, "", fmt.Errorf("find bucket of %s: no such kind: %q", o.Key, o.Bucket)
}

// intake names the intake bucket of a place. All are called the same but for the
// account and region at the end.
func (b *buckets) intake(place pipeline.Place) (string, error) {
	own := pipeline.Place{Account: b.cfg.Account, Region: b.cfg.Region}
	if place == own {
		return b.cfg.Intake, nil
	}
	stem, ok := strings.CutSuffix(b.cfg.Intake, own.Account+"-"+own.Region)
	if !ok {
		return "", fmt.Errorf("find intake bucket of %s/%s: %q does not end with the own account and region",
			place.Account, place.Region, b.cfg.Intake)
	}
	return stem + place.Account + "-" + place.Region, nil
}

// Objects keeps objects in S3.
type Objects struct{ buckets *buckets }

// Get implements pipeline.Objects.
func (s *Objects) Get(ctx context.Context, o pipeline.Object, limit int64) ([]byte, error) {
	client, bucket, err := s.buckets.of(o)
	if err != nil {
		return nil, err
	}
	out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &o.Key})
	var none *types.NoSuchKey
	switch {
	case errors.As(err, &none):
		return nil, fmt.Errorf("read %s: %w", o.Key, pipeline.ErrNotFound)
	case err != nil:
		return nil, failed(err, "read %s", o.Key)
	}
	defer func() { _ = out.Body.Close() }() // read only
	return readAll(out, o.Key, limit)
}

func readAll(out *s3.GetObjectOutput, key string, limit int64) ([]byte, error) {
	if out.ContentLength != nil && *out.ContentLength > limit {
		return nil, fmt.Errorf("read %s: %d bytes: %w", key, *out.ContentLength, pipeline.ErrTooLarge)
	}
	data, err := io.ReadAll(io.LimitReader(out.Body, limit+1))
	switch {
	case err != nil:
		return nil, failed(err, "read %s", key)
	case int64(len(data)) > limit:
		return nil, fmt.Errorf("read %s: more than %d bytes: %w", key, limit, pipeline.ErrTooLarge)
	}
	return data, nil
}

// Put implements pipeline.Objects.
func (s *Objects) Put(ctx context.Context, o pipeline.Object, data []byte) error {
	if err := s.put(ctx, o, data, nil); err != nil {
		return failed(err, "write %s", o.Key)
	}
	return nil
}

// PutOnce implements pipeline.Objects.
func (s *Objects) PutOnce(ctx context.Context, o pipeline.Object, data []byte) error {
	any := "*"
	err := s.put(ctx, o, data, &any)
	switch {
	case code(err) == "PreconditionFailed":
		return fmt.Errorf("write %s: %w", o.Key, pipeline.ErrExists)
	case err != nil:
		return failed(err, "write %s", o.Key)
	}
	return nil
}

func (s *Objects) put(ctx context.Context, o pipeline.Object, data []byte, ifNoneMatch *string) error {
	client, bucket, err := s.buckets.of(o)
	if err != nil {
		return err
	}
	_, err = client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &bucket, Key: &o.Key, Body: bytes.NewReader(data), IfNoneMatch: ifNoneMatch,
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
	}, againOnConflict)
	return err
}

// againOnConflict tries again when another write of the same key has begun and
// not ended; by then it has, and S3 can say who was first.
func againOnConflict(o *s3.Options) {
	o.Retryer = retry.AddWithErrorCodes(o.Retryer, "ConditionalRequestConflict")
}
