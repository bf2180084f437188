package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"diffy/pkg/triage"
)

// Publish is the last state: it tells people how the run ended, and frees the group.
type Publish struct {
	Objects   Objects
	Runs      Runs
	Locks     Locks
	Publisher Publisher
	Report    func(run string) string // where a signed-in person finds the report; nil: not known
	Now       func() time.Time
	Log       *slog.Logger
}

// Handle sends the one message of a run that went well.
func (h Publish) Handle(ctx context.Context, in RunIn) (PublishOut, error) {
	out := PublishOut{Run: in.Run, Message: messageID(in.Run, Succeeded)}
	record, err := loadRun(ctx, h.Runs, in.Run)
	if err != nil {
		return out, err
	}
	end := closing{h.Runs, h.Locks, h.Publisher}
	if record.Published && record.Status == Succeeded { // a run that had failed may have been redriven
		return out, end.release(ctx, record)
	}
	data, err := h.Objects.Get(ctx, work(ResultKey(in.Run)), shardObject)
	if err != nil {
		return out, fmt.Errorf("read result of %s: %w", in.Run, err)
	}
	var result triage.Result
	if err := json.Unmarshal(data, &result); err != nil {
		return out, fmt.Errorf("read result of %s: %w", in.Run, err)
	}
	m, err := resultMessage(record, &result, address(h.Report, in.Run))
	if err != nil {
		return out, fmt.Errorf("write message of %s: %w", in.Run, err)
	}
	record.Status, record.Reason, record.Finished = Succeeded, "", stamp(h.Now())
	if err := end.end(ctx, record, m); err != nil {
		return out, err
	}
	h.Log.Info("published", "run", in.Run, "message", out.Message)
	return out, nil
}

// address is where something of a run is found, or "".
func address(of func(run string) string, run string) string {
	if of == nil {
		return ""
	}
	return of(run)
}
