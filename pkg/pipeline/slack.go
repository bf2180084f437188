package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"diffy/pkg/report"
)

// Slack shows the messages of the results topic in a channel: one message an
// incident, kept up to date, with the later runs below it where the channel can do
// that, and one message a run where it cannot.
//
// The topic delivers at least once, and so may a call of the function be repeated.
// What was sent is recorded, and a message is sent by whoever holds its incident's
// thread, so that it shows once. Between sending and recording no step is atomic: a
// function that dies there sends the message once more, as one that shows twice is
// better at night than one that never does.
type Slack struct {
	Threads Threads
	Channel Channel
	Owner   func(ctx context.Context) string                 // names a call; the same when it is repeated
	Wait    func(ctx context.Context, d time.Duration) error // until so much time has passed
	Now     func() time.Time
	Log     *slog.Logger
}

// Threads remembers what was sent of each incident to a channel.
type Threads interface {
	// Claim takes the thread of an incident for the owner and returns it; one that is
	// not there is empty. ErrExists while another owner holds it, which is until its
	// time or until it is kept. The owner itself may take it again.
	Claim(ctx context.Context, incident, owner string, now, until time.Time) (Thread, error)
	// Keep writes the thread and lets go of it. ErrNotFound when the owner does not
	// hold it any more.
	Keep(ctx context.Context, t Thread, owner string) error
}

// Thread is what people have been shown of an incident. It holds no values of hosts.
type Thread struct {
	Incident string        `json:"incident"`
	Root     string        `json:"root,omitempty"`  // names the message that is kept up to date; empty: there is none
	Shown    string        `json:"shown,omitempty"` // RFC 3339, UTC: when the run ended that it shows
	Sent     []SentMessage `json:"sent,omitempty"`  // in this order
}

// SentMessage is a message that was sent.
type SentMessage struct {
	ID      string `json:"id"`
	Run     string `json:"run"`
	Verdict string `json:"verdict"`
}

// Channel is where people talk.
type Channel interface {
	// Post shows a message, below another one if that is named, and returns its own
	// name: empty where messages have none and can be neither updated nor answered.
	// Calling it again shows it again.
	Post(ctx context.Context, below string, m report.SlackMessage) (string, error)
	// Update replaces a message. ErrNotFound when there is none to replace.
	Update(ctx context.Context, name string, m report.SlackMessage) error
}

const (
	threadLease = 90 * time.Second // longer than the function may run
	threadWait  = 2 * time.Second  // between two looks at a thread that another call holds
	threadLooks = 10
	slackSpare  = 5 * time.Second // of the function's time, for what has to be done when it is over
	threadSent  = 200             // messages of an incident that are remembered; an item has 400 KB
)

// SlackIn is what SNS hands to a function.
type SlackIn struct {
	Records []struct {
		SNS struct {
			ID      string `json:"MessageId"`
			Message string `json:"Message"`
		} `json:"Sns"`
	} `json:"Records"`
}

// SlackOut says which messages were shown now, by their ids.
type SlackOut struct {
	Shown []string `json:"shown"`
}

// Handle shows what has come.
func (h Slack) Handle(ctx context.Context, in SlackIn) (SlackOut, error) {
	if end, ok := ctx.Deadline(); ok { // time to let go of the thread
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-slackSpare))
		defer cancel()
	}
	out := SlackOut{Shown: []string{}}
	for _, r := range in.Records {
		var a report.Alert
		if err := json.Unmarshal([]byte(r.SNS.Message), &a); err != nil || a.Schema != report.AlertSchema {
			h.Log.Error("not a message of ours", "sns_message", r.SNS.ID)
			continue
		}
		a = a.Sealed()
		shown, err := h.show(ctx, a)
		if err != nil {
			h.Log.Error("not shown", "message", a.ID, "error", err.Error())
			return out, fmt.Errorf("show %s: %w", a.ID, err)
		}
		if shown {
			out.Shown = append(out.Shown, a.ID)
		}
		h.Log.Info("showed", "message", a.ID, "now", shown)
	}
	return out, nil
}

// show sends a message unless it was sent before.
func (h Slack) show(ctx context.Context, a report.Alert) (bool, error) {
	owner := h.Owner(ctx)
	t, err := h.claim(ctx, a.Thread(), owner)
	if err != nil {
		return false, err
	}
	shown := false
	if !t.has(a.ID) {
		next, err := h.tell(ctx, t, a)
		if err != nil {
			free := h.Threads.Keep(context.WithoutCancel(ctx), t, owner) // for the next try, which need not wait then
			return false, errors.Join(err, free)
		}
		t, shown = next, true
	}
	return shown, h.Threads.Keep(context.WithoutCancel(ctx), t, owner) // what shows is recorded, however late it is
}

// claim waits while another call is at the thread.
func (h Slack) claim(ctx context.Context, incident, owner string) (Thread, error) {
	for look := 1; ; look++ {
		t, err := h.Threads.Claim(ctx, incident, owner, h.Now(), h.Now().Add(threadLease))
		if !errors.Is(err, ErrExists) || look == threadLooks {
			return t, err
		}
		if err := h.Wait(ctx, threadWait); err != nil {
			return t, err
		}
	}
}

// tell sends a message and returns the thread with it. The first of an incident
// becomes its root; a later one replaces what the root shows, unless it is older,
// and is kept below it.
func (h Slack) tell(ctx context.Context, t Thread, a report.Alert) (Thread, error) {
	m := a.Slack(t.earlier())
	if t.Root != "" && a.Finished >= t.Shown {
		err := h.Channel.Update(ctx, t.Root, m)
		switch {
		case errors.Is(err, ErrNotFound): // somebody has deleted it
			t.Root = ""
		case err != nil:
			return t, err
		default:
			t.Shown = a.Finished
		}
	}
	if t.Root != "" {
		if _, err := h.Channel.Post(ctx, t.Root, a.Slack(nil)); err != nil {
			return t, err
		}
	} else {
		root, err := h.Channel.Post(ctx, "", m)
		if err != nil {
			return t, err
		}
		t.Root, t.Shown = root, a.Finished
	}
	t.Sent = append(slices.Clone(t.Sent), SentMessage{ID: a.ID, Run: a.Run, Verdict: a.Verdict})
	t.Sent = t.Sent[max(0, len(t.Sent)-threadSent):]
	return t, nil
}

func (t Thread) has(id string) bool {
	return slices.ContainsFunc(t.Sent, func(m SentMessage) bool { return m.ID == id })
}

// earlier are the runs of the incident that were told of before, newest first.
func (t Thread) earlier() []report.SlackEarlier {
	var out []report.SlackEarlier
	for _, m := range slices.Backward(t.Sent) {
		out = append(out, report.SlackEarlier{Run: m.Run, Verdict: m.Verdict})
	}
	return out
}
