package cloud

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"diffy/pkg/pipeline"
)

// Topic tells its subscribers.
type Topic struct {
	client *sns.Client
	arn    string
}

// Publish implements pipeline.Publisher.
func (t *Topic) Publish(ctx context.Context, m pipeline.Message) error {
	body, err := json.Marshal(map[string]string{"default": string(m.Alert), "email": m.Text})
	if err != nil {
		return fmt.Errorf("publish %s: %w", m.ID, err)
	}
	_, err = t.client.Publish(ctx, &sns.PublishInput{
		TopicArn: &t.arn, Subject: &m.Subject, Message: aws.String(string(body)),
		MessageStructure: aws.String("json"), MessageAttributes: attributes(m.Attributes),
	})
	if err != nil {
		return failed(err, "publish %s", m.ID)
	}
	return nil
}

// attributes leaves out those without a value, which SNS refuses.
func attributes(values map[string]string) map[string]types.MessageAttributeValue {
	out := map[string]types.MessageAttributeValue{}
	for name, value := range values {
		if value != "" {
			out[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &value}
		}
	}
	return out
}
