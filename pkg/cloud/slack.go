package cloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"diffy/pkg/pipeline"
	"diffy/pkg/report"
)

// NewSlack waits and times out as a function wants it. An answer that leads
// elsewhere is not followed: the address is one that somebody has chosen.
func NewSlack(secret func(context.Context) (SlackSecret, error)) Slack {
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return Slack{Secret: secret, Client: &http.Client{Timeout: 10 * time.Second, CheckRedirect: stay}, Wait: Wait}
}

// Wait returns when so much time has passed, or with the error of ctx.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Slack writes to a channel: through an incoming webhook, which can say something
// once, or as a bot, which can answer and update what it has said.
type Slack struct {
	Secret func(ctx context.Context) (SlackSecret, error) // asked before each message
	Client *http.Client                                   // with a timeout for each try
	Wait   func(ctx context.Context, d time.Duration) error
}

var (
	_ pipeline.Channel = Slack{}
	_ pipeline.Threads = (*Table)(nil)
)

const (
	slackTries = 4
	slackPause = time.Second      // before the second try; it doubles
	slackLong  = 30 * time.Second // a longer wait is for the next call of the function
	slackBytes = 1 << 20          // of an answer
)

// slackSent is what is sent: a message, and where to.
type slackSent struct {
	Channel string `json:"channel,omitempty"`
	Thread  string `json:"thread_ts,omitempty"`
	TS      string `json:"ts,omitempty"`
	report.SlackMessage
}

// slackAnswer is what the methods of Slack answer.
type slackAnswer struct {
	OK      bool   `json:"ok"`
	Error   string `json:"error"`
	Channel string `json:"channel"`
	TS      string `json:"ts"`
}

// Post implements pipeline.Channel.
func (s Slack) Post(ctx context.Context, below string, m report.SlackMessage) (string, error) {
	secret, err := s.Secret(ctx)
	if err != nil {
		return "", err
	}
	if secret.Webhook != "" {
		_, err := s.send(ctx, secret, secret.Webhook, slackSent{SlackMessage: m})
		return "", err
	}
	channel, thread, _ := strings.Cut(below, "/")
	if channel == "" {
		channel = secret.Channel
	}
	answer, err := s.send(ctx, secret, secret.API+"/chat.postMessage", slackSent{Channel: channel, Thread: thread, SlackMessage: m})
	if err != nil {
		return "", err
	}
	return answer.Channel + "/" + answer.TS, nil
}

// Update implements pipeline.Channel. A webhook has nothing to update: that is for
// an incident that was begun by a bot.
func (s Slack) Update(ctx context.Context, name string, m report.SlackMessage) error {
	secret, err := s.Secret(ctx)
	if err != nil {
		return err
	}
	channel, ts, _ := strings.Cut(name, "/")
	if secret.Webhook != "" || ts == "" {
		return fmt.Errorf("update %s: %w", name, pipeline.ErrNotFound)
	}
	_, err = s.send(ctx, secret, secret.API+"/chat.update", slackSent{Channel: channel, TS: ts, SlackMessage: m})
	return err
}

// slackError is why Slack did not take a message.
type slackError struct {
	name  string        // Slack's name of it, or the status
	after time.Duration // until another try; 0: as we like
	again bool          // another try may help
}

func (e *slackError) Error() string { return "Slack: " + e.name }

// Unwrap tells a message that is not there from other errors.
func (e *slackError) Unwrap() error {
	if slices.Contains([]string{"message_not_found", "thread_not_found", "cant_update_message", "edit_window_closed", "is_inactive"}, e.name) {
		return pipeline.ErrNotFound
	}
	return nil
}

// send tries until Slack has taken the message, says that it never will, or asks to
// wait longer than this call can.
func (s Slack) send(ctx context.Context, secret SlackSecret, to string, m slackSent) (slackAnswer, error) {
	pause := slackPause
	for try := 1; ; try++ {
		answer, err := s.try(ctx, secret, to, m)
		var refused *slackError
		switch {
		case err == nil:
			return answer, nil
		case !errors.As(err, &refused):
			return answer, err
		case strings.Contains(refused.name, "blocks") && m.Blocks != nil:
			m.Blocks = nil // better the verdict alone than nothing
			continue
		case !refused.again || try == slackTries || refused.after > slackLong:
			return answer, err
		}
		wait := max(pause, refused.after)
		if err := s.Wait(ctx, wait); err != nil {
			return answer, errors.Join(refused, err)
		}
		pause *= 2
	}
}

// try sends a message once. No error names the address, which may be a secret.
func (s Slack) try(ctx context.Context, secret SlackSecret, to string, m slackSent) (slackAnswer, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return slackAnswer{}, fmt.Errorf("encode message: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return slackAnswer{}, errors.New("the address in the secret is none")
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	if secret.Token != "" {
		req.Header.Set("Authorization", "Bearer "+secret.Token)
	}
	res, err := s.Client.Do(req)
	if err != nil {
		var at *url.Error
		if errors.As(err, &at) {
			err = at.Err
		}
		return slackAnswer{}, &slackError{name: err.Error(), again: true}
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, slackBytes))
	if err != nil {
		return slackAnswer{}, &slackError{name: "the answer broke off", again: true}
	}
	return readSlack(res, text, secret.Webhook != "")
}

// readSlack tells what an answer means. A webhook answers with a word, a method with
// JSON and, but for limits and breakdowns, with status 200 whatever happened.
func readSlack(res *http.Response, text []byte, webhook bool) (slackAnswer, error) {
	var answer slackAnswer
	known := json.Unmarshal(text, &answer) == nil
	switch {
	case res.StatusCode == http.StatusTooManyRequests:
		return answer, &slackError{name: "ratelimited", after: retryAfter(res.Header), again: true}
	case res.StatusCode >= 500:
		return answer, &slackError{name: res.Status, again: true}
	case webhook && res.StatusCode == http.StatusOK:
		return answer, nil
	case webhook:
		return answer, &slackError{name: fmt.Sprintf("%s: %.60q", res.Status, text)}
	case !known:
		return answer, &slackError{name: res.Status + ", and no JSON"}
	case answer.OK:
		return answer, nil
	}
	busy := []string{"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}
	return answer, &slackError{name: fmt.Sprintf("%.80s", answer.Error), after: retryAfter(res.Header), again: slices.Contains(busy, answer.Error)}
}

// retryAfter is how long Slack asks to wait.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
