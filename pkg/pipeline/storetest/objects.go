package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"diffy/pkg/pipeline"
)

func objects(t *testing.T, store pipeline.Objects) {
	for _, bucket := range []pipeline.Bucket{pipeline.Intake, pipeline.Evidence, pipeline.Work} {
		t.Run(string(bucket), func(t *testing.T) {
			at := func(name string) pipeline.Object {
				return pipeline.Object{Bucket: bucket, Key: "runs/storetest/" + string(bucket) + "/" + name}
			}
			t.Run("what is not there", func(t *testing.T) { absentObject(t, store, at("none")) })
			t.Run("once", func(t *testing.T) { putOnce(t, store, at("once.jsonl.gz")) })
			t.Run("one of many", func(t *testing.T) { oneOfMany(t, store, at("raced")) })
			if bucket != pipeline.Evidence { // nothing is replaced there
				t.Run("replaced", func(t *testing.T) { putAndGet(t, store, at("again.json")) })
				t.Run("odd names", func(t *testing.T) { putAndGet(t, store, at("%2E%2E%2Fx y+ü.json")) })
			}
		})
	}
}

func absentObject(t *testing.T, store pipeline.Objects, o pipeline.Object) {
	if _, err := store.Get(t.Context(), o, 10); !errors.Is(err, pipeline.ErrNotFound) {
		t.Errorf("Get of nothing: %v, want ErrNotFound", err)
	}
}

func putAndGet(t *testing.T, store pipeline.Objects, o pipeline.Object) {
	for _, data := range [][]byte{[]byte("first"), {}, bytes.Repeat([]byte{0xff, 0}, 100_000)} {
		must(t, store.Put(t.Context(), o, data))
		got, err := store.Get(t.Context(), o, int64(len(data)))
		must(t, err)
		if !bytes.Equal(got, data) {
			t.Errorf("Get returns %d bytes that are not the %d that were put", len(got), len(data))
		}
	}
	if _, err := store.Get(t.Context(), o, 199_999); !errors.Is(err, pipeline.ErrTooLarge) {
		t.Errorf("Get of a byte too many: %v, want ErrTooLarge", err)
	}
}

func putOnce(t *testing.T, store pipeline.Objects, o pipeline.Object) {
	must(t, store.PutOnce(t.Context(), o, []byte("first")))
	for _, data := range []string{"first", "second"} {
		if err := store.PutOnce(t.Context(), o, []byte(data)); !errors.Is(err, pipeline.ErrExists) {
			t.Errorf("PutOnce of %s where first is: %v, want ErrExists", data, err)
		}
	}
	got, err := store.Get(t.Context(), o, 100)
	must(t, err)
	equal(t, "what was put first", string(got), "first")
}

// oneOfMany has several callers write at once.
func oneOfMany(t *testing.T, store pipeline.Objects, o pipeline.Object) {
	var callers sync.WaitGroup
	var winner atomic.Pointer[string]
	for i := range 8 {
		callers.Go(func() {
			mine := fmt.Sprint("caller ", i)
			err := store.PutOnce(t.Context(), o, []byte(mine))
			switch {
			case err == nil && !winner.CompareAndSwap(nil, &mine):
				t.Error("PutOnce let two callers win")
			case err != nil && !errors.Is(err, pipeline.ErrExists):
				t.Errorf("PutOnce of several at once: %v, want ErrExists", err)
			}
		})
	}
	callers.Wait()
	got, err := store.Get(t.Context(), o, 100)
	must(t, err)
	if w := winner.Load(); w == nil || string(got) != *w {
		t.Errorf("Get returns %q after several callers at once, the winner put %v", got, w)
	}
}
