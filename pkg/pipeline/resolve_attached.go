package pipeline

import (
	"context"
	"errors"
	"fmt"

	"diffy/pkg/triage"
)

// early returns a request's suspects and pivots together with those of findings that
// were attached before the plan was made: their hosts are kept and their values asked
// for as well. The request stays what it was.
func (h Resolve) early(ctx context.Context, run, group string, r triage.Request) (triage.Request, error) {
	if h.Storm == nil || r.Trigger == nil {
		return r, nil
	}
	ids, err := h.Storm.Attached(ctx, group, run)
	if errors.Is(err, ErrNotFound) {
		return r, nil
	}
	if err != nil {
		return r, fmt.Errorf("read what is attached to run %s: %w", run, err)
	}
	list, err := sightings(ctx, h.Storm, group, ids, r.Trigger.ID)
	if err == nil {
		r.Suspects, r.Pivots = gather(r.Suspects, r.Pivots, list)
	}
	return r, err
}
