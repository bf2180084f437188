package pipeline

import (
	"context"
	"errors"
	"fmt"

	"diffy/pkg/triage"
)

// loadRun reads the record of a run, or begins one: a run that died early has none.
func loadRun(ctx context.Context, runs Runs, id string) (Run, error) {
	r, err := runs.LoadRun(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return Run{ID: id, Status: Running}, nil
	case err != nil:
		return Run{}, fmt.Errorf("read the record of run %s: %w", id, err)
	}
	return r, nil
}

// loudest returns the severity of the loudest finding, "" when there is none.
func loudest(r *triage.Result) (loud triage.Severity) {
	for _, f := range r.Findings {
		if loud == "" || f.Severity.AtLeast(loud) {
			loud = f.Severity
		}
	}
	return loud
}

// closing ends a run: record, message, lock, in an order in which it can be
// called again at any point. The message has the same id each time, and is not
// sent again once the record says that it is out.
type closing struct {
	Runs      Runs
	Locks     Locks
	Publisher Publisher
}

func (c closing) end(ctx context.Context, r Run, m Message) error {
	r.Published = false
	if err := c.Runs.SaveRun(ctx, r); err != nil {
		return fmt.Errorf("record run %s: %w", r.ID, err)
	}
	if err := c.Publisher.Publish(ctx, m); err != nil {
		return fmt.Errorf("publish run %s: %w", r.ID, err)
	}
	r.Published = true
	if err := c.Runs.SaveRun(ctx, r); err != nil {
		return fmt.Errorf("record run %s: %w", r.ID, err)
	}
	return c.release(ctx, r)
}

func (c closing) release(ctx context.Context, r Run) error {
	if r.Group == "" {
		return nil
	}
	if err := c.Locks.Release(ctx, released(r)); err != nil {
		return fmt.Errorf("release %s: %w", r.Group, err)
	}
	return nil
}
