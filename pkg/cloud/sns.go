package cloud

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"diffy/pkg/pipeline"
)

// Topic tells its subscribers. Those of Amazon Q in chat have a topic of their own,
// as it takes no message in another schema.
type Topic struct {
	client *sns.Client
	arn    string
	chat   string // ARN; empty: nobody listens there
}

// Publish implements pipeline.Publisher. Each protocol gets its own form: e-mail
// the text, every other the JSON.
func (t *Topic) Publish(ctx context.Context, m pipeline.Message) error {
	body, err := envelope(m)
	if err != nil {
		return fmt.Errorf("publish %s: %w", m.ID, err)
	}
	_, err = t.client.Publish(ctx, &sns.PublishInput{
		TopicArn: &t.arn, Subject: &m.Subject, Message: &body,
		MessageStructure: aws.String("json"), MessageAttributes: attributes(m),
	})
	if err != nil {
		return failed(err, "publish %s", m.ID)
	}
	if t.chat == "" {
		return nil
	}
	_, err = t.client.Publish(ctx, &sns.PublishInput{TopicArn: &t.chat, Message: aws.String(string(m.Chat)), MessageAttributes: attributes(m)})
	if err != nil {
		return failed(err, "publish %s for chat", m.ID)
	}
	return nil
}

// envelope is the message by protocol.
func envelope(m pipeline.Message) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(map[string]string{"default": string(m.Alert), "email": m.Text})
	return b.String(), err
}

// attributes leaves out those without a value, which SNS refuses.
func attributes(m pipeline.Message) map[string]types.MessageAttributeValue {
	out := map[string]types.MessageAttributeValue{}
	for name, value := range m.Attributes {
		if value != "" {
			out[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &value}
		}
	}
	for name, value := range m.Numbers {
		out[name] = types.MessageAttributeValue{DataType: aws.String("Number"), StringValue: aws.String(strconv.Itoa(value))}
	}
	return out
}
