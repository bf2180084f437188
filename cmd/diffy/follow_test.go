package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"diffy/pkg/cloud"
	"diffy/pkg/pipeline"
	"diffy/pkg/triage"

	"github.com/google/go-cmp/cmp"
)

// fakeAccount is an account in which one run goes on, look by look.
type fakeAccount struct {
	objects map[string]string // by bucket and key
	looks   []look            // the first is what is there when the run has started
	records map[string]pipeline.Run

	started  []byte
	analyzed []pipeline.RunIn
	result   string // that analysing leaves, of any run
	canceled []string
	stopped  string
	denied   error // of cancelling
	paused   []time.Duration
}

// look is what one look at the run finds.
type look struct {
	cloud.Execution
	err     error
	objects map[string]string // that have come since the last one
}

func running(objects map[string]string) look {
	return look{Execution: cloud.Execution{Status: "RUNNING"}, objects: objects}
}

func (f *fakeAccount) app(t *testing.T) (*app, *bytes.Buffer, *bytes.Buffer) {
	var out, errs bytes.Buffer
	home := t.TempDir()
	return &app{
		in: strings.NewReader(""), out: &out, err: &errs, terminal: func(*os.File) bool { return false }, width: func() int { return 0 },
		env: func(name string) string {
			return map[string]string{"HOME": home, "DIFFY_HOME": home, "DIFFY_PERSISTENCE": "aws", "USER": "alice"}[name]
		},
		inAWS: func(context.Context) (*account, error) {
			return &account{
				objects: f, runs: f, machine: f, commands: f, steps: f,
				home: pipeline.Place{Account: "111122223333", Region: "eu-west-1"}, document: "diffy-collect",
			}, nil
		},
		pause: func(ctx context.Context, d time.Duration) error {
			f.paused = append(f.paused, d)
			return ctx.Err()
		},
	}, &out, &errs
}

// Get implements pipeline.Objects.
func (f *fakeAccount) Get(_ context.Context, o pipeline.Object, _ int64) ([]byte, error) {
	data, ok := f.objects[string(o.Bucket)+"/"+o.Key]
	if !ok {
		return nil, fmt.Errorf("read %s: %w", o.Key, pipeline.ErrNotFound)
	}
	return []byte(data), nil
}

// Put implements pipeline.Objects: nothing that follows a run writes.
func (f *fakeAccount) Put(context.Context, pipeline.Object, []byte) error {
	return errors.New("written")
}

// PutOnce implements pipeline.Objects.
func (f *fakeAccount) PutOnce(context.Context, pipeline.Object, []byte) error {
	return errors.New("written")
}

// List implements pipeline.Listed.
func (f *fakeAccount) List(_ context.Context, o pipeline.Object) ([]string, error) {
	var keys []string
	for _, name := range slices.Sorted(maps.Keys(f.objects)) {
		if key, ok := strings.CutPrefix(name, string(o.Bucket)+"/"); ok && strings.HasPrefix(key, o.Key) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

func (f *fakeAccount) URI(o pipeline.Object) string { return "s3://diffy-work/" + o.Key }

func (f *fakeAccount) SaveRun(_ context.Context, r pipeline.Run) error {
	f.records[r.ID] = r
	return nil
}

func (f *fakeAccount) BeginRun(context.Context, pipeline.Run) error { return errors.New("begun") }

func (f *fakeAccount) LoadRun(_ context.Context, id string) (pipeline.Run, error) {
	r, ok := f.records[id]
	if !ok {
		return r, pipeline.ErrNotFound
	}
	return r, nil
}

func (f *fakeAccount) ListRuns(context.Context, int) ([]pipeline.Run, error) {
	return slices.Collect(maps.Values(f.records)), nil
}

func (f *fakeAccount) Start(_ context.Context, run string, input []byte) error {
	f.started = input
	for i := range f.looks { // the id is made up at the start
		own := map[string]string{}
		for key, data := range f.looks[i].objects {
			own[strings.ReplaceAll(key, "RUN", run)] = data
		}
		f.looks[i].objects = own
	}
	return nil
}

func (f *fakeAccount) Describe(context.Context, string) (cloud.Execution, error) {
	now := f.looks[0]
	if len(f.looks) > 1 {
		f.looks = f.looks[1:]
	}
	if f.objects == nil {
		f.objects = map[string]string{}
	}
	maps.Copy(f.objects, now.objects)
	return now.Execution, now.err
}

func (f *fakeAccount) Stop(_ context.Context, run, name, cause string) error {
	f.stopped = run + " " + name + " " + cause
	return nil
}

func (f *fakeAccount) Document(context.Context, pipeline.Place) (pipeline.Document, error) {
	return pipeline.Document{}, errors.New("asked for")
}

func (f *fakeAccount) Unfinished(context.Context, pipeline.Place, string, time.Time) ([]string, error) {
	return []string{"cmd-1"}, nil
}

func (f *fakeAccount) Cancel(_ context.Context, p pipeline.Place, command string) error {
	if f.denied != nil && p.Account != "111122223333" {
		return f.denied
	}
	f.canceled = append(f.canceled, p.Account+" "+command)
	return nil
}

func (f *fakeAccount) Analyze(_ context.Context, in pipeline.RunIn) (pipeline.AnalyzeOut, error) {
	f.analyzed = append(f.analyzed, in)
	if f.result != "" {
		f.objects["work/runs/"+in.Run+"/result.json"] = f.result
	}
	return pipeline.AnalyzeOut{}, nil
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// plan is what resolve leaves of a group of three hosts in two batches.
func plan(t *testing.T) map[string]string {
	t.Helper()
	host := func(id string) pipeline.Candidate { return pipeline.Candidate{Host: triage.Host{ID: id}} }
	batch := func(number, account string, hosts ...string) pipeline.Batch {
		return pipeline.Batch{Batch: triage.Batch{Batch: number, Account: account, Region: "eu-west-1", Platform: "linux", Hosts: hosts}}
	}
	return map[string]string{
		"work/runs/RUN/plan.json":         encoded(t, pipeline.Plan{Key: "asg:web", Hosts: []pipeline.Candidate{host("i-1"), host("i-2"), host("i-3"), host("i-4")}}),
		"work/runs/RUN/hosts.json":        encoded(t, []pipeline.Batch{batch("0001", "111122223333", "i-1", "i-2"), batch("0002", "444455556666", "i-3")}),
		"work/runs/RUN/batches/0000.json": ended(t, "i-4", triage.NotExamined, "windows"),
	}
}

func ended(t *testing.T, host string, status triage.Status, reason string) string {
	return encoded(t, []pipeline.Record{{Outcome: triage.Outcome{Host: host, Status: status, Reason: reason}}})
}

const wholeResult = `{"schema":"diffy.result/1","run":{"id":"RUN"},"group":{"key":"asg:web","hosts_requested":4,"examined":4},"hosts":[],"findings":[],"notes":[]}`

// started is the run's id as the command has said it.
func idOf(t *testing.T, errs string) string {
	t.Helper()
	_, rest, _ := strings.Cut(errs, "diffy: run ")
	id, _, ok := strings.Cut(rest, " has started\n")
	if !ok {
		t.Fatalf("no run has started:\n%s", errs)
	}
	return id
}

func TestFollow(t *testing.T) {
	gone := errors.New("operation error SFN: DescribeExecution, https response error StatusCode: 0, RequestID: , dial tcp: no route to host")
	first := map[string]string{"work/runs/RUN/batches/0001/i-1.json": ended(t, "i-1", triage.Examined, ""), "work/runs/RUN/batches/0001/i-2.json": ended(t, "i-2", triage.Partial, "1 query failed")}
	last := map[string]string{"work/runs/RUN/batches/0002.json": ended(t, "i-3", triage.Examined, "")}
	succeededLook := look{Execution: cloud.Execution{Status: succeeded}, objects: map[string]string{"work/runs/RUN/result.json": wholeResult}}
	for _, test := range []struct {
		name  string
		looks []look
		says  []string // on stderr, in this order, RUN for the id
		code  int
	}{
		{
			"to its end",
			[]look{running(nil), running(plan(t)), running(first), running(last), succeededLook},
			[]string{
				"diffy: run RUN has started\n",
				"diffy: asg:web: 4 hosts, 3 to examine in 2 batches\n",
				"diffy: 3 of 3 collected: 2 examined, 1 partial, 1 not examined (1: 1 query failed; 1: windows)\n",
				"diffy: report: s3://diffy-work/runs/RUN/report.html; diffy runs report RUN -o report.html\n",
			},
			0,
		},
		{
			"though the network is away for a while",
			slices.Concat([]look{running(plan(t))}, slices.Repeat([]look{{err: gone}}, patience-1), []look{running(last), succeededLook}),
			[]string{"diffy: run RUN has started\n", "diffy: asg:web: 4 hosts", "diffy: report: "},
			0,
		},
		{
			"until the network is away for good",
			slices.Concat([]look{running(plan(t))}, slices.Repeat([]look{{err: gone}}, patience)),
			[]string{"diffy: follow run RUN: ", "hint: the run goes on: diffy runs show RUN\n"},
			exitFailed,
		},
		{
			"to a failure",
			[]look{running(nil), {Execution: cloud.Execution{Status: "FAILED", Error: "DocumentChanged", Cause: "SSM document x\x1b[2J is not ours"}}},
			[]string{"diffy: run RUN has failed: DocumentChanged: SSM document x\\x1b[2J is not ours\n", "hint: deploy again"},
			exitFailed,
		},
		{
			"to a time-out",
			[]look{{Execution: cloud.Execution{Status: "TIMED_OUT"}}},
			[]string{"diffy: run RUN has failed: TIMED_OUT\n", "hint: diffy triage --retry RUN asks again"},
			exitFailed,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := &fakeAccount{looks: test.looks}
			a, _, errs := f.app(t)
			code := a.run([]string{"triage", "--asg", "web", "--suspect", "i-1"})
			if code != test.code {
				t.Errorf("it ended with %d, want %d", code, test.code)
			}
			id, rest := idOf(t, errs.String()), errs.String()
			for _, says := range test.says {
				_, after, ok := strings.Cut(rest, strings.ReplaceAll(says, "RUN", id))
				if !ok {
					t.Fatalf("it does not say %q in\n%s", says, errs.String())
				}
				rest = after
			}
			if diff := cmp.Diff(`{"target":{"autoScalingGroup":"web"},"suspects":["i-1"]}`, string(f.started)); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			if n := len(f.paused); n > 0 && (f.paused[0] != firstPause || f.paused[n-1] > mostPause) {
				t.Errorf("it has paused for %v", f.paused)
			}
		})
	}
}

// Where there is no terminal a long run is told of now and then, not at each look.
func TestFollowTellsNowAndThen(t *testing.T) {
	f := &fakeAccount{looks: []look{running(plan(t))}}
	for i := range 20 {
		f.looks = append(f.looks, running(map[string]string{"work/runs/RUN/batches/0001/i-1.json": ended(t, "i-1", triage.Partial, fmt.Sprint(i))}))
	}
	f.looks = append(f.looks, running(map[string]string{"work/runs/RUN/batches/0001/i-2.json": ended(t, "i-2", triage.Examined, "")}),
		look{Execution: cloud.Execution{Status: "ABORTED", Error: pipeline.StoppedByPerson, Cause: "bob has stopped it"}})
	a, _, errs := f.app(t)
	a.run([]string{"triage", "--asg", "web"})
	if n := strings.Count(errs.String(), " collected: "); n != 1 {
		t.Errorf("%d lines:\n%s", n, errs.String())
	}
	if want := "hint: diffy runs show " + idOf(t, errs.String()) + " has what was analysed"; !strings.Contains(errs.String(), want) {
		t.Errorf("it does not say %q:\n%s", want, errs.String())
	}
}

func TestFollowIsLeft(t *testing.T) {
	f := &fakeAccount{looks: []look{running(plan(t))}}
	a, _, errs := f.app(t)
	ctx, cancel := context.WithCancel(t.Context())
	a.pause = func(context.Context, time.Duration) error { cancel(); return ctx.Err() }
	in, _ := a.inAWS(ctx)
	err := a.follow(ctx, in, "web-1")
	var e *exit
	if !errors.As(err, &e) || !errors.Is(err, errLeft) || e.code != exitFailed || e.hint != "come back with diffy runs show web-1, end it with diffy runs stop web-1" {
		t.Errorf("left with %v; %s", err, errs.String())
	}
}

func TestStop(t *testing.T) {
	const run = "web-1"
	objects := map[string]string{}
	for key, data := range plan(t) {
		objects[strings.ReplaceAll(key, "RUN", run)] = data
	}
	objects["work/runs/web-1/result.json"] = strings.ReplaceAll(wholeResult, "RUN", run)
	f := &fakeAccount{
		objects: objects, looks: []look{running(nil)}, denied: errors.New("AccessDenied"),
		records: map[string]pipeline.Run{run: {ID: run, Status: pipeline.Running}},
	}
	a, _, errs := f.app(t)
	if code := a.run([]string{"runs", "stop", run}); code != 0 {
		t.Errorf("it ended with %d", code)
	}
	if f.stopped != "web-1 Stopped somebody has stopped it: diffy runs stop" {
		t.Errorf("stopped %q", f.stopped)
	}
	if diff := cmp.Diff([]string{"111122223333 cmd-1", "111122223333 cmd-1"}, f.canceled); diff != "" {
		t.Errorf("cancelled (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]pipeline.RunIn{{Run: run, Stopped: true}}, f.analyzed); diff != "" {
		t.Errorf("analysed (-want +got):\n%s", diff)
	}
	const denied = "commands in 444455556666/eu-west-1 could not all be cancelled, and end by themselves within 7 minutes: AccessDenied"
	if !strings.Contains(errs.String(), denied) {
		t.Errorf("it does not say %q:\n%s", denied, errs.String())
	}
	if want := int(recordTime / firstPause); len(f.paused) != want {
		t.Errorf("it has waited %d times for the record, want %d", len(f.paused), want)
	}

	f.looks = []look{{Execution: cloud.Execution{Status: succeeded}}}
	if code := a.run([]string{"runs", "stop", run}); code != exitUsage {
		t.Errorf("a run that is over: it ended with %d", code)
	}
}

// Who was interrupted between the stop and the analysis has it made by the same
// command; so it says where there is no result.
func TestStopAgain(t *testing.T) {
	objects := map[string]string{}
	for key, data := range plan(t) {
		objects[strings.ReplaceAll(key, "RUN", "web-1")] = data
	}
	f := &fakeAccount{
		objects: objects, looks: []look{{Execution: cloud.Execution{Status: "ABORTED", Error: pipeline.StoppedByPerson}}},
		records: map[string]pipeline.Run{"web-1": {ID: "web-1", Status: pipeline.Stopped, Published: true}},
		result:  strings.ReplaceAll(wholeResult, "RUN", "web-1"),
	}
	a, _, errs := f.app(t)
	if a.run([]string{"runs", "show", "web-1"}); !strings.Contains(errs.String(), "hint: diffy runs stop web-1 analyses what it has collected") {
		t.Errorf("it does not say what to do: %s", errs.String())
	}
	if code := a.run([]string{"runs", "stop", "web-1"}); code != 0 || f.stopped != "" || len(f.analyzed) != 1 {
		t.Errorf("it ended with %d, stopped %q, analysed %v: %s", code, f.stopped, f.analyzed, errs.String())
	}
	if code := a.run([]string{"runs", "stop", "web-1"}); code != exitUsage || len(f.analyzed) != 1 {
		t.Errorf("a stopped run that is analysed: it ended with %d", code)
	}
}

// A shell does not wait for ever for ids that have to be asked for.
func TestRunIDsInTime(t *testing.T) {
	f := &fakeAccount{records: map[string]pipeline.Run{}}
	a, _, _ := f.app(t)
	find := a.inAWS
	asked := 0
	a.inAWS = func(ctx context.Context) (*account, error) {
		if _, ends := ctx.Deadline(); !ends {
			t.Error("completing has no end")
		}
		asked++
		return find(ctx)
	}
	a.run([]string{"__complete", "runs", "show", ""})
	a.run([]string{"__complete", "runs", "show", "--persistence", "file", ""})
	if asked != 1 {
		t.Errorf("the account was asked %d times", asked)
	}
}

// A run that had no plan yet has asked nobody.
func TestStopBeforeThePlan(t *testing.T) {
	f := &fakeAccount{looks: []look{running(nil)}, records: map[string]pipeline.Run{"web-1": {ID: "web-1"}}}
	a, _, errs := f.app(t)
	if code := a.run([]string{"runs", "stop", "web-1"}); code != exitPartial || len(f.analyzed) > 0 {
		t.Errorf("it ended with %d: %s", code, errs.String())
	}
}

// The result of one run, followed to its end by who comes back to it.
func TestShowFollows(t *testing.T) {
	f := &fakeAccount{
		looks:   []look{running(nil), running(nil), {Execution: cloud.Execution{Status: succeeded}, objects: map[string]string{"work/runs/web-1/result.json": wholeResult}}},
		records: map[string]pipeline.Run{},
	}
	a, out, errs := f.app(t)
	file := filepath.Join(t.TempDir(), "result.json")
	if code := a.run([]string{"runs", "show", "web-1", "--follow", "--format", "json", "-o", file}); code != 0 {
		t.Errorf("it ended with %d: %s%s", code, out.String(), errs.String())
	}
	if data, err := os.ReadFile(file); err != nil || !bytes.Contains(data, []byte(`"asg:web"`)) {
		t.Errorf("%s: %v", data, err)
	}
}
