package e2e

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"diffy/collect"
	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// Cases of how a run begins and ends.

// event: GuardDuty accuses one host of a group. The trigger starts one run for all
// of it, once, however often the finding comes.
func event(w *world) {
	ids := w.quickGroup("web-prod", 3)
	finding := strings.ReplaceAll(string(w.sample("guardduty-runtime-process.json")), "i-0a1b2c3d4e5f60718", ids[1])
	var out, more pipeline.TriggerOut
	w.must(json.Unmarshal(w.invoke("trigger", finding), &out))
	w.must(json.Unmarshal(w.invoke("trigger", finding), &more))
	if len(out.Runs) != 1 || len(more.Runs) > 0 && more.Runs[0] != out.Runs[0] {
		w.Fatalf("the finding starts %v: %s; sent again it starts %v: %s", out.Runs, out.Reason, more.Runs, more.Reason)
	}
	end := w.wait(out.Runs[0])
	w.leave(end)

	w.succeeded(end)
	w.accounted(end.Name, all(ids, whole))
	w.told(end.Name, nil)
	for _, h := range w.result(end.Name).Hosts {
		if h.Suspect != (h.Host == ids[1]) {
			w.Errorf("host %s is suspect: %v; the finding names %s", h.Host, h.Suspect, ids[1])
		}
	}
	if locks := w.locks(); len(locks) > 0 {
		w.Errorf("after the run there are locks: %v", locks)
	}
}

// member: a raw event is the input, and its host is in another account. Everything
// there goes through the assumed role.
func member(w *world) {
	const other = "444455556666"
	there := w.member(other)
	ids := there.quickGroup("web-prod", 2)
	finding := strings.ReplaceAll(string(w.sample("guardduty-ec2-network-member.json")), "i-0f9e8d7c6b5a49382", ids[0])
	const run = "asg-web-prod-20260102T0304-6c7d"
	end := w.run(run, finding)
	w.leave(end)

	w.succeeded(end)
	w.accounted(run, all(ids, whole))
	for _, id := range ids {
		w.read("s3/" + pipeline.EvidenceKey(run, pipeline.Place{Account: other, Region: region}, id))
	}
}

// again: the same request twice, as two runs. Both stand for themselves. The same
// run again, by its name, is none.
func again(w *world) {
	ids := w.quickGroup("web-prod", 3)
	const first, second = "asg-web-prod-20260102T0304-8e9f", "asg-web-prod-20260102T0305-9f8e"
	request := string(w.sample("manual-minimal.json"))
	runs := []execution{w.run(first, request), w.run(second, request)}
	_, err := sfn.NewFromConfig(w.sdk).StartExecution(w.Context(), &sfn.StartExecutionInput{
		StateMachineArn: &w.machine, Name: aws.String(first), Input: &request,
	})
	var exists *sfntypes.ExecutionAlreadyExists
	if !errors.As(err, &exists) {
		w.Errorf("starting %s once more: %v, want that it exists already", first, err)
	}
	w.leave(runs...)

	for _, end := range runs {
		w.succeeded(end)
		w.accounted(end.Name, all(ids, whole))
	}
	if len(w.agents.commands) != 2*len(ids) {
		w.Errorf("%d commands for two runs of %d batches", len(w.agents.commands), len(ids))
	}
}

// empty: the group has no hosts. The run fails and names the error; the rule tells
// fail of it once more, and the message comes once.
func empty(w *world) {
	const run = "web-prod-202611240312-1"
	end := w.run(run, string(w.sample("manual-minimal.json")))
	w.invoke("fail", w.endedEvent("FAILED"))
	w.leave(end)

	if end.Status != "FAILED" || end.Error != string(pipeline.NoHosts) {
		w.Errorf("the run ended as %s: %s: %s, want FAILED: %s", end.Status, end.Error, end.Cause, pipeline.NoHosts)
	}
	w.told(run, nil)
	w.tellRun(end, end.Error+": "+end.Cause)
}

// changedDocument: somebody has changed the SSM document. Nothing is sent, and the
// run says why.
func changedDocument(w *world) {
	w.quickGroup("web-prod", 2)
	w.replaceDocument(strings.Replace(string(collect.Document()), "set -fu", "set -fu; id", 1))
	const run = "asg-web-prod-20260102T0304-0c0d"
	end := w.run(run, string(w.sample("manual-minimal.json")))
	w.leave(end)

	if end.Status != "FAILED" || end.Error != string(pipeline.DocumentChanged) {
		w.Errorf("the run ended as %s: %s: %s, want FAILED: %s", end.Status, end.Error, end.Cause, pipeline.DocumentChanged)
	}
	if len(w.agents.commands) > 0 {
		w.Errorf("%d commands were sent", len(w.agents.commands))
	}
	w.told(run, nil)
	w.tellRun(end, end.Error+": "+end.Cause)
}

// aborted: somebody stops the execution while a host is waited for. EventBridge
// tells of it twice; the record and the message come once. What was collected by
// then can be analysed all the same.
func aborted(w *world) {
	ids := w.quickGroup("web-prod", 3)
	w.agents.hosts[ids[2]].silent = true
	w.called[ids[2]] = "waited for"
	w.functions.before = func(string, []byte) error { return nil } // no time passes
	const run = "web-prod-202611240312-1"
	w.start(run, string(w.sample("manual-minimal.json")))
	w.must(eventually(w.Context(), "two hosts and a look at the third", func() (bool, error) {
		return w.functions.times("extract") == 2 && w.functions.times("poll") > 2, nil
	}))
	_, err := sfn.NewFromConfig(w.sdk).StopExecution(w.Context(), &sfn.StopExecutionInput{ExecutionArn: w.executionARN(run)})
	w.must(err)
	end := w.wait(run)
	for range 2 {
		w.invoke("fail", string(w.sample("execution-aborted.json")))
	}
	w.invoke("analyze", `{"run":"`+run+`"}`)
	w.leave(end)

	if end.Status != "ABORTED" {
		w.Errorf("the run ended as %s, want ABORTED", end.Status)
	}
	w.told(run, nil)
	var record pipeline.Run
	for _, item := range w.items() {
		if item["id"] == run {
			record.Status = pipeline.RunStatus(item["status"].(string))
		}
	}
	if record.Status != pipeline.FailedRun {
		w.Errorf("the record says %q, want %q", record.Status, pipeline.FailedRun)
	}
	want := all(ids[:2], whole)
	want[ids[2]] = fate{triage.NotExamined, "no outcome"}
	w.lost = ids[2:]
	w.accounted(run, want)
	w.tellRun(end, "ABORTED: the execution ended as ABORTED")
}

// endedEvent is what EventBridge says of the run of execution-aborted.json when it
// has ended so.
func (w *world) endedEvent(status string) string {
	w.Helper()
	return strings.ReplaceAll(string(w.sample("execution-aborted.json")), "ABORTED", status)
}

// start begins an execution.
func (w *world) start(name, input string) {
	w.Helper()
	_, err := sfn.NewFromConfig(w.sdk).StartExecution(w.Context(), &sfn.StartExecutionInput{
		StateMachineArn: &w.machine, Name: aws.String(name), Input: aws.String(input),
	})
	w.must(err)
}

// invoke calls a function that is no state, as EventBridge does.
func (w *world) invoke(function, payload string) []byte {
	w.Helper()
	out, failure := w.functions.call(w.Context(), function, []byte(payload))
	if failure != nil {
		w.Fatalf("function %s: %s: %s", function, failure.Type, failure.Message)
	}
	return out
}

// locks returns the groups that a run still holds.
func (w *world) locks() []any {
	var groups []any
	for _, item := range w.items() {
		if item["sk"] == "lock" && item["state"] != "done" {
			groups = append(groups, item["pk"])
		}
	}
	return groups
}
