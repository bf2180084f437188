package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"diffy/pkg/triage"
)

// Listed is objects that can be listed, for those that follow a run.
type Listed interface {
	Objects
	// List returns the keys of the bucket that begin with o.Key, in their order.
	List(ctx context.Context, o Object) ([]string, error)
}

// Watch follows a run by the objects that its states leave. It reads each of them
// once, and writes nothing.
type Watch struct {
	Objects Listed
	Run     string

	plan    *Plan
	batches []Batch
	read    map[string]bool // keys of outcomes
	ended   map[string]Record
}

// Progress is how far a run is.
type Progress struct {
	Key       string // of the group; empty until there is a plan
	Requested int    // hosts
	Asked     int    // hosts in batches, earlier evidence included
	Batches   int

	Ended       int // hosts in batches that have an outcome
	Examined    int // of all hosts
	Partial     int
	NotExamined int
	Reasons     map[string]int // of those that were not examined whole → hosts
}

// Look reads what is new.
func (w *Watch) Look(ctx context.Context) (Progress, error) {
	if w.plan == nil {
		var plan Plan
		err := getJSON(ctx, w.Objects, work(PlanKey(w.Run)), &plan)
		if err == nil {
			err = getJSON(ctx, w.Objects, work(HostsKey(w.Run)), &w.batches)
		}
		if errors.Is(err, ErrNotFound) {
			return Progress{}, nil
		}
		if err != nil {
			return Progress{}, fmt.Errorf("read the plan of run %s: %w", w.Run, err)
		}
		w.plan, w.read, w.ended = &plan, map[string]bool{}, map[string]Record{}
	}
	if err := w.outcomes(ctx); err != nil {
		return Progress{}, fmt.Errorf("read outcomes of run %s: %w", w.Run, err)
	}
	return w.progress(), nil
}

func (w *Watch) outcomes(ctx context.Context) error {
	keys, err := w.Objects.List(ctx, work(runKey(w.Run, "batches", "")))
	if err != nil {
		return err
	}
	var fresh []string
	for _, key := range keys {
		if !w.read[key] && strings.HasSuffix(key, ".json") {
			fresh = append(fresh, key)
		}
	}
	found := make([][]Record, len(fresh))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for i, key := range fresh {
		g.Go(func() error { return getJSON(ctx, w.Objects, work(key), &found[i]) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, key := range fresh {
		w.read[key] = true
		for _, r := range found[i] {
			w.ended[r.Host] = r
		}
	}
	return nil
}

func (w *Watch) progress() Progress {
	p := Progress{Key: w.plan.Key, Requested: len(w.plan.Hosts), Batches: len(w.batches), Reasons: map[string]int{}}
	for _, b := range w.batches {
		p.Asked += len(b.Hosts)
		for _, host := range b.Hosts {
			if _, ended := w.ended[host]; ended {
				p.Ended++
			}
		}
	}
	for _, r := range w.ended {
		switch r.Status {
		case triage.Examined:
			p.Examined++
			continue
		case triage.Partial:
			p.Partial++
		default:
			p.NotExamined++
		}
		p.Reasons[r.Reason]++
	}
	return p
}
