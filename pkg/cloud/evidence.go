package cloud

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"diffy/pkg/pipeline"
)

// ObjectVersion is one version of an object of the evidence bucket, or the mark
// that it was deleted.
type ObjectVersion struct {
	Key      string
	ID       string
	Latest   bool
	Deleted  bool // a mark: what was there before still is
	Modified time.Time
}

// EvidenceVersions lists every version of what a run has in the evidence bucket,
// by key, the latest first. Other runs whose ids begin alike are not among them.
func (s *Objects) EvidenceVersions(ctx context.Context, run string) ([]ObjectVersion, error) {
	client, bucket, err := s.buckets.of(pipeline.Object{Bucket: pipeline.Evidence})
	if err != nil {
		return nil, err
	}
	var all []ObjectVersion
	prefix := "runs/" + run + "/"
	for pages := s3.NewListObjectVersionsPaginator(client, &s3.ListObjectVersionsInput{Bucket: &bucket, Prefix: &prefix}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, failed(err, "list evidence of %s", run)
		}
		for _, v := range page.Versions {
			all = append(all, ObjectVersion{aws.ToString(v.Key), aws.ToString(v.VersionId), aws.ToBool(v.IsLatest), false, aws.ToTime(v.LastModified)})
		}
		for _, v := range page.DeleteMarkers {
			all = append(all, ObjectVersion{aws.ToString(v.Key), aws.ToString(v.VersionId), aws.ToBool(v.IsLatest), true, aws.ToTime(v.LastModified)})
		}
	}
	return all, nil
}

// Sealed is what one version holds, and how long nobody can delete it.
type Sealed struct {
	SHA256 string // hex
	Size   int64  // bytes
	Mode   string // "GOVERNANCE" or "COMPLIANCE"; empty: it is not locked
	Until  time.Time
}

// Hash reads one version whole and says what it is. What is read also goes to
// copy.
func (s *Objects) Hash(ctx context.Context, v ObjectVersion, copy io.Writer) (Sealed, error) {
	client, bucket, err := s.buckets.of(pipeline.Object{Bucket: pipeline.Evidence})
	if err != nil {
		return Sealed{}, err
	}
	out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &v.Key, VersionId: &v.ID})
	if err != nil {
		return Sealed{}, failed(err, "read %s", v.Key)
	}
	defer func() { _ = out.Body.Close() }() // read only
	hash := sha256.New()
	size, err := io.Copy(io.MultiWriter(hash, copy), out.Body)
	if err != nil {
		return Sealed{}, failed(err, "read %s", v.Key)
	}
	return Sealed{hex.EncodeToString(hash.Sum(nil)), size, string(out.ObjectLockMode), aws.ToTime(out.ObjectLockRetainUntilDate)}, nil
}
