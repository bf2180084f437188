package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"diffy/pkg/pipeline"
	"diffy/pkg/report"
)

// standIn is a Slack that answers as it is told, the last answer for ever.
type standIn struct {
	*httptest.Server
	answers []slackSays
	asked   []asked
	waited  []time.Duration
}

type slackSays struct {
	status int
	after  string // Retry-After
	body   string
}

type asked struct {
	Path, Token string
	Body        map[string]any
}

func newStandIn(t *testing.T, answers ...slackSays) *standIn {
	t.Helper()
	s := &standIn{answers: answers}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		got := asked{Path: r.URL.Path, Token: r.Header.Get("Authorization")}
		if err := json.Unmarshal(data, &got.Body); err != nil {
			t.Errorf("%s is asked with no JSON: %v", r.URL.Path, err)
		}
		s.asked = append(s.asked, got)
		now := s.answers[0]
		if len(s.answers) > 1 {
			s.answers = s.answers[1:]
		}
		if now.after != "" {
			w.Header().Set("Retry-After", now.after)
		}
		w.WriteHeader(now.status)
		_, _ = io.WriteString(w, now.body)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *standIn) slack(secret SlackSecret) Slack {
	c := NewSlack(func(context.Context) (SlackSecret, error) { return secret, nil })
	c.Wait = func(_ context.Context, d time.Duration) error { s.waited = append(s.waited, d); return nil }
	return c
}

func (s *standIn) bot() Slack {
	return s.slack(SlackSecret{Token: "xoxb-made-up", Channel: "C1", API: s.URL})
}

func (s *standIn) webhook() Slack {
	return s.slack(SlackSecret{Webhook: s.URL + "/services/made/up"})
}

var hello = report.Alert{Status: "succeeded", Severity: "high", Verdict: "1 of 3 examined hosts stands out", Hosts: &report.AlertCounts{Outliers: 1}}.Slack(nil)

const posted = `{"ok":true,"channel":"C1","ts":"17.5"}`

func TestSlackBot(t *testing.T) {
	s := newStandIn(t, slackSays{200, "", posted})
	name, err := s.bot().Post(t.Context(), "", hello)
	if name != "C1/17.5" || err != nil {
		t.Fatalf("posted as %q, %v", name, err)
	}
	if _, err := s.bot().Post(t.Context(), name, hello); err != nil {
		t.Fatal(err)
	}
	if err := s.bot().Update(t.Context(), name, hello); err != nil {
		t.Fatal(err)
	}
	var got [][]any
	for _, a := range s.asked {
		got = append(got, []any{a.Path, a.Token, a.Body["channel"], a.Body["thread_ts"], a.Body["ts"], a.Body["text"]})
	}
	const token, text = "Bearer xoxb-made-up", ":red_circle: HIGH∶ 1 of 3 examined hosts stands out"
	want := [][]any{
		{"/chat.postMessage", token, "C1", nil, nil, text},
		{"/chat.postMessage", token, "C1", "17.5", nil, text},
		{"/chat.update", token, "C1", nil, "17.5", text},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	for _, key := range []string{"unfurl_links", "unfurl_media", "link_names"} {
		if s.asked[0].Body[key] != false {
			t.Errorf("%s is %v", key, s.asked[0].Body[key])
		}
	}
}

func TestSlackWebhook(t *testing.T) {
	s := newStandIn(t, slackSays{200, "", "ok"})
	name, err := s.webhook().Post(t.Context(), "", hello)
	if name != "" || err != nil {
		t.Errorf("posted as %q, %v", name, err)
	}
	if a := s.asked[0]; a.Path != "/services/made/up" || a.Token != "" || a.Body["channel"] != nil {
		t.Errorf("asked %+v", a)
	}
	if err := s.webhook().Update(t.Context(), "C1/17.5", hello); !errors.Is(err, pipeline.ErrNotFound) {
		t.Errorf("a webhook updates: %v", err)
	}
}

// What is worth another try is tried, as late as Slack wants it; the rest ends at
// once, and no error says where to.
func TestSlackTries(t *testing.T) {
	tests := []struct {
		name    string
		webhook bool
		answers []slackSays
		tries   int
		waited  []time.Duration
		failed  string // part of the error; empty: it went well
	}{
		{"limited", false, []slackSays{{429, "7", "{}"}, {200, "", posted}}, 2, []time.Duration{7 * time.Second}, ""},
		{"limited, without a time", true, []slackSays{{429, "", "rate_limited"}, {200, "", "ok"}}, 2, []time.Duration{time.Second}, ""},
		{"limited for long", false, []slackSays{{429, "120", "{}"}}, 1, nil, "ratelimited"},
		{"limited, by name", false, []slackSays{{200, "2", `{"ok":false,"error":"ratelimited"}`}, {200, "", posted}}, 2, []time.Duration{2 * time.Second}, ""},
		{"broken, then well", false, []slackSays{{503, "", "<html>"}, {500, "", ""}, {200, "", posted}}, 3, []time.Duration{time.Second, 2 * time.Second}, ""},
		{"broken for good", true, []slackSays{{502, "", ""}}, 4, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}, "502"},
		{"no such webhook", true, []slackSays{{404, "", "no_service"}}, 1, nil, `404 Not Found: "no_service"`},
		{"channel is gone", true, []slackSays{{410, "", "channel_is_archived"}}, 1, nil, "channel_is_archived"},
		{"no such token", false, []slackSays{{200, "", `{"ok":false,"error":"invalid_auth"}`}}, 1, nil, "invalid_auth"},
		{"not invited", false, []slackSays{{200, "", `{"ok":false,"error":"not_in_channel"}`}}, 1, nil, "not_in_channel"},
		{"leads elsewhere", false, []slackSays{{302, "", ""}}, 1, nil, "302"},
		{"no JSON", false, []slackSays{{200, "", "<html>"}}, 1, nil, "no JSON"},
		{"blocks are refused", false, []slackSays{{200, "", `{"ok":false,"error":"invalid_blocks"}`}, {200, "", posted}}, 2, nil, ""},
		{"blocks are refused by a webhook", true, []slackSays{{400, "", "invalid_blocks_format"}, {200, "", "ok"}}, 2, nil, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newStandIn(t, test.answers...)
			c := s.bot()
			if test.webhook {
				c = s.webhook()
			}
			_, err := c.Post(t.Context(), "", hello)
			if len(s.asked) != test.tries {
				t.Errorf("%d tries, want %d", len(s.asked), test.tries)
			}
			if diff := cmp.Diff(test.waited, s.waited); diff != "" {
				t.Errorf("waited (-want +got):\n%s", diff)
			}
			switch {
			case test.failed == "" && err != nil:
				t.Error(err)
			case test.failed != "" && (err == nil || !strings.Contains(err.Error(), test.failed)):
				t.Errorf("error %v, want %s", err, test.failed)
			case err != nil && strings.Contains(err.Error(), "made"):
				t.Errorf("the error holds the secret: %v", err)
			}
		})
	}
}

// A message that Slack will not lay out still says what there is to say.
func TestSlackWithoutBlocks(t *testing.T) {
	s := newStandIn(t, slackSays{200, "", `{"ok":false,"error":"invalid_blocks"}`}, slackSays{200, "", posted})
	if _, err := s.bot().Post(t.Context(), "", hello); err != nil {
		t.Fatal(err)
	}
	if last := s.asked[1].Body; last["blocks"] != nil || last["text"] != hello.Text {
		t.Errorf("sent %v", last)
	}
}

func TestSlackIsAway(t *testing.T) {
	s := newStandIn(t, slackSays{200, "", posted})
	s.Close()
	_, err := s.webhook().Post(t.Context(), "", hello)
	if err == nil || strings.Contains(err.Error(), "made") || len(s.waited) != slackTries-1 {
		t.Errorf("error %v after %v", err, s.waited)
	}
}

func TestSlackMessageIsGone(t *testing.T) {
	s := newStandIn(t, slackSays{200, "", `{"ok":false,"error":"message_not_found"}`})
	if err := s.bot().Update(t.Context(), "C1/17.5", hello); !errors.Is(err, pipeline.ErrNotFound) {
		t.Errorf("error %v, want %v", err, pipeline.ErrNotFound)
	}
}

func TestSlackSecret(t *testing.T) {
	tests := []struct {
		name, text, wrong string
		want              SlackSecret
	}{
		{"webhook", `{"webhook":"https://hooks.slack.example/services/x"}`, "", SlackSecret{Webhook: "https://hooks.slack.example/services/x", API: "https://slack.com/api"}},
		{"bot", `{"token":"xoxb-1","channel":"C1"}`, "", SlackSecret{Token: "xoxb-1", Channel: "C1", API: "https://slack.com/api"}},
		{"bot elsewhere", `{"token":"xoxb-1","channel":"C1","api":"https://slack-gov.com/api"}`, "", SlackSecret{Token: "xoxb-1", Channel: "C1", API: "https://slack-gov.com/api"}},
		{"no JSON", "xoxb-secret", "want JSON", SlackSecret{}},
		{"nothing", "{}", "want a webhook or a token", SlackSecret{}},
		{"both", `{"webhook":"https://x.example/secret","token":"xoxb-secret"}`, "not both", SlackSecret{}},
		{"no channel", `{"token":"xoxb-secret"}`, "want the channel", SlackSecret{}},
		{"not over TLS", `{"webhook":"http://hooks.slack.example/secret"}`, "https://", SlackSecret{}},
		{"token not over TLS", `{"token":"xoxb-secret","channel":"C1","api":"http://slack.example"}`, "https://", SlackSecret{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseSlackSecret(test.text)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("secret (-want +got):\n%s", diff)
			}
			switch {
			case test.wrong == "" && err != nil:
				t.Error(err)
			case test.wrong != "" && (err == nil || !strings.Contains(err.Error(), test.wrong) || strings.Contains(err.Error(), "secret")):
				t.Errorf("error %v, want %s and nothing of the secret", err, test.wrong)
			}
		})
	}
}
