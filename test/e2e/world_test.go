package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"diffy/collect"
	"diffy/pkg/cloud"
	"diffy/pkg/pack"
	"diffy/pkg/pipeline"
)

// world is one case: an empty AWS with diffy deployed in it, and the hosts.
type world struct {
	*testing.T
	dir  string // out/e2e/<case>, what it leaves
	temp string // the hosts' trees
	cfg  cloud.Config
	pack *pack.Pack

	sdk       aws.Config
	functions *functions
	agents    *agents
	keys      keys
	queue     string   // the URL of the one that hears the topic
	machine   string   // ARN
	elsewhere []*world // other accounts
	log       log
	left      []execution       // that the case has left
	called    map[string]string // instances that the table calls by what is wrong with them
	fates     []fateRow         // how hosts have ended, for the table
	lost      []string          // hosts whose branch has ended without a word
	later     atomic.Int64      // nanoseconds that the clock of handlers and S3 is ahead
}

// deployed is what the stack would tell the functions.
var deployed = cloud.Config{
	Account: account, Region: region,
	Intake:   "diffy-intake-" + account + "-" + region,
	Evidence: "diffy-evidence", Work: "diffy-work", Table: "diffy",
	Topic:        "arn:aws:sns:" + region + ":" + account + ":diffy-results",
	ChatTopic:    "arn:aws:sns:" + region + ":" + account + ":diffy-chat",
	StateMachine: "arn:aws:states:" + region + ":" + account + ":stateMachine:diffy-triage",
	Document:     "diffy-collect", TargetRole: "DiffyTarget",
}

// newWorld deploys diffy in an empty moto.
func newWorld(t *testing.T) *world {
	t.Helper()
	if err := cloudFront.reset(); err != nil {
		t.Fatal(err)
	}
	w := &world{
		T: t, dir: filepath.Join(outDir(), filepath.Base(t.Name())), temp: t.TempDir(),
		cfg: deployed, keys: keys{accessKey: secretKey}, called: map[string]string{},
	}
	w.must(os.RemoveAll(w.dir))
	w.must(os.MkdirAll(w.dir, 0o755))
	var err error
	w.pack, err = pack.Load()
	w.must(err)
	w.sdk, err = config.LoadDefaultConfig(t.Context())
	w.must(err)
	w.agents = &agents{
		documents: w.document, trouble: func(string) error { return nil }, dir: filepath.Join(w.temp, "agents"),
		slots: make(chan struct{}, 3), hosts: map[string]*host{},
	}
	w.functions = &functions{before: w.pass}
	cloudFront.enter(w)
	t.Cleanup(func() {
		w.agents.stop()
		cloudFront.enter(nil)
	})
	w.deploy()
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// s3 is a client of the case's own.
func (w *world) s3() *s3.Client {
	return s3.NewFromConfig(w.sdk, func(o *s3.Options) { o.DisableLogOutputChecksumValidationSkipped = true })
}

// now is the clock of the handlers and of S3.
func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.later.Load())) }

// pass lets time pass at each look at hosts of which no more will be heard: as
// much as lies between two looks.
func (w *world) pass(function string, _ []byte) error {
	if function == "poll" && w.agents.idle() {
		w.later.Add(int64(15 * time.Second))
	}
	return nil
}

// serve puts the functions together as their mains do.
func (w *world) serve(osquery string) {
	w.Helper()
	c, err := cloud.New(w.Context(), w.cfg)
	w.must(err)
	log := w.logger()
	id := func() string { return strings.ToLower(rand.Text()[:8]) }
	releases := map[string]string{"x86_64": osquery, "aarch64": osquery}
	w.functions.handlers = map[string]lambda.Handler{
		"trigger": cloud.Handler(pipeline.Trigger{
			Fleet: c.Finder, Storm: c.Table, Runs: c.Table, Executions: c.Machine, Publisher: c.Topic, Now: w.now, Log: log,
		}.Handle),
		"resolve": cloud.Handler(pipeline.Resolve{
			Fleet: c.Fleet, Objects: c.Objects, Runs: c.Table, Storm: c.Table, Pack: w.pack,
			Home: pipeline.Place{Account: account, Region: region}, Now: w.now, Log: log,
		}.Handle),
		"collect": cloud.Handler(pipeline.Collect{
			Commands: c.Commands, Documents: c.Commands, Presigner: c.Presigner, Pack: w.pack,
			Osquery: pipeline.Osquery{Mode: collect.Pinned, Releases: releases}, Now: w.now, ID: id, Log: log,
		}.Handle),
		"poll":    cloud.Handler(pipeline.Poll{Commands: c.Commands, Now: w.now, Log: log}.Handle),
		"extract": cloud.Handler(pipeline.Extract{Commands: c.Commands, Objects: c.Objects, Pack: w.pack, Now: w.now, Log: log}.Handle),
		"analyze": cloud.Handler(pipeline.Analyze{
			Objects: c.Objects, Baselines: c.Table, Suppressions: c.Table, Runs: c.Table, Storm: c.Table,
			Pack: w.pack, Version: "e2e", Now: w.now, Log: log,
		}.Handle),
		"publish": cloud.Handler(pipeline.Publish{
			Objects: c.Objects, Runs: c.Table, Locks: c.Table, Publisher: c.Topic, Report: w.cfg.ReportAddress, Now: w.now, Log: log,
		}.Handle),
		"fail": cloud.Handler(pipeline.Fail{
			Runs: c.Table, Locks: c.Table, Publisher: c.Topic, Execution: w.cfg.ExecutionAddress, Now: w.now, Log: log,
		}.Handle),
	}
}

func (w *world) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// settle gives each instance a recorded host to play, both in their order, and
// lets SSM manage it.
func (w *world) settle(instances, plays []string) {
	w.Helper()
	if len(instances) != len(plays) {
		w.Fatalf("%d instances for %d recorded hosts", len(instances), len(plays))
	}
	for i, id := range instances {
		answers := filepath.Join(w.temp, "answers", plays[i])
		if _, err := os.Stat(answers); err != nil {
			rec, err := record(plays[i])
			w.must(err)
			w.must(rec.write(answers, w.pack))
		}
		h, err := newHost(id, plays[i], filepath.Join(w.temp, "hosts"), answers)
		w.must(err)
		w.agents.mu.Lock()
		w.agents.hosts[id] = h
		w.agents.mu.Unlock()
	}
}

// quickGroup makes a group of hosts that are quick and alike.
func (w *world) quickGroup(name string, size int) []string {
	w.Helper()
	ids := w.scale(name, size)
	w.settle(ids, slices.Repeat([]string{"ip-10-77-0-12"}, size))
	for _, id := range ids {
		w.agents.hosts[id].act = quick{world: w}.act
	}
	return ids
}

// member deploys what is needed where hosts of another account are, and returns
// the world as it is seen from there.
func (w *world) member(other string) *world {
	w.Helper()
	there := &world{T: w.T, dir: w.dir, temp: w.temp, cfg: w.cfg, pack: w.pack, sdk: w.sdk.Copy(), agents: w.agents}
	there.cfg.Intake = "diffy-intake-" + other + "-" + region
	there.sdk.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(
		sts.NewFromConfig(w.sdk), "arn:aws:iam::"+other+":role/"+w.cfg.TargetRole))
	there.deployIntake()
	there.deployDocument()
	w.elsewhere = append(w.elsewhere, there)
	return there
}

// instances returns those that play the recorded hosts, in order.
func (w *world) instances(plays []string) []string {
	var ids []string
	for id, h := range w.agents.hosts {
		if slices.Contains(plays, h.plays) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// plays returns the recorded hosts that instances play, in order.
func (w *world) plays(ids []string) []string {
	var names []string
	for _, id := range ids {
		names = append(names, w.agents.hosts[id].plays)
	}
	slices.Sort(names)
	return names
}

// played returns the recorded hosts that the group of a case is made of.
func played(keep func(string) bool) []string {
	paths, _ := filepath.Glob(filepath.Join(root, fleet, "ip-*.jsonl.gz")) // the pattern is a good one
	var names []string
	for _, p := range paths {
		if name := strings.TrimSuffix(filepath.Base(p), ".jsonl.gz"); keep(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// log keeps what the handlers log.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.text.Bytes())
}

// eventually asks until it is answered with true, every few milliseconds.
func eventually(ctx context.Context, what string, ask func() (bool, error)) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if done, err := ask(); done || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, ctx.Err())
		}
	}
}
