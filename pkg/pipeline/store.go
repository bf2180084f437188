package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// Limits of what handlers read back of their own, in bytes.
const (
	smallObject = 64 << 20  // plans, batches, outcomes
	shardObject = 512 << 20 // facts of one batch, results
)

func evidence(key string) Object        { return Object{Bucket: Evidence, Key: key} }
func work(key string) Object            { return Object{Bucket: Work, Key: key} }
func intake(p Place, key string) Object { return Object{Bucket: Intake, Place: p, Key: key} }

// hexDigest returns the sha256 of data in hex.
func hexDigest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// encode returns v as JSON with a line break at its end and HTML left alone.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

// putJSON writes v as JSON.
func putJSON(ctx context.Context, s Objects, o Object, v any) error {
	data, err := encode(v)
	if err == nil {
		err = s.Put(ctx, o, data)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", o.Key, err)
	}
	return nil
}

// getJSON reads what putJSON wrote.
func getJSON(ctx context.Context, s Objects, o Object, v any) error {
	data, err := s.Get(ctx, o, smallObject)
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", o.Key, err)
	}
	return nil
}

// putOnce writes what may never change. The same bytes again are fine; others
// are EvidenceChanged.
func putOnce(ctx context.Context, s Objects, o Object, data []byte) error {
	err := s.PutOnce(ctx, o, data)
	if !errors.Is(err, ErrExists) {
		return err
	}
	old, err := s.Get(ctx, o, int64(len(data)))
	switch {
	case errors.Is(err, ErrTooLarge) || err == nil && !bytes.Equal(old, data):
		return errorf(EvidenceChanged, "write %s: it is there with other content", o.Key)
	case err != nil:
		return fmt.Errorf("read %s: %w", o.Key, err)
	}
	return nil
}
