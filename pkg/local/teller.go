package local

import (
	"context"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
)

// teller tells the caller how it goes, one thing at a time.
type teller struct {
	mu       *sync.Mutex
	progress func(what string, done, total int)
	skip     func(path, reason string)
}

func (r *runner) tell() teller { return teller{&r.telling, r.Progress, r.Skipped} }

func (t teller) skipped(path, reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.skip != nil {
		t.skip(path, reason)
	}
}

// processors is how many things that keep one busy are done at once.
func processors() int { return runtime.GOMAXPROCS(0) }

// each does n things, so many at once. The first error ends it.
func (t teller) each(ctx context.Context, what string, n, atOnce int, do func(i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	done := 0
	for i := range n {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			err := do(i)
			t.mu.Lock()
			defer t.mu.Unlock()
			done++
			if t.progress != nil {
				t.progress(what, done, n)
			}
			return err
		})
	}
	return g.Wait()
}
