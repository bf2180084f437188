package cloud

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/google/go-cmp/cmp"

	"diffy/pkg/pipeline"
)

// TestPublish: each protocol gets its own form, filter policies get words and
// numbers, and Amazon Q's topic gets its schema and nothing around it.
func TestPublish(t *testing.T) {
	var asked []url.Values
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, err := url.ParseQuery(string(body))
		if err != nil {
			t.Error(err)
		}
		asked = append(asked, form)
		_, _ = io.WriteString(w, `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>`)
	}))
	defer server.Close()
	client := sns.New(sns.Options{Region: "eu-west-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")})
	m := pipeline.Message{
		ID: "run-1/succeeded", Subject: "diffy: x", Alert: []byte(`{"verdict":"<a> & b"}`), Text: "a\nb\n", Chat: []byte(`{"version":"1.0"}`),
		Attributes: map[string]string{"severity": "high", "region": ""}, Numbers: map[string]int{"outliers": 3},
	}
	topic := Topic{client: client, arn: "arn:results", chat: "arn:chat"}
	if err := topic.Publish(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if len(asked) != 2 {
		t.Fatalf("%d messages were published, want 2", len(asked))
	}
	var forms map[string]string
	if err := json.Unmarshal([]byte(asked[0].Get("Message")), &forms); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"default": string(m.Alert), "email": m.Text}, forms); diff != "" {
		t.Errorf("forms (-want +got):\n%s", diff)
	}
	want := []string{"arn:results", "json", "diffy: x", "arn:chat", "", "", `{"version":"1.0"}`}
	got := []string{
		asked[0].Get("TopicArn"), asked[0].Get("MessageStructure"), asked[0].Get("Subject"),
		asked[1].Get("TopicArn"), asked[1].Get("MessageStructure"), asked[1].Get("Subject"), asked[1].Get("Message"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	typed := map[string]string{}
	for name, v := range attributes(m) {
		typed[name] = aws.ToString(v.DataType) + " " + aws.ToString(v.StringValue)
	}
	if diff := cmp.Diff(map[string]string{"severity": "String high", "outliers": "Number 3"}, typed); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}

	asked = nil
	topic.chat = ""
	if err := topic.Publish(t.Context(), m); err != nil || len(asked) != 1 {
		t.Errorf("without a chat topic %d messages were published: %v", len(asked), err)
	}
}
