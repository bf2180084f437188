package cloud

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"diffy/pkg/pipeline"
)

const (
	chunkSize    = 350_000   // bytes; an item may have 400 KB with its keys
	maxBaseline  = 512 << 20 // bytes of facts; what claims more is not read
	autoBaseline = "auto"
)

// header says what a version is, and what its chunks must add up to.
type header struct {
	Group   string `json:"group"`
	Version string `json:"version"`
	Created string `json:"created"`
	Hosts   int    `json:"hosts"`
	Pack    string `json:"pack"`
	Chunks  int    `json:"chunks"`
	Size    int64  `json:"size"`   // bytes of facts, uncompressed
	SHA256  string `json:"sha256"` // of the facts, uncompressed
}

func (h header) baseline() pipeline.Baseline {
	return pipeline.Baseline{Group: h.Group, Version: h.Version, Created: h.Created, Hosts: h.Hosts, Pack: h.Pack}
}

func headerKey(version string) string { return "baseline#" + version }

// chunkPrefix begins the keys of the chunks of a version. Those that were stored
// have the digest of their facts besides: what an interrupted store has left is
// never taken for a part of another one's.
func chunkPrefix(version string) string { return headerKey(version) + "#chunk#" }

func (h header) chunkPrefix() string {
	return chunkPrefix(h.Version) + h.SHA256[:min(16, len(h.SHA256))] + "#"
}

// Find implements pipeline.Baselines.
func (t *Table) Find(ctx context.Context, group, version string) ([]pipeline.Baseline, error) {
	approved, err := t.approvals(ctx, group)
	if err != nil {
		return nil, err
	}
	if version != "" && version != autoBaseline {
		b, err := t.named(ctx, group, version, approved)
		if err != nil {
			return nil, err
		}
		return []pipeline.Baseline{b}, nil
	}
	found, err := t.approved(ctx, group, approved)
	if err != nil || len(found) > 0 {
		return found, err
	}
	if found, err = t.current(ctx, group); err != nil || len(found) > 0 {
		return found, err
	}
	return t.weak(ctx, group)
}

// named reads one version, one that was stored on purpose rather than a weak one.
func (t *Table) named(ctx context.Context, group, version string, approved map[string]approval) (pipeline.Baseline, error) {
	b, h, err := t.baseline(ctx, group, version)
	if errors.Is(err, pipeline.ErrNotFound) {
		return t.weakVersion(ctx, group, version)
	}
	b.Approved = approved[version].of(h)
	return b, err
}

// approved reads the versions that somebody has approved, newest first. An
// approval may outlive its version and means nothing then.
func (t *Table) approved(ctx context.Context, group string, approved map[string]approval) ([]pipeline.Baseline, error) {
	var found []pipeline.Baseline
	for version, a := range approved {
		b, h, err := t.baseline(ctx, group, version)
		switch {
		case errors.Is(err, pipeline.ErrNotFound):
		case err != nil:
			return nil, err
		case a.of(h):
			b.Approved = true
			found = append(found, b)
		}
	}
	slices.SortFunc(found, newestFirst)
	return found, nil
}

func newestFirst(a, b pipeline.Baseline) int {
	return cmp.Or(cmp.Compare(b.Created, a.Created), cmp.Compare(b.Version, a.Version))
}

// current reads the version that the group's pointer names, or none.
func (t *Table) current(ctx context.Context, group string) ([]pipeline.Baseline, error) {
	it, err := t.get(ctx, groupPrefix+group, currentKey)
	switch {
	case errors.Is(err, pipeline.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("find current baseline of %s: %w", group, err)
	}
	var h header
	if err := decode(it, &h); err != nil {
		return nil, err
	}
	b, _, err := t.baseline(ctx, group, h.Version)
	switch {
	case errors.Is(err, pipeline.ErrNotFound): // deleted since
		return nil, nil
	case err != nil:
		return nil, err
	}
	return []pipeline.Baseline{b}, nil
}

// baseline reads one version and holds it against its digest.
func (t *Table) baseline(ctx context.Context, group, version string) (pipeline.Baseline, header, error) {
	fail := func(err error) (pipeline.Baseline, header, error) {
		return pipeline.Baseline{}, header{}, fmt.Errorf("read baseline %s of %s: %w", version, group, err)
	}
	h, err := t.header(ctx, group, version)
	if err != nil {
		return fail(err)
	}
	chunks, err := t.query(ctx, groupPrefix+group, h.chunkPrefix())
	if err != nil {
		return fail(err)
	}
	data, err := h.join(chunks)
	if err != nil {
		if _, gone := t.header(ctx, group, version); gone != nil { // while it was read
			err = gone
		}
		return fail(err)
	}
	b := h.baseline()
	b.Data = data
	return b, h, nil
}

func (t *Table) header(ctx context.Context, group, version string) (h header, err error) {
	it, err := t.get(ctx, groupPrefix+group, headerKey(version))
	if err != nil {
		return h, err
	}
	return h, decode(it, &h)
}

// join puts the chunks together again.
func (h *header) join(chunks []item) ([]byte, error) {
	if len(chunks) != h.Chunks {
		return nil, fmt.Errorf("%d of %d chunks are there: %w", len(chunks), h.Chunks, pipeline.ErrDamaged)
	}
	if h.Size > maxBaseline {
		return nil, fmt.Errorf("%d bytes: %w", h.Size, pipeline.ErrTooLarge)
	}
	var packed bytes.Buffer
	for _, c := range chunks {
		if b, ok := c["data"].(*types.AttributeValueMemberB); ok {
			packed.Write(b.Value)
		}
	}
	unpacked, err := gzip.NewReader(&packed)
	if err != nil {
		return nil, fmt.Errorf("unpack: %w: %w", pipeline.ErrDamaged, err)
	}
	data, err := io.ReadAll(io.LimitReader(unpacked, h.Size+1))
	if err != nil {
		return nil, fmt.Errorf("unpack: %w: %w", pipeline.ErrDamaged, err)
	}
	if digest(data) != h.SHA256 {
		return nil, fmt.Errorf("it does not have its digest: %w", pipeline.ErrDamaged)
	}
	return data, nil
}

// Store implements pipeline.Baselines. The chunks come first, then the header,
// then the pointer: who reads in between sees the version whole or not at all.
func (t *Table) Store(ctx context.Context, b pipeline.Baseline) error {
	if b.Weak {
		return t.storeWeak(ctx, b)
	}
	packed, err := pack(b.Data)
	if err != nil {
		return fmt.Errorf("store baseline %s of %s: %w", b.Version, b.Group, err)
	}
	chunks := slices.Collect(slices.Chunk(packed, chunkSize))
	h := header{
		Group: b.Group, Version: b.Version, Created: b.Created, Hosts: b.Hosts, Pack: b.Pack,
		Chunks: len(chunks), Size: int64(len(b.Data)), SHA256: digest(b.Data),
	}
	if err := t.storeVersion(ctx, h, chunks); err != nil {
		return fmt.Errorf("store baseline %s of %s: %w", b.Version, b.Group, err)
	}
	return t.makeCurrent(ctx, h)
}

func (t *Table) storeVersion(ctx context.Context, h header, chunks [][]byte) error {
	for n, data := range chunks {
		it := key(groupPrefix+h.Group, fmt.Sprintf("%s%05d", h.chunkPrefix(), n))
		it["data"], it["sha256"] = bytesOf(data), text(h.SHA256)
		if err := t.putOnce(ctx, it, h.SHA256); err != nil {
			return err
		}
	}
	it, err := encode(groupPrefix+h.Group, headerKey(h.Version), h)
	if err != nil {
		return err
	}
	it["kind"], it["started"] = text(kindBaseline), text(h.Created)
	return t.putOnce(ctx, it, h.SHA256)
}

// putOnce writes an item unless there is one that belongs to other facts.
func (t *Table) putOnce(ctx context.Context, it item, sha string) error {
	_, err := t.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &t.name, Item: it,
		ConditionExpression:       aws.String("attribute_not_exists(pk) OR sha256 = :sha"),
		ExpressionAttributeValues: item{":sha": text(sha)},
	})
	if _, other := refused(err); other {
		return pipeline.ErrExists
	}
	if err != nil {
		return failed(err, "write item")
	}
	return nil
}

// makeCurrent points to the version unless a later one is pointed to.
func (t *Table) makeCurrent(ctx context.Context, h header) error {
	_, err := t.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &t.name, Item: pointer(h),
		ConditionExpression:       aws.String("attribute_not_exists(pk) OR created <= :created"),
		ExpressionAttributeValues: item{":created": text(h.Created)},
	})
	if _, later := refused(err); err != nil && !later {
		return failed(err, "make baseline %s current in %s", h.Version, h.Group)
	}
	return nil
}

// pointer is the item that names a group's current version.
func pointer(h header) item {
	it := key(groupPrefix+h.Group, currentKey)
	it["version"], it["created"] = text(h.Version), text(h.Created)
	return it
}

func pack(data []byte) ([]byte, error) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
