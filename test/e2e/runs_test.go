package e2e

import (
	"encoding/json"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"diffy/pkg/pipeline"
)

// Cases of how a run begins and ends.

// event: GuardDuty accuses one host of a group. The trigger starts one run for all
// of it, once, however often the finding comes.
func event(w *world) {
	ids := w.quickGroup("web-prod", 3)
	finding := strings.ReplaceAll(string(w.sample("guardduty-runtime-process.json")), "i-0a1b2c3d4e5f60718", ids[1])
	var out pipeline.TriggerOut
	for range 2 {
		w.must(json.Unmarshal(w.invoke("trigger", finding), &out))
		if len(out.Runs) != 1 {
			w.Fatalf("the finding starts %v: %s", out.Runs, out.Reason)
		}
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
	w.noSecrets()
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
	w.noSecrets()
}

// again: the same request twice, as two runs. Both stand for themselves.
func again(w *world) {
	ids := w.quickGroup("web-prod", 3)
	const first, second = "asg-web-prod-20260102T0304-8e9f", "asg-web-prod-20260102T0305-9f8e"
	runs := []execution{w.run(first, string(w.sample("manual-minimal.json"))), w.run(second, string(w.sample("manual-minimal.json")))}
	w.leave(runs...)

	for _, end := range runs {
		w.succeeded(end)
		w.accounted(end.Name, all(ids, whole))
		w.sameEvidence(end.Name)
	}
}

// empty: the group has no hosts. The run fails, says so once, and names the error.
func empty(w *world) {
	const run = "asg-web-prod-20260102T0304-0a0b"
	end := w.run(run, string(w.sample("manual-minimal.json")))
	w.leave(end)

	if end.Status != "FAILED" || end.Error != string(pipeline.NoHosts) {
		w.Errorf("the run ended as %s: %s: %s, want FAILED: %s", end.Status, end.Error, end.Cause, pipeline.NoHosts)
	}
	w.told(run, nil)
}

// aborted: somebody stops the execution while hosts are waited for. EventBridge
// tells of it twice; the record and the message come once.
func aborted(w *world) {
	ids := w.quickGroup("web-prod", 2)
	for _, id := range ids {
		w.agents.hosts[id].silent = true
	}
	w.functions.before = func(string, []byte) error { return nil } // no time passes
	const run = "web-prod-202611240312-1"
	w.start(run, string(w.sample("manual-minimal.json")))
	w.must(eventually(w.Context(), "poll", func() (bool, error) { return w.functions.called("poll"), nil }))
	_, err := sfn.NewFromConfig(w.sdk).StopExecution(w.Context(), &sfn.StopExecutionInput{ExecutionArn: w.executionARN(run)})
	w.must(err)
	end := w.wait(run)
	for range 2 {
		w.invoke("fail", string(w.sample("execution-aborted.json")))
	}
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

// locks returns the groups that are locked.
func (w *world) locks() []any {
	var groups []any
	for _, item := range w.items() {
		if item["sk"] == "lock" {
			groups = append(groups, item["pk"])
		}
	}
	return groups
}
