package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"diffy/collect"
)

// Poll looks how far the hosts of a batch are, and says where its branch goes.
type Poll struct {
	Commands Commands
	Now      func() time.Time
	Log      *slog.Logger
}

// How often and how long hosts are waited for.
const (
	maxTries   = 2               // sends of a batch
	lookAgain  = 15              // seconds between polls
	settleTime = 2 * time.Minute // that hosts launched just now get until they are tried again
	retryNeeds = 3 * time.Minute // left before the deadline, or a second try is pointless
)

// Handle sets Next, and with it Wait or Try.
func (h Poll) Handle(ctx context.Context, b Branch) (Branch, error) {
	b.Next = StepExtract
	if b.Started == "" { // nothing was sent
		return b, nil
	}
	started, err1 := time.Parse(time.RFC3339, b.Started)
	deadline, err2 := time.Parse(time.RFC3339, b.Deadline)
	if err := errors.Join(err1, err2); err != nil {
		return b, fmt.Errorf("read the times of batch %s: %w", b.Batch.number(), err)
	}
	pending, failed, err := h.look(ctx, b)
	if err != nil {
		return b, err
	}
	now := h.Now()
	retry := len(failed) > 0 && b.Tries < maxTries && now.Add(retryNeeds).Before(deadline)
	switch {
	case !now.Before(deadline):
		b.GivenUp, err = h.giveUp(ctx, b, pending)
	case pending > 0:
		b.Next, b.Wait = StepWait, seconds(min(lookAgain*time.Second, deadline.Sub(now)))
	case retry && len(b.Refused) > 0 && now.Before(started.Add(settleTime)):
		b.Next, b.Wait = StepWait, seconds(started.Add(settleTime).Sub(now))
	case retry:
		b.Next, b.Try = StepCollect, failed
	}
	h.Log.Info("polled", "run", b.Run, "batch", b.Batch.number(), "pending", pending, "failed", len(failed), "next", b.Next)
	return b, err
}

// look counts the hosts that are still at it and lists those that are worth a
// second try, in the order of the batch.
func (h Poll) look(ctx context.Context, b Branch) (pending int, failed []string, err error) {
	known := map[string]Invocation{}
	if n := len(b.Sends); n > 0 && len(b.Refused) < len(b.trying()) {
		list, err := h.Commands.Status(ctx, b.Batch.place(), b.Sends[n-1].Command)
		if err != nil {
			return 0, nil, fmt.Errorf("ask for command %s: %w", b.Sends[n-1].Command, err)
		}
		for _, i := range list {
			known[i.Host] = i
		}
	}
	for _, host := range b.trying() {
		_, refused := b.Refused[host]
		switch i := known[host]; {
		case refused:
			failed = append(failed, host)
		case !i.Status.Final():
			pending++
		case again(i):
			failed = append(failed, host)
		}
	}
	return pending, failed, nil
}

// again reports whether a host that has ended without evidence may do better with
// another command: a lost delivery, an expired form, a network that was away.
func again(i Invocation) bool {
	switch i.Details {
	case "ExecutionTimedOut", "Undeliverable", "Terminated", "InvalidPlatform", "AccessDenied":
		return false
	}
	switch i.Status {
	case Failed, TimedOut:
		return true
	case Success:
		report, err := collect.ParseReport(i.Stdout)
		return err != nil || report.Failed != ""
	}
	return false
}

// giveUp cancels the last command where a host is still at it, and returns it.
func (h Poll) giveUp(ctx context.Context, b Branch, pending int) (string, error) {
	last := b.last()
	if pending == 0 || last == "" {
		return "", nil
	}
	if err := h.Commands.Cancel(ctx, b.Batch.place(), last); err != nil {
		return last, fmt.Errorf("cancel command %s: %w", last, err)
	}
	return last, nil
}

// last is the command that was sent last, "" if none was.
func (b Branch) last() string {
	if len(b.Sends) == 0 {
		return ""
	}
	return b.Sends[len(b.Sends)-1].Command
}

// seconds rounds up, and is at least one.
func seconds(d time.Duration) int { return max(1, int((d+time.Second-1)/time.Second)) }
