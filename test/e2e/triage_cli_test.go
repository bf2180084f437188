package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// started is how the command line says which run it has started.
var started = regexp.MustCompile(`(?m)^diffy: run (\S+) has started$`)

func (w *world) startedRun(s said) string {
	w.Helper()
	m := started.FindStringSubmatch(s.err)
	if m == nil {
		w.Fatalf("no run has started:\n%s%s", s.out, s.err)
	}
	return m[1]
}

// TestTriageCommand: a responder triages a fleet of which two hosts are attacked,
// from the plan to the report and what comes after.
func TestTriageCommand(t *testing.T) {
	w := newWorld(t)
	known := readTruth(t)
	hosts := played(func(string) bool { return true })
	ids := w.scale("shop", len(hosts)+1)
	w.settle(ids[:len(hosts)], hosts)
	gone := ids[len(hosts)]
	w.halt(gone)

	// The plan names every host and sends nothing.
	w.says(0, []string{"triage", "--asg", "shop", "--plan"}, "not examined: stopped", "9, of which 8 would be asked", "8 of at most 1 host",
		"document  diffy-collect version 1 in 111122223333/eu-west-1\n", "US dollars", "!nothing was sent or written")
	var plan struct {
		Asked int
		Hosts []struct{ ID, Batch, Reason string }
	}
	w.must(json.Unmarshal([]byte(w.says(0, []string{"triage", "--asg", "shop", "--plan", "--format", "json"}).out), &plan))
	if plan.Asked != len(hosts) || len(plan.Hosts) != len(ids) || len(w.agents.commands) > 0 || len(w.items()) > 0 {
		t.Errorf("plan of %+v, %d commands, %d records", plan, len(w.agents.commands), len(w.items()))
	}
	w.says(2, []string{"triage", "--asg", "shopp", "--plan"}, "!no host matches asg:shopp in 111122223333/eu-west-1")

	// The run: the attacked hosts first, and the code that says so.
	out := filepath.Join(t.TempDir(), "out")
	s := w.says(10, []string{"triage", "--asg", "shop", "--tier", "core,ext", "--out", out}, "HOSTS",
		"!asg:shop: 9 hosts, 8 to examine in 8 batches", "!8 of 8 collected: 8 examined, 1 not examined (1: stopped)")
	run := w.startedRun(s)
	if !regexp.MustCompile(`^shop-\d{12}-[a-z0-9]{4}$`).MatchString(run) {
		t.Errorf("the run is called %s", run)
	}
	var result triage.Result
	data, err := os.ReadFile(filepath.Join(out, "result.json"))
	w.must(err)
	w.must(json.Unmarshal(data, &result))
	suspicious := w.instances(known.Attacked)
	if !sameHosts(result.Hosts[:len(suspicious)], suspicious) || result.Run.ID != run {
		t.Errorf("the first hosts of run %s are %v, want %v", result.Run.ID, hostsOf(result.Hosts), suspicious)
	}
	for _, name := range []string{"report.html", "findings.csv", "timeline.jsonl"} {
		if info, err := os.Stat(filepath.Join(out, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s was not left: %v", name, err)
		}
	}
	at := strings.Index(s.out, "HOSTS")
	first, second := strings.Index(s.out[at:], suspicious[0]), strings.Index(s.out[at:], gone)
	if first < 0 || second < 0 || first > second {
		t.Errorf("the ranking is\n%s", s.out)
	}

	// Earlier runs.
	w.says(0, []string{"runs", "list"}, run, "asg:shop", "succeeded", "8 of 9", "high")
	w.says(0, []string{"runs", "show"}, suspicious[0])
	w.says(2, []string{"runs", "show", "nobody"}, `!there is no run "nobody"`)
	page := filepath.Join(t.TempDir(), "page.html")
	w.says(0, []string{"runs", "report", run, "-o", page}, page)
	sameFiles(t, page, filepath.Join(out, "report.html"))
	w.says(0, []string{"runs", "report", run}, filepath.Join(w.temp, "cli", "reports", run+".html"))
	w.says(2, []string{"runs", "stop", run}, "!is over: it ended as SUCCEEDED")

	// What was derived is lost, and is made again from the evidence.
	w.empty(run)
	w.says(1, []string{"runs", "show", run}, "!diffy runs rebuild "+run)
	w.says(10, []string{"runs", "rebuild", run}, suspicious[0], "Made again from the evidence by diffy dev", "The plan of this run was lost")
	w.says(0, []string{"runs", "show", run}, suspicious[0])
	again := w.stored(run)
	if len(again.Findings) != len(result.Findings) || again.Findings[0].ID != result.Findings[0].ID {
		t.Errorf("%d findings before, %d after", len(result.Findings), len(again.Findings))
	}
	w.says(0, []string{"verify", run})
}

// sameFiles fails when two files differ.
func sameFiles(t *testing.T, a, b string) {
	t.Helper()
	one, err1 := os.ReadFile(a)
	two, err2 := os.ReadFile(b)
	if err1 != nil || err2 != nil || !bytes.Equal(one, two) {
		t.Errorf("%s and %s differ: %v, %v", a, b, err1, err2)
	}
}

// empty deletes all that was derived of a run.
func (w *world) empty(run string) {
	w.Helper()
	keys, err := w.objects().List(w.Context(), pipeline.Object{Bucket: pipeline.Work, Key: "runs/" + run + "/"})
	w.must(err)
	for _, key := range keys {
		_, err := w.s3().DeleteObject(w.Context(), &s3.DeleteObjectInput{Bucket: &w.cfg.Work, Key: &key})
		w.must(err)
	}
}

// TestRetryCommand: one host of three cannot be reached. The retry asks that one
// alone, by the earlier run's own request.
func TestRetryCommand(t *testing.T) {
	w := newWorld(t)
	ids := w.quickGroup("web-prod", 3)
	w.agents.hosts[ids[2]].managed = false
	s := w.says(20, []string{"triage", "--asg", "web-prod", "--suspect", ids[0], "--incident", "INC-7"}, "not managed by SSM")
	first := w.startedRun(s)
	w.agents.hosts[ids[2]].managed = true
	sent := len(w.agents.commands)
	w.says(0, []string{"triage", "--retry", first, "--plan"}, "3, of which 1 would be asked, 2 taken from an earlier run", "batches   1 of at most 1 host", "taken from run "+first)
	s = w.says(0, []string{"triage", "--retry", first}, "2 of 3 hosts were not asked again: their evidence is of run "+first)
	second := w.startedRun(s)
	if asked := w.agents.commands[sent:]; len(asked) != 1 || asked[0].InstanceIds[0] != ids[2] {
		t.Errorf("the retry has sent %d commands", len(asked))
	}
	result := w.stored(second)
	if result.Group.Examined != 3 || result.Run.Incident != "INC-7" {
		t.Errorf("the retry is of incident %s and has examined %d", result.Run.Incident, result.Group.Examined)
	}
	for _, h := range result.Hosts {
		if earlier := strings.HasPrefix(h.Reason, "evidence of run "+first+", received "); earlier != (h.Host != ids[2]) || h.Suspect != (h.Host == ids[0]) {
			t.Errorf("host %+v", h)
		}
	}
	w.says(0, []string{"verify", second})
	w.says(2, []string{"triage", "--retry", "web-prod-0"}, `!there is no run "web-prod-0" to retry`)
	w.says(1, []string{"triage", "--retry", first, "--asg", "other"}, "!run "+first+" was of asg:web-prod: it cannot be retried for asg:other")
}

// TestStopCommand: a responder leaves a run that waits for a host, comes back to it,
// and stops it. What was collected by then is analysed.
func TestStopCommand(t *testing.T) {
	w := newWorld(t)
	ids := w.quickGroup("web-prod", 3)
	w.agents.hosts[ids[2]].silent = true
	w.functions.before = func(string, []byte) error { return nil } // no time passes
	cmd := w.command("triage", "--asg", "web-prod")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	w.must(cmd.Start())
	w.must(eventually(w.Context(), "two hosts and a look at the third", func() (bool, error) {
		return w.functions.times("extract") == 2 && w.functions.times("poll") > 2, nil
	}))
	w.must(cmd.Process.Signal(os.Interrupt))
	_ = cmd.Wait()
	run := w.startedRun(said{err: errs.String()})
	if want := "hint: come back with diffy runs show " + run; cmd.ProcessState.ExitCode() != 1 || !strings.Contains(errs.String(), want) {
		t.Errorf("interrupted, it ended with %d and said\n%s", cmd.ProcessState.ExitCode(), errs.String())
	}
	w.says(0, []string{"runs", "show", run}, "collecting", "2 of 3: 2 examined", "!diffy runs stop "+run)
	w.says(2, []string{"triage", "--retry", run}, "!is not over")

	told := make(chan struct{})
	go func() { // as EventBridge does
		defer close(told)
		end := w.wait(run) // moto keeps neither error nor cause of who stops it
		w.invoke("fail", `{"source":"aws.states","detail-type":"Step Functions Execution Status Change","detail":{"stateMachineArn":"`+w.machine+
			`","name":"`+run+`","status":"`+end.Status+`","error":"`+pipeline.StoppedByPerson+`","cause":"alice has stopped it"}}`)
	}()
	w.says(20, []string{"runs", "stop", run}, "the run was stopped", "The run was stopped before every host had been examined.", "!1 command cancelled in 111122223333/eu-west-1")
	<-told
	if last := w.agents.commands[len(w.agents.commands)-1]; last.status() != "Cancelled" && w.agents.commands[0].status() != "Cancelled" && w.agents.commands[1].status() != "Cancelled" {
		t.Error("no command was cancelled")
	}
	w.says(0, []string{"runs", "list"}, run, "stopped", "2 of 3")
	w.says(0, []string{"runs", "show", run}, "the run was stopped", "!is stopped: Stopped: alice has stopped it")
	w.says(0, []string{"verify", run})
}

// TestFailedCommand: a run that cannot begin says why, and what to do.
func TestFailedCommand(t *testing.T) {
	w := newWorld(t)
	s := w.says(1, []string{"triage", "--asg", "nobody"}, "!has failed: NoHosts: no host matches asg:nobody in 111122223333/eu-west-1", "!hint: is the name right")
	run := w.startedRun(s)
	w.says(0, []string{"runs", "list"}, run, "failed")
	w.says(1, []string{"runs", "show"}, "!NoHosts")
}

// TestDeploymentOfAStack: the command line finds everything by the outputs of the
// stack, and says what to do when it is not there.
func TestDeploymentOfAStack(t *testing.T) {
	w := newWorld(t)
	body, err := json.Marshal(map[string]any{
		"Resources": map[string]any{"Topic": map[string]any{"Type": "AWS::SNS::Topic"}},
		"Outputs": map[string]any{
			"StateMachineArn": out(w.cfg.StateMachine), "TableName": out(w.cfg.Table), "IntakeBucketName": out(w.cfg.Intake),
			"EvidenceBucketName": out(w.cfg.Evidence), "WorkBucketName": out(w.cfg.Work), "ResultsTopicArn": out(w.cfg.Topic),
			"DocumentName": out(w.cfg.Document), "TargetRoleName": out(w.cfg.TargetRole), "ExternalId": out("diffy"),
		},
	})
	w.must(err)
	for _, stack := range []struct{ name, body string }{
		{"DiffyProd", string(body)}, {"Other", `{"Resources":{"Topic":{"Type":"AWS::SNS::Topic"}}}`},
	} {
		_, err = cloudformation.NewFromConfig(w.sdk).CreateStack(w.Context(), &cloudformation.CreateStackInput{StackName: aws.String(stack.name), TemplateBody: &stack.body})
		w.must(err)
	}
	for _, test := range []struct {
		name, want string
		env        []string
		code       int
	}{
		{"by name", "there are no runs yet", []string{"DIFFY_STACK=DiffyProd"}, 0},
		{"not there", "hint: name the stack", []string{"DIFFY_STACK=DiffyTest"}, 1},
		{"the usual name, not there", "find stack Diffy in eu-west-1: diffy is not deployed there", []string{"DIFFY_PERSISTENCE=aws"}, 1},
		{"somebody else's", "DIFFY_TABLE is not set", []string{"DIFFY_STACK=Other"}, 1},
		{"in another region", "find stack DiffyProd in us-east-1: diffy is not deployed there", []string{"DIFFY_STACK=DiffyProd", "DIFFY_REGION=us-east-1"}, 1},
		{"no region", "hint: name the region", []string{"DIFFY_STACK=DiffyProd", "AWS_REGION="}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			program, err := cli()
			w.must(err)
			cmd := exec.CommandContext(w.Context(), program, "runs", "list")
			cmd.Env = append(append(os.Environ(), "HOME="+w.temp, "XDG_CONFIG_HOME="), test.env...)
			said, _ := cmd.CombinedOutput()
			if cmd.ProcessState.ExitCode() != test.code || !strings.Contains(string(said), test.want) {
				t.Errorf("it ended with %d, want %d and %q:\n%s", cmd.ProcessState.ExitCode(), test.code, test.want, said)
			}
		})
	}
}

// out is an output of a stack.
func out(value string) map[string]string { return map[string]string{"Value": value} }
