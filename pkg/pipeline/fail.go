package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"diffy/pkg/trigger"
)

// Fail is where a run ends that did not go well: after a Catch, or when EventBridge
// tells of an execution that failed, timed out or was stopped. Both may happen for
// one run; the record and the message come once.
type Fail struct {
	Runs      Runs
	Locks     Locks
	Publisher Publisher
	Execution func(run string) string // where a signed-in person finds the execution; nil: not known
	Now       func() time.Time
	Log       *slog.Logger
}

// Handle records, tells, and frees the group.
func (h Fail) Handle(ctx context.Context, in FailIn) (FailOut, error) {
	out := failure(in)
	if in.branch() {
		h.Log.Info("a branch failed", "branch", out.Run, "error", out.Error)
		return out, nil
	}
	if !trigger.ValidRun(out.Run) {
		h.Log.Error("failed before it was a run", "error", out.Error)
		return out, nil
	}
	record, err := loadRun(ctx, h.Runs, out.Run)
	if err != nil {
		return out, err
	}
	end := closing{h.Runs, h.Locks, h.Publisher}
	if record.Published {
		return out, end.release(ctx, record)
	}
	record.Status, record.Reason, record.Finished = endOf(out.Error), out.Error+": "+out.Cause, stamp(h.Now())
	record.Started = cmp.Or(record.Started, record.Finished) // lists are by time, and have those that died early
	m, err := failureMessage(record, address(h.Execution, out.Run))
	if err != nil {
		return out, fmt.Errorf("write message of %s: %w", out.Run, err)
	}
	if err := end.end(ctx, record, m); err != nil {
		return out, err
	}
	h.Log.Error("run failed", "run", out.Run, "error", out.Error)
	return out, nil
}

// branch reports whether the event is of a branch of the map, which is an execution
// of "<machine>/<label of the map>": its hosts have lost something, the run has not.
func (in FailIn) branch() bool {
	return in.Detail != nil && strings.Contains(in.Detail.Machine, "/")
}

// failure says which run failed and why, whoever tells.
func failure(in FailIn) FailOut {
	out := FailOut{Run: in.Run, Error: string(Internal), Cause: "no reason was given"}
	if d := in.Detail; d != nil {
		out.Run, out.Error, out.Cause = d.Name, d.Status, "the execution ended as "+d.Status
		if d.Error != "" {
			in.Error = &Caught{Error: d.Error, Cause: d.Cause}
		}
	}
	if in.Error != nil {
		out.Error, out.Cause = in.Error.Error, in.Error.message()
	}
	out.Error, out.Cause = cut(out.Error, 200), cut(out.Cause, 1000)
	return out
}

// cut shortens a text to at most n bytes, at the end of a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}
