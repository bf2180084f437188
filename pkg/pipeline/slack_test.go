package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"diffy/pkg/pipeline"
	"diffy/pkg/report"
)

// chat is a channel and what is remembered of it, for one test.
type chat struct {
	*testing.T
	now      time.Time
	call     string // the id of the call that is made
	nameless bool   // as a webhook is
	broken   error  // what posting meets
	forgets  error  // what recording meets, once
	gone     bool   // somebody deletes what is posted
	late     func() // called when something has been posted

	shown   []string // "root: …", "below 1: …", "update 1: …"
	threads map[string]pipeline.Thread
	owner   map[string]string
	until   map[string]time.Time
	waited  int
}

func newChat(t *testing.T) *chat {
	return &chat{
		T: t, now: time.Date(2026, 11, 24, 3, 12, 0, 0, time.UTC), call: "call-1",
		threads: map[string]pipeline.Thread{}, owner: map[string]string{}, until: map[string]time.Time{},
	}
}

// Claim implements pipeline.Threads.
func (c *chat) Claim(_ context.Context, incident, owner string, now, until time.Time) (pipeline.Thread, error) {
	if held := c.owner[incident]; held != "" && held != owner && c.until[incident].After(now) {
		return pipeline.Thread{}, fmt.Errorf("claim %s: %w", incident, pipeline.ErrExists)
	}
	c.owner[incident], c.until[incident] = owner, until
	t := c.threads[incident]
	t.Incident = incident
	return t, nil
}

// Keep implements pipeline.Threads.
func (c *chat) Keep(ctx context.Context, t pipeline.Thread, owner string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.forgets; err != nil {
		c.forgets = nil
		return err
	}
	if c.owner[t.Incident] != owner {
		return fmt.Errorf("keep %s: %w", t.Incident, pipeline.ErrNotFound)
	}
	c.threads[t.Incident], c.owner[t.Incident] = t, ""
	return nil
}

// Post implements pipeline.Channel.
func (c *chat) Post(_ context.Context, below string, m report.SlackMessage) (string, error) {
	if c.broken != nil {
		return "", c.broken
	}
	where := "root"
	if below != "" {
		where = "below " + below
	}
	c.shown = append(c.shown, where+": "+told(m))
	if c.late != nil {
		c.late()
	}
	if c.nameless {
		return "", nil
	}
	return fmt.Sprint(len(c.shown)), nil
}

// Update implements pipeline.Channel.
func (c *chat) Update(_ context.Context, name string, m report.SlackMessage) error {
	if c.gone {
		return fmt.Errorf("update %s: %w", name, pipeline.ErrNotFound)
	}
	c.shown = append(c.shown, "update "+name+": "+told(m))
	return nil
}

// told is the run that a message is about, and the earlier ones that it names.
func told(m report.SlackMessage) string {
	var text strings.Builder
	for _, b := range m.Blocks {
		for _, e := range b.Elements {
			text.WriteString(e.Text + "\n")
		}
		if b.Text != nil {
			text.WriteString(b.Text.Text + "\n")
		}
	}
	run, _, _ := strings.Cut(strings.SplitAfter(text.String()+"report `", "report ")[1], "`")
	runs := []string{run}
	for _, line := range strings.Split(text.String(), "\n") {
		if earlier, ok := strings.CutPrefix(line, "Earlier: `"); ok {
			earlier, _, _ = strings.Cut(earlier, "`")
			runs = append(runs, earlier)
		}
	}
	return strings.Join(runs, " after ")
}

// hear delivers a message as SNS does.
func (c *chat) hear(a report.Alert) ([]string, error) {
	c.Helper()
	message, err := a.JSON()
	if err != nil {
		c.Fatal(err)
	}
	return c.hearText(string(message))
}

func (c *chat) hearText(message string) ([]string, error) {
	c.Helper()
	event, err := json.Marshal(map[string]any{"Records": []any{map[string]any{"EventSource": "aws:sns", "Sns": map[string]any{"MessageId": "m-1", "Message": message}}}})
	if err != nil {
		c.Fatal(err)
	}
	var in pipeline.SlackIn
	if err := json.Unmarshal(event, &in); err != nil {
		c.Fatal(err)
	}
	ctx := c.Context()
	if c.late != nil {
		ctx, c.late = context.WithCancel(ctx)
	}
	out, err := pipeline.Slack{
		Threads: c, Channel: c, Owner: func(context.Context) string { return c.call },
		Wait: func(context.Context, time.Duration) error { c.waited++; return nil },
		Now:  func() time.Time { return c.now }, Log: slog.New(slog.DiscardHandler),
	}.Handle(ctx, in)
	return out.Shown, err
}

func alertOf(run string, minute int) report.Alert {
	return report.Alert{
		Schema: report.AlertSchema, ID: run + "/succeeded", Run: run, Incident: "INC-7", Status: "succeeded", Severity: "high",
		Verdict: "1 of 3 examined hosts stands out", Finished: fmt.Sprintf("2026-11-24T03:%02d:00Z", minute),
		Hosts: &report.AlertCounts{Requested: 3, Examined: 3, Outliers: 1}, Command: "diffy runs report " + run,
	}
}

func (c *chat) want(shown ...string) {
	c.Helper()
	if diff := cmp.Diff(shown, c.shown); diff != "" {
		c.Errorf("shown (-want +got):\n%s", diff)
	}
}

func (c *chat) check(_ []string, err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

// However often a message is delivered, by the same call or by another, it shows
// once.
func TestSlackShowsOnce(t *testing.T) {
	c := newChat(t)
	for i, call := range []string{"call-1", "call-1", "call-2"} {
		c.call = call
		shown, err := c.hear(alertOf("run-1", 1))
		if err != nil || (len(shown) == 1) != (i == 0) {
			t.Errorf("delivery %d: shown %v, %v", i+1, shown, err)
		}
	}
	c.want("root: run-1")
}

// An incident is one message, which shows its latest run; those after the first are
// kept below it.
func TestSlackKeepsIncidentTogether(t *testing.T) {
	c := newChat(t)
	c.check(c.hear(alertOf("run-1", 1)))
	c.check(c.hear(alertOf("run-3", 30)))
	c.check(c.hear(alertOf("run-2", 20))) // SNS keeps no order
	other := alertOf("run-9", 40)
	other.Incident = "INC-8"
	c.check(c.hear(other))
	c.want("root: run-1", "update 1: run-3 after run-1", "below 1: run-3", "below 1: run-2", "root: run-9")
}

// A channel that names no messages gets one for each run.
func TestSlackByWebhook(t *testing.T) {
	c := newChat(t)
	c.nameless = true
	for _, run := range []string{"run-1", "run-2", "run-1"} {
		c.check(c.hear(alertOf(run, 1)))
	}
	c.want("root: run-1", "root: run-2 after run-1")
}

// What Slack refuses is an error, for Lambda to call again and to keep at last; the
// next try need not wait for the lease to end.
func TestSlackRefuses(t *testing.T) {
	c := newChat(t)
	c.broken = errors.New("Slack: 404 Not Found")
	if _, err := c.hear(alertOf("run-1", 1)); !errors.Is(err, c.broken) {
		t.Errorf("error %v, want %v", err, c.broken)
	}
	c.broken, c.call = nil, "call-2"
	c.check(c.hear(alertOf("run-1", 1)))
	c.want("root: run-1")
	if c.waited > 0 {
		t.Errorf("waited %d times", c.waited)
	}
}

// A call that dies between sending and recording sends once more when it is
// repeated, and never a third time.
func TestSlackDiesBeforeRecording(t *testing.T) {
	c := newChat(t)
	c.forgets = errors.New("the function has died")
	if _, err := c.hear(alertOf("run-1", 1)); err == nil {
		t.Fatal("it has not died")
	}
	c.check(c.hear(alertOf("run-1", 1)))
	c.check(c.hear(alertOf("run-1", 1)))
	c.want("root: run-1", "root: run-1")
}

// A message that Slack has taken in the last moment of a call is recorded all the
// same: the next call does not show it again.
func TestSlackOutOfTime(t *testing.T) {
	c := newChat(t)
	c.late = func() {}
	c.check(c.hear(alertOf("run-1", 1)))
	c.late, c.call = nil, "call-2"
	c.check(c.hear(alertOf("run-1", 1)))
	c.want("root: run-1")
}

// Two calls are never at one thread at once: the other waits, and takes over when
// the first has not come back within its lease.
func TestSlackWaitsForOthers(t *testing.T) {
	c := newChat(t)
	c.owner["INC-7"], c.until["INC-7"] = "call-0", c.now.Add(time.Minute)
	if _, err := c.hear(alertOf("run-1", 1)); !errors.Is(err, pipeline.ErrExists) {
		t.Errorf("error %v, want %v", err, pipeline.ErrExists)
	}
	if c.waited != 9 || len(c.shown) > 0 {
		t.Errorf("waited %d times, shown %v", c.waited, c.shown)
	}
	c.now = c.now.Add(2 * time.Minute)
	c.check(c.hear(alertOf("run-1", 1)))
	c.want("root: run-1")
}

// A message that somebody has deleted is shown anew.
func TestSlackMessageWasDeleted(t *testing.T) {
	c := newChat(t)
	c.check(c.hear(alertOf("run-1", 1)))
	c.gone = true
	c.check(c.hear(alertOf("run-2", 2)))
	c.want("root: run-1", "root: run-2 after run-1")
}

// What others publish on the topic is not for the channel.
func TestSlackIgnoresOthers(t *testing.T) {
	c := newChat(t)
	for _, message := range []string{"", "hello", `{"schema":"other/1"}`, "{}"} {
		c.check(c.hearText(message))
	}
	if len(c.shown) > 0 {
		t.Errorf("shown %v", c.shown)
	}
}

// What is remembered of an incident has an end, and holds no values of hosts.
func TestSlackRemembersLittle(t *testing.T) {
	c := newChat(t)
	for i := range 600 {
		a := alertOf(fmt.Sprint("run-", i), 1)
		a.Outliers = []report.AlertHost{{Host: "i-1", Outlier: true, Top: []report.AlertFinding{{What: "/tmp/.x"}}}}
		c.check(c.hear(a))
	}
	data, err := json.Marshal(c.threads["INC-7"])
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > 100_000 || strings.Contains(string(data), "/tmp/.x") {
		t.Errorf("%d bytes: %.500s", len(data), data)
	}
	if n := len(c.threads["INC-7"].Sent); n != 200 {
		t.Errorf("%d messages are remembered", n)
	}
}
