package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"diffy/pkg/pipeline"
)

// rule: from an event to a message. EventBridge has the rule of the synthesised
// template, a queue stands for its target, and what arrives there goes to the trigger
// as it is.
func rule(w *world) {
	ids := w.quickGroup("web-prod", 3)
	queue := w.deployRule()
	sent := w.samples(ids[1])
	sent["below the lowest severity"] = withSeverity(sent["guardduty-ec2-ssh"], 3.9)
	for name, event := range sent {
		w.emit(name, event)
	}
	events := w.delivered(queue)
	var got []string
	for id := range events {
		got = append(got, id)
	}
	slices.Sort(got)
	// Patterns tell cases apart: a detail in the API's casing, which EventBridge does not
	// send by itself, has no "severity".
	want := []string{
		"guardduty-archived", "guardduty-attack-sequence", "guardduty-attack-sequence-group", "guardduty-ec2-dns",
		"guardduty-ec2-network-member", "guardduty-ec2-ssh", "guardduty-eks-runtime", "guardduty-iam-instance", "guardduty-iam-no-host",
		"guardduty-malware", "guardduty-runtime-module", "guardduty-runtime-preload", "guardduty-runtime-process",
		"guardduty-sample-flag", "guardduty-sample-value",
	}
	if !slices.Equal(got, want) {
		w.Errorf("the rule lets through\n%v, want\n%v", got, want)
	}
	var out pipeline.TriggerOut
	w.must(json.Unmarshal(w.invoke("trigger", events["guardduty-runtime-process"]), &out))
	if len(out.Runs) != 1 {
		w.Fatalf("the event starts %v: %s", out.Runs, out.Reason)
	}
	end := w.wait(out.Runs[0])
	w.leave(end)

	w.succeeded(end)
	w.accounted(end.Name, all(ids, whole))
	w.told(end.Name, nil)
	fmt.Printf("rule: %d events in, %d delivered, 1 run, 1 message: %s\n", len(sent), len(got), end.Name)
}

// samples are the events of events/ that EventBridge delivers, by the names of their
// files; the host that is accused is one of ours.
func (w *world) samples(host string) map[string][]byte {
	w.Helper()
	paths, err := filepath.Glob(filepath.Join(root, "events", "*.json"))
	w.must(err)
	list := map[string][]byte{}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		event := bytes.ReplaceAll(w.sample(name+".json"), []byte("i-0a1b2c3d4e5f60718"), []byte(host))
		if bytes.Contains(event, []byte(`"detail-type"`)) {
			list[name] = event
		}
	}
	return list
}

func withSeverity(event []byte, severity float64) []byte {
	var e map[string]any
	_ = json.Unmarshal(event, &e) // one of the samples
	e["detail"].(map[string]any)["severity"] = severity
	data, _ := json.Marshal(e) // it was JSON
	return data
}

// deployRule makes the rule of the template, with a queue as its target, and returns
// the queue's URL.
func (w *world) deployRule() string {
	w.Helper()
	pattern, err := os.ReadFile(filepath.Join(root, "infra/testdata/finding-rule.json"))
	w.must(err)
	queue, err := sqs.NewFromConfig(w.sdk).CreateQueue(w.Context(), &sqs.CreateQueueInput{QueueName: aws.String("trigger")})
	w.must(err)
	w.eventBridge("PutRule", map[string]any{"Name": "findings", "EventPattern": string(pattern), "State": "ENABLED"})
	w.eventBridge("PutTargets", map[string]any{"Rule": "findings", "Targets": []any{
		map[string]any{"Id": "trigger", "Arn": "arn:aws:sqs:" + region + ":" + account + ":trigger"},
	}})
	return *queue.QueueUrl
}

// emit sends an event as its source does. Its resources carry the name by which it
// is known again.
func (w *world) emit(name string, event []byte) {
	w.Helper()
	var e struct {
		Source     string          `json:"source"`
		DetailType string          `json:"detail-type"`
		Detail     json.RawMessage `json:"detail"`
	}
	w.must(json.Unmarshal(event, &e))
	w.eventBridge("PutEvents", map[string]any{"Entries": []any{map[string]any{
		"Source": e.Source, "DetailType": e.DetailType, "Detail": string(e.Detail), "Resources": []string{name},
	}}})
}

// eventBridge calls an operation of EventBridge.
func (w *world) eventBridge(operation string, in any) {
	w.Helper()
	body, err := json.Marshal(in)
	w.must(err)
	req, err := http.NewRequestWithContext(w.Context(), http.MethodPost, cloudFront.url+"/", bytes.NewReader(body))
	w.must(err)
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AWSEvents."+operation)
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+accessKey+"/20260102/"+region+"/events/aws4_request, SignedHeaders=host, Signature=0")
	res, err := http.DefaultClient.Do(req)
	w.must(err)
	answer, err := io.ReadAll(res.Body)
	w.must(err)
	w.must(res.Body.Close())
	if res.StatusCode != http.StatusOK || bytes.Contains(answer, []byte("ErrorCode")) {
		w.Fatalf("%s: %s %s", operation, res.Status, answer)
	}
}

// delivered empties the rule's queue.
func (w *world) delivered(queue string) map[string]string {
	w.Helper()
	events := map[string]string{}
	for {
		out, err := sqs.NewFromConfig(w.sdk).ReceiveMessage(w.Context(), &sqs.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: 10})
		w.must(err)
		if len(out.Messages) == 0 {
			return events
		}
		for _, m := range out.Messages {
			var e struct{ Resources []string }
			w.must(json.Unmarshal([]byte(*m.Body), &e))
			events[e.Resources[0]] = *m.Body
		}
	}
}

// drill: somebody hands an event to the account from the command line. It goes
// through the lock of the group like any other; a sample gives a message marked TEST.
func drill(w *world) {
	ids := w.quickGroup("web-prod", 2)
	event := filepath.Join(w.temp, "event.json")
	w.must(os.WriteFile(event, w.samples(ids[0])["guardduty-runtime-process"], 0o600))
	w.says(0, []string{"trigger", filepath.Join(root, "events/guardduty-sample-flag.json"), "--start"},
		`"runs": []`, `"reason": "sample finding: a message marked TEST says what it would have started"`, "!nothing was started")
	w.says(0, []string{"trigger", filepath.Join(root, "events/guardduty-s3-no-host.json"), "--start"}, "!nothing was started: no host in this finding")
	started := w.says(0, []string{"trigger", event, "--start"}, `"web-prod-`, "!follow it with diffy runs show web-prod-")
	w.says(0, []string{"trigger", event, "--start"}, `"ignored": [`, "!nothing was started: sent again: run web-prod-")
	var out pipeline.TriggerOut
	w.must(json.Unmarshal([]byte(started.out), &out))
	end := w.wait(out.Runs[0])
	w.leave(end)

	w.succeeded(end)
	w.accounted(end.Name, all(ids, whole))
	messages := w.read("sns.jsonl") // the chat's, which come without a subject, among them
	if bytes.Count(messages, []byte(`"Subject"`)) != 2 || !bytes.Contains(messages, []byte("TEST")) {
		w.Errorf("messages, want one marked TEST and the run's:\n%s", messages)
	}
	if r := w.result(end.Name); r.Run.Trigger == nil || len(r.Run.Attached) > 0 {
		w.Errorf("the run's trigger is %+v, attached are %v", r.Run.Trigger, r.Run.Attached)
	}
}
