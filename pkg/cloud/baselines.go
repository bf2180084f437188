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

func headerKey(version string) string { return "baseline#" + version }

func chunkPrefix(version string) string { return headerKey(version) + "#chunk#" }

// Find implements pipeline.Baselines.
func (t *Table) Find(ctx context.Context, group, version string) ([]pipeline.Baseline, error) {
	approved, err := t.approved(ctx, group)
	if err != nil {
		return nil, err
	}
	if version != "" && version != autoBaseline {
		b, err := t.baseline(ctx, group, version)
		if err != nil {
			return nil, err
		}
		b.Approved = slices.Contains(approved, version)
		return []pipeline.Baseline{b}, nil
	}
	found, err := t.baselines(ctx, group, approved)
	if err != nil || len(found) > 0 {
		return found, err
	}
	return t.current(ctx, group)
}

// baselines reads approved versions, newest first. An approval outlives its
// version when somebody deletes that; it means nothing then.
func (t *Table) baselines(ctx context.Context, group string, approved []string) ([]pipeline.Baseline, error) {
	var found []pipeline.Baseline
	for _, version := range approved {
		b, err := t.baseline(ctx, group, version)
		switch {
		case errors.Is(err, pipeline.ErrNotFound):
		case err != nil:
			return nil, err
		default:
			b.Approved = true
			found = append(found, b)
		}
	}
	slices.SortFunc(found, func(a, b pipeline.Baseline) int {
		return cmp.Or(cmp.Compare(b.Created, a.Created), cmp.Compare(b.Version, a.Version))
	})
	return found, nil
}

func (t *Table) approved(ctx context.Context, group string) ([]string, error) {
	items, err := t.query(ctx, approvedPrefix+group, "")
	if err != nil {
		return nil, fmt.Errorf("read approvals of %s: %w", group, err)
	}
	var versions []string
	for _, it := range items {
		if sk, ok := it["sk"].(*types.AttributeValueMemberS); ok {
			versions = append(versions, sk.Value)
		}
	}
	return versions, nil
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
	b, err := t.baseline(ctx, group, h.Version)
	switch {
	case errors.Is(err, pipeline.ErrNotFound): // deleted since
		return nil, nil
	case err != nil:
		return nil, err
	}
	return []pipeline.Baseline{b}, nil
}

// baseline reads one version and holds it against its digest.
func (t *Table) baseline(ctx context.Context, group, version string) (pipeline.Baseline, error) {
	fail := func(err error) (pipeline.Baseline, error) {
		return pipeline.Baseline{}, fmt.Errorf("read baseline %s of %s: %w", version, group, err)
	}
	it, err := t.get(ctx, groupPrefix+group, headerKey(version))
	if err != nil {
		return fail(err)
	}
	var h header
	if err := decode(it, &h); err != nil {
		return fail(err)
	}
	chunks, err := t.query(ctx, groupPrefix+group, chunkPrefix(version))
	if err != nil {
		return fail(err)
	}
	data, err := h.join(chunks)
	if err != nil {
		return fail(err)
	}
	return pipeline.Baseline{Group: h.Group, Version: h.Version, Created: h.Created, Hosts: h.Hosts, Pack: h.Pack, Data: data}, nil
}

// join puts the chunks together again.
func (h *header) join(chunks []item) ([]byte, error) {
	if len(chunks) != h.Chunks {
		return nil, fmt.Errorf("%d of %d chunks are there", len(chunks), h.Chunks)
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
		return nil, fmt.Errorf("unpack: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(unpacked, h.Size+1))
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	if digest(data) != h.SHA256 {
		return nil, errors.New("it does not have its digest")
	}
	return data, nil
}

// Store implements pipeline.Baselines. The chunks come first, then the header,
// then the pointer: who reads in between sees the version whole or not at all.
func (t *Table) Store(ctx context.Context, b pipeline.Baseline) error {
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
		it := key(groupPrefix+h.Group, fmt.Sprintf("%s%05d", chunkPrefix(h.Version), n))
		it["data"], it["sha256"] = bytesOf(data), text(h.SHA256)
		if err := t.putOnce(ctx, it, h.SHA256); err != nil {
			return err
		}
	}
	it, err := encode(groupPrefix+h.Group, headerKey(h.Version), h)
	if err != nil {
		return err
	}
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
	it := key(groupPrefix+h.Group, currentKey)
	it["version"], it["created"] = text(h.Version), text(h.Created)
	_, err := t.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &t.name, Item: it,
		ConditionExpression:       aws.String("attribute_not_exists(pk) OR created <= :created"),
		ExpressionAttributeValues: item{":created": text(h.Created)},
	})
	if _, later := refused(err); err != nil && !later {
		return failed(err, "make baseline %s current in %s", h.Version, h.Group)
	}
	return nil
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
