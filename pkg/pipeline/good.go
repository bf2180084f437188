package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"diffy/pkg/triage"
)

// largestGood is how many bytes of facts, compressed, a group keeps of a good run.
// They are read in one piece by each later run of the group.
const largestGood = 64 << 20

// good reports whether a run has seen every host whole and found nothing that a
// responder is asked to read, nor anything that it was asked to look for.
func good(r *run, result *triage.Result) bool {
	g := result.Group
	if r.request.Purpose == triage.PurposeBaseline || g.Examined == 0 || g.Partial+g.NotExamined > 0 {
		return false
	}
	for _, f := range result.Findings {
		if f.Severity.Loud() {
			return false
		}
	}
	return !slices.ContainsFunc(result.Pivots, func(p triage.PivotResult) bool { return len(p.Seen) > 0 })
}

// keepGood keeps the facts of a good run as the group's weak baseline. To have none
// is no failure: the result says that this run will not be one.
func (h Analyze) keepGood(ctx context.Context, r *run, result *triage.Result) {
	if h.Rebuilt || !good(r, result) {
		return
	}
	data := limited{left: largestGood}
	err := r.set.Encode(&data)
	if err == nil {
		b := h.baseline(r, data.Bytes())
		b.Weak = true
		err = h.Baselines.Store(ctx, b)
	}
	if err != nil {
		h.Log.Warn("good run not kept", "run", r.plan.Run, "error", err.Error())
		result.Notes = append(result.Notes, "This is a good run, but its facts could not be kept: later runs of the group cannot compare with it.")
	}
}

// limited is a buffer that takes so many bytes and no more.
type limited struct {
	bytes.Buffer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, fmt.Errorf("keep more than %d bytes: %w", largestGood, ErrTooLarge)
	}
	return l.Buffer.Write(p)
}
