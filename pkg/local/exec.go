package local

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"diffy/collect"
	"diffy/pkg/pipeline"
	"diffy/pkg/snapshot"
	"diffy/pkg/triage"
	"diffy/pkg/trigger"
)

// Exec is a program that collects: how hosts come in that nothing here can reach,
// those of another cloud for one. It is started once for each host, gets one
// ExecRequest as JSON on stdin, and prints a snapshot on stdout. docs/plugins.md is
// written for its author.
type Exec struct {
	Command []string      // the program, by its whole path or a name on PATH, and its arguments; no shell is started
	Hosts   []string      // the group
	Timeout time.Duration // for one host; 0: what a host of AWS gets, 240 s
}

// ExecSchema names the format of ExecRequest.
const ExecSchema = "diffy.exec/1"

// ExecRequest is what the program is asked for. Fields are added, never renamed.
type ExecRequest struct {
	Schema       string      `json:"schema"`
	Run          string      `json:"run"`
	Incident     string      `json:"incident"`
	Attempt      string      `json:"attempt"` // another one when a host is tried again
	Host         string      `json:"host"`    // begins with a letter or digit and has only these and . _ : -
	Account      string      `json:"account"` // as the target has them, may be empty
	Region       string      `json:"region"`
	Pack         string      `json:"pack"`
	PackVersion  string      `json:"pack_version"`
	Seconds      int         `json:"timeout_seconds"`       // until the program is killed
	QuerySeconds int         `json:"query_timeout_seconds"` // that one query should get
	MaxBytes     int         `json:"max_bytes"`             // of stdout; one more and all of it is refused
	Queries      []ExecQuery `json:"queries"`
}

// ExecQuery is one statement to run, without a semicolon at its end.
type ExecQuery struct {
	Name string `json:"name"`
	SQL  string `json:"sql"`
}

// execAtOnce is how many programs run at once: they wait for hosts, not for this
// machine.
const execAtOnce = 16

// program is the hosts of an Exec and how they are collected from.
type program struct {
	Exec
	request ExecRequest // what is the same for every host but the queries
	group   string
	objects Folder
	now     func() time.Time

	once    sync.Once
	queries []ExecQuery
	err     error // of reading the queries
	said    sayings
}

func newProgram(r *runner) (*program, error) {
	t := r.Request.Target
	p := &program{Exec: *r.Exec, group: cmp.Or(t.Tags[groupTag], pipeline.TargetKey(t)), objects: r.objects, now: r.Now}
	if err := p.check(); err != nil {
		return nil, err
	}
	path, err := p.Program()
	if err != nil {
		return nil, err
	}
	p.Command = append([]string{path}, p.Command[1:]...)
	p.Timeout = cmp.Or(p.Timeout, time.Duration(collect.DefaultLimits.TotalSeconds)*time.Second)
	p.request = ExecRequest{
		Schema: ExecSchema, Run: r.id, Incident: cmp.Or(r.Request.Incident, r.id), Account: t.Account, Region: t.Region,
		Pack: r.pack.Name, PackVersion: r.pack.Version, Seconds: int(p.Timeout / time.Second),
		QuerySeconds: collect.DefaultLimits.QuerySeconds, MaxBytes: collect.DefaultLimits.TotalBytes,
	}
	return p, nil
}

// check demands of the hosts' names what a request does of instance ids: they go
// into command lines and paths.
func (p *program) check() error {
	if len(p.Hosts) == 0 {
		return errors.New("run a program to collect: no host is named")
	}
	input, err := json.Marshal(triage.Request{Target: triage.Target{InstanceIDs: p.Hosts}})
	if err == nil {
		_, err = trigger.ParseRequest(input)
	}
	return err
}

// Group implements pipeline.Fleet: the hosts that were named.
func (p *program) Group(context.Context, triage.Target, bool) (pipeline.Group, error) {
	g := pipeline.Group{ID: p.group, Key: p.group}
	for _, id := range slices.Compact(slices.Sorted(slices.Values(p.Hosts))) {
		host := localHost(id)
		host.State = "named"
		g.Hosts = append(g.Hosts, pipeline.Candidate{Host: host})
	}
	return g, nil
}

// collect runs the program for one host and uploads what it has printed.
func (p *program) collect(ctx context.Context, host string, o order) (collect.Report, error) {
	p.once.Do(func() { p.queries, p.err = p.asked(ctx, o.run) })
	if p.err != nil {
		return collect.Report{}, p.err
	}
	ask := p.request
	ask.Host, ask.Attempt, ask.Queries = host, o.attempt, p.queries
	data, err := p.call(ctx, ask)
	if err != nil {
		return collect.Report{}, err
	}
	report := collect.Report{SHA256: digest(data), Size: int64(len(data)), Queries: len(p.queries), Version: "unknown"}
	return report, p.objects.Put(ctx, o.upload(host, report.SHA256), data)
}

// asked are the queries that resolve has written for the hosts of the run.
func (p *program) asked(ctx context.Context, run string) ([]ExecQuery, error) {
	const limit = 16 << 20 // bytes; both are our own
	data, err := p.objects.Get(ctx, pipeline.Object{Bucket: pipeline.Work, Key: pipeline.PlanKey(run)}, limit)
	if err != nil {
		return nil, err
	}
	var plan pipeline.Plan
	if err := json.Unmarshal(data, &plan); err != nil {
		return nil, fmt.Errorf("read plan of %s: %w", run, err)
	}
	bundle, err := p.objects.Get(ctx, pipeline.Object{Bucket: pipeline.Intake, Place: place, Key: plan.Bundle.Key}, limit)
	if err != nil {
		return nil, err
	}
	var out []ExecQuery
	for line := range strings.Lines(string(bundle)) {
		if name, sql, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t"); ok {
			out = append(out, ExecQuery{name, sql})
		}
	}
	return out, nil
}

// first is the line that diffy begins a snapshot with whose program does not: it
// names what was asked, so that a query without an answer shows.
func first(ask ExecRequest, at time.Time) []byte {
	begin := snapshot.Begin{Pack: ask.Pack, PackVersion: ask.PackVersion}
	for _, q := range ask.Queries {
		begin.Queries = append(begin.Queries, q.Name)
	}
	return lineOf(ask, at, func(l *logWriter) { l.begin(&begin) })
}

// last is the line that ends it.
func last(ask ExecRequest, at time.Time) []byte {
	return lineOf(ask, at, func(l *logWriter) {
		l.head("diffy_end")
		l.text(fmt.Sprintf(`"columns":{"queries":"%d"}}`+"\n", len(ask.Queries)))
	})
}

// lineOf is a line of the host's log.
func lineOf(ask ExecRequest, at time.Time, write func(*logWriter)) []byte {
	var b bytes.Buffer
	l := &logWriter{Writer: bufio.NewWriter(&b), host: &snapshot.Host{Name: ask.Host, Time: at.Unix()}}
	write(l)
	_ = l.Flush() // to memory
	return b.Bytes()
}
