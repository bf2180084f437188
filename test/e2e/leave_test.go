package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// execution is how a run ended, in the words of Step Functions.
type execution struct {
	Name   string          `json:"name"`
	Status string          `json:"status"`
	Error  string          `json:"error,omitempty"`
	Cause  string          `json:"cause,omitempty"`
	Start  time.Time       `json:"startDate"`
	Stop   time.Time       `json:"stopDate"`
	Input  json.RawMessage `json:"input"`
	Output json.RawMessage `json:"output,omitempty"`
	Before []execution     `json:"before,omitempty"` // earlier runs of the same case
}

// run executes the state machine to its end.
func (w *world) run(name, input string) execution {
	w.Helper()
	w.start(name, input)
	return w.wait(name)
}

// wait returns when an execution has ended.
func (w *world) wait(name string) execution {
	w.Helper()
	client := sfn.NewFromConfig(w.sdk)
	w.must(eventually(w.Context(), "run "+name, func() (bool, error) {
		out, err := client.DescribeExecution(w.Context(), &sfn.DescribeExecutionInput{ExecutionArn: w.executionARN(name)})
		return err != nil || out.Status != sfntypes.ExecutionStatusRunning, err
	}))
	return w.ended(name)
}

func (w *world) ended(name string) execution {
	w.Helper()
	out, err := sfn.NewFromConfig(w.sdk).DescribeExecution(w.Context(), &sfn.DescribeExecutionInput{ExecutionArn: w.executionARN(name)})
	w.must(err)
	return execution{
		Name: name, Status: string(out.Status), Error: aws.ToString(out.Error), Cause: aws.ToString(out.Cause),
		Start: aws.ToTime(out.StartDate), Stop: aws.ToTime(out.StopDate),
		Input: raw(aws.ToString(out.Input)), Output: raw(aws.ToString(out.Output)),
	}
}

func (w *world) executionARN(name string) *string {
	return aws.String("arn:aws:states:" + region + ":" + account + ":execution:diffy-triage:" + name)
}

// leave writes everything that the case has left to out/e2e/<case>/. The last run
// is what the case is about.
func (w *world) leave(runs ...execution) {
	w.Helper()
	w.left = runs
	last := runs[len(runs)-1]
	last.Before = runs[:len(runs)-1]
	w.leaveJSON("execution.json", last)
	w.leaveLines("states.jsonl", w.states(runs))
	w.leaveLines("ssm.jsonl", w.sent())
	w.leaveLines("sns.jsonl", w.heard())
	w.leaveJSON("table.json", w.items())
	names := map[string]string{}
	for id, h := range w.agents.hosts {
		names[id] = h.plays
	}
	w.leaveJSON("names.json", names)
	w.must(os.WriteFile(filepath.Join(w.dir, "logs.txt"), w.log.bytes(), 0o644))
	for _, bucket := range []string{w.cfg.Intake, w.cfg.Evidence, w.cfg.Work} {
		w.leaveObjects(bucket)
	}
	for _, there := range w.elsewhere {
		there.leaveObjects(there.cfg.Intake)
	}
}

func (w *world) leaveJSON(name string, v any) {
	w.Helper()
	data, err := json.MarshalIndent(v, "", " ")
	w.must(err)
	w.must(os.WriteFile(filepath.Join(w.dir, name), append(data, '\n'), 0o644))
}

func (w *world) leaveLines(name string, lines []any) {
	w.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, l := range lines {
		w.must(enc.Encode(l))
	}
	w.must(os.WriteFile(filepath.Join(w.dir, name), b.Bytes(), 0o644))
}

// leaveObjects copies a bucket; the keys of all three are apart.
func (w *world) leaveObjects(bucket string) {
	w.Helper()
	client := w.s3()
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(w.Context())
		w.must(err)
		for _, o := range page.Contents {
			out, err := client.GetObject(w.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: o.Key})
			w.must(err)
			data, err := io.ReadAll(out.Body)
			w.must(err)
			path := filepath.Join(w.dir, "s3", filepath.FromSlash(*o.Key))
			w.must(os.MkdirAll(filepath.Dir(path), 0o755))
			w.must(os.WriteFile(path, data, 0o644))
		}
	}
}

// state is one state of one execution, or one call of a function, which is what
// can be seen of the states of a map's branches.
type state struct {
	From     string          `json:"from"` // "history" or "function"
	State    string          `json:"state"`
	In       json.RawMessage `json:"in,omitempty"`
	InBytes  int             `json:"in_bytes"`
	Out      json.RawMessage `json:"out,omitempty"`
	OutBytes int             `json:"out_bytes"`
	Error    string          `json:"error,omitempty"`
}

func (w *world) states(runs []execution) []any {
	w.Helper()
	var all []any
	for _, r := range runs {
		all = append(all, w.history(r.Name)...)
	}
	w.functions.mu.Lock()
	defer w.functions.mu.Unlock()
	for _, c := range w.functions.calls {
		s := state{From: "function", State: c.Function, In: c.In, InBytes: len(c.In), Out: c.Out, OutBytes: len(c.Out)}
		if c.Error != nil {
			s.Error = c.Error.Type + ": " + c.Error.Message
		}
		all = append(all, s)
	}
	return all
}

// history is the states of the execution itself.
func (w *world) history(run string) []any {
	w.Helper()
	var all []any
	var entered []state
	pages := sfn.NewGetExecutionHistoryPaginator(sfn.NewFromConfig(w.sdk), &sfn.GetExecutionHistoryInput{ExecutionArn: w.executionARN(run)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(w.Context())
		w.must(err)
		for _, e := range page.Events {
			if in := e.StateEnteredEventDetails; in != nil {
				text := aws.ToString(in.Input)
				entered = append(entered, state{From: "history", State: *in.Name, In: raw(text), InBytes: len(text)})
			}
			if out := e.StateExitedEventDetails; out != nil {
				at := slices.IndexFunc(entered, func(s state) bool { return s.State == *out.Name })
				s := entered[at]
				entered = slices.Delete(entered, at, at+1)
				text := aws.ToString(out.Output)
				s.Out, s.OutBytes = raw(text), len(text)
				all = append(all, s)
			}
		}
	}
	for _, s := range entered {
		all = append(all, s)
	}
	return all
}

func raw(text string) json.RawMessage {
	if !json.Valid([]byte(text)) {
		return nil
	}
	return json.RawMessage(text)
}

// sent is each SendCommand as it came in, secrets and all, and how it ended.
func (w *world) sent() []any {
	w.agents.mu.Lock()
	defer w.agents.mu.Unlock()
	var all []any
	for _, c := range w.agents.commands {
		all = append(all, c)
	}
	return all
}

// heard is the messages that the topic's subscriber has got so far.
func (w *world) heard() []any { return w.heardBy(w.queue) }

// heardBy empties a queue.
func (w *world) heardBy(queue string) []any {
	w.Helper()
	client := sqs.NewFromConfig(w.sdk)
	var all []any
	for {
		out, err := client.ReceiveMessage(w.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: &queue, MaxNumberOfMessages: 10,
			MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{sqstypes.MessageSystemAttributeNameAll},
		})
		w.must(err)
		if len(out.Messages) == 0 {
			return all
		}
		for _, m := range out.Messages {
			all = append(all, json.RawMessage(*m.Body))
		}
	}
}

// items is the table, but for the bytes of chunks.
func (w *world) items() []map[string]any {
	w.Helper()
	all := []map[string]any{}
	pages := dynamodb.NewScanPaginator(dynamodb.NewFromConfig(w.sdk), &dynamodb.ScanInput{TableName: &w.cfg.Table})
	for pages.HasMorePages() {
		page, err := pages.NextPage(w.Context())
		w.must(err)
		for _, it := range page.Items {
			item := map[string]any{}
			w.must(attributevalue.UnmarshalMap(it, &item))
			if data, ok := item["data"].([]byte); ok {
				item["data"] = len(data)
			}
			all = append(all, item)
		}
	}
	return all
}
