package e2e

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"

	"diffy/pkg/cloud"
	"diffy/pkg/pipeline"
)

// TestAlerts follows the message of a run to whoever listens: a queue, a queue that
// hears only what is loud, the topic of Amazon Q, and Slack.
func TestAlerts(t *testing.T) {
	w := newWorld(t)
	loud := w.subscribe(w.cfg.Topic, "loud", map[string]string{
		"FilterPolicy": `{"severity":["high","unknown"],"outliers":[{"numeric":[">",0]}],"group":["asg:shop"]}`,
	})
	chat := w.subscribe(w.cfg.ChatTopic, "chat", nil)
	attacked := w.attackedGroup()
	const first, second = "asg-shop-20260102T0304-a1b2", "asg-shop-20260102T0404-a1b2"
	input := `{"incident":"INC-7","target":{"autoScalingGroup":"shop"},"suspects":["` + attacked + `"]}`
	w.succeeded(w.run(first, input))
	one := w.heard()
	if n := len(w.heardBy(loud)); n != 1 {
		t.Errorf("who listens to what is loud has heard %d messages, want 1", n)
	}
	w.hearsQ(first, w.heardBy(chat))

	s := w.slack()
	w.show(s, "call-1", one[0])
	w.show(s, "call-1", one[0])
	w.show(s, "call-2", one[0])
	s.want("/chat.postMessage")
	for _, part := range []string{attacked, "the suspect", "diffy runs report " + first, "https://eu-west-1.console.aws.amazon.com/s3/object/diffy-work"} {
		if !strings.Contains(s.bodies[0], part) {
			t.Errorf("the message to Slack has no %q: %s", part, s.bodies[0])
		}
	}

	w.later.Add(int64(time.Hour))
	w.succeeded(w.run(second, input))
	w.show(s, "call-3", w.heard()[0])
	s.want("/chat.postMessage", "/chat.update", "/chat.postMessage")
	if !strings.Contains(s.bodies[1], first) || !strings.Contains(s.bodies[2], `"thread_ts":"17.1"`) {
		t.Errorf("the second run is shown as %s and %s", s.bodies[1], s.bodies[2])
	}
	for _, item := range w.items() {
		if text, _ := json.Marshal(item); strings.Contains(string(text), "xoxb-") || strings.Contains(string(text), "/tmp/") {
			t.Errorf("the table holds what it should not: %s", text)
		}
	}
}

// attackedGroup makes a group of four hosts, one of which is attacked, and returns
// that one.
func (w *world) attackedGroup() string {
	w.Helper()
	plays := []string{"ip-10-77-0-12", "ip-10-77-0-12", "ip-10-77-0-12", readTruth(w.T).Attacked[0]}
	ids := w.scale("shop", len(plays))
	w.settle(ids, plays)
	for _, id := range ids {
		w.agents.hosts[id].act = quick{world: w}.act
	}
	return ids[len(ids)-1]
}

// hearsQ checks that the topic of Amazon Q has the one form that it passes on.
func (w *world) hearsQ(run string, heard []any) {
	w.Helper()
	if len(heard) != 1 {
		w.Fatalf("the chat topic has %d messages, want 1", len(heard))
	}
	var m struct {
		Version, Source string
		Content         struct{ TextType, Title, Description string }
		Metadata        struct{ ThreadID string }
	}
	w.must(json.Unmarshal([]byte(w.message(heard[0])), &m))
	got := []string{m.Version, m.Source, m.Content.TextType, m.Metadata.ThreadID}
	if diff := cmp.Diff([]string{"1.0", "custom", "client-markdown", "INC-7"}, got); diff != "" || m.Content.Title == "" || !strings.Contains(m.Content.Description, "asg:shop") {
		w.Errorf("what Amazon Q gets of %s (-want +got):\n%s%+v", run, diff, m)
	}
}

// message is what was published, from what a queue has heard.
func (w *world) message(heard any) string {
	w.Helper()
	var envelope struct{ Message string }
	w.must(json.Unmarshal(heard.(json.RawMessage), &envelope))
	return envelope.Message
}

// slackStandIn takes what Slack would, and answers as it does.
type slackStandIn struct {
	*testing.T
	secret        string // ARN
	paths, bodies []string
}

// slack stands in for Slack; what lets a bot into it is a secret of the account.
func (w *world) slack() *slackStandIn {
	w.Helper()
	s := &slackStandIn{T: w.T}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("Authorization") != "Bearer xoxb-made-up" {
			_, _ = io.WriteString(rw, `{"ok":false,"error":"invalid_auth"}`)
			return
		}
		s.paths, s.bodies = append(s.paths, r.URL.Path), append(s.bodies, string(body))
		_, _ = io.WriteString(rw, `{"ok":true,"channel":"C1","ts":"17.1"}`)
	}))
	w.Cleanup(server.Close)
	made, err := secretsmanager.NewFromConfig(w.sdk).CreateSecret(w.Context(), &secretsmanager.CreateSecretInput{
		Name: aws.String("diffy/slack"), SecretString: aws.String(`{"token":"xoxb-made-up","channel":"C1","api":"` + server.URL + `"}`),
	})
	w.must(err)
	s.secret = *made.ARN
	return s
}

func (s *slackStandIn) want(paths ...string) {
	s.Helper()
	if diff := cmp.Diff(paths, s.paths); diff != "" {
		s.Errorf("Slack was asked (-want +got):\n%s", diff)
	}
}

// show calls the function as SNS does, with what a queue has heard as the record.
func (w *world) show(s *slackStandIn, call string, heard any) {
	w.Helper()
	c, err := cloud.New(w.Context(), w.cfg)
	w.must(err)
	secret, err := cloud.ReadSlackSecret(w.Context(), region, s.secret)
	w.must(err)
	handler := cloud.Handler(pipeline.Slack{
		Threads: c.Table, Channel: cloud.NewSlack(secret), Owner: func(context.Context) string { return call },
		Wait: cloud.Wait, Now: w.now, Log: w.logger(),
	}.Handle)
	event, err := json.Marshal(map[string]any{"Records": []any{map[string]any{"EventSource": "aws:sns", "Sns": heard}}})
	w.must(err)
	_, err = handler.Invoke(w.Context(), event)
	w.must(err)
}
