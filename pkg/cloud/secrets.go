package cloud

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// SlackSecret is what lets diffy into a channel: the address of an incoming
// webhook, or the token of a bot and the channel it writes to. It is a secret as a
// whole: it stands in no log line and no error.
type SlackSecret struct {
	Webhook string `json:"webhook"`
	Token   string `json:"token"`
	Channel string `json:"channel"` // id, as "C0123456789"
	API     string `json:"api"`     // of a bot; empty: that of slack.com
}

// ReadSlackSecret reads the secret of that ARN each time it is called, so that one
// that was changed counts from the next message on.
func ReadSlackSecret(ctx context.Context, region, arn string) (func(context.Context) (SlackSecret, error), error) {
	own, err := config.LoadDefaultConfig(ctx, config.WithRegion(region))
	if err != nil {
		return nil, fmt.Errorf("load configuration of the SDK: %w", err)
	}
	client := secretsmanager.NewFromConfig(own)
	return func(ctx context.Context) (SlackSecret, error) {
		out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn})
		if err != nil {
			return SlackSecret{}, failedQuietly(err, "read secret %s", arn)
		}
		var text string
		if out.SecretString != nil {
			text = *out.SecretString
		}
		s, err := parseSlackSecret(text)
		if err != nil {
			return s, fmt.Errorf("read secret %s: %w", arn, err)
		}
		return s, nil
	}, nil
}

// parseSlackSecret says what is wrong with a secret without repeating any of it.
func parseSlackSecret(text string) (SlackSecret, error) {
	s := SlackSecret{}
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return SlackSecret{}, fmt.Errorf(`want JSON, {"webhook":"https://…"} or {"token":"xoxb-…","channel":"C…"}`)
	}
	if s.API == "" {
		s.API = "https://slack.com/api"
	}
	switch {
	case s.Webhook != "" && s.Token != "":
		return SlackSecret{}, fmt.Errorf("want a webhook or a token, not both")
	case s.Webhook != "" && !safeAddress(s.Webhook):
		return SlackSecret{}, fmt.Errorf("webhook: want an address that begins with https://")
	case s.Webhook != "":
		return s, nil
	case s.Token == "":
		return SlackSecret{}, fmt.Errorf("want a webhook or a token")
	case s.Channel == "":
		return SlackSecret{}, fmt.Errorf("want the channel beside the token")
	case !safeAddress(s.API):
		return SlackSecret{}, fmt.Errorf("api: want an address that begins with https://")
	}
	return s, nil
}

// safeAddress reports whether a secret may be sent there: over TLS, or to this machine.
func safeAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && u.Hostname() == "127.0.0.1")
}
