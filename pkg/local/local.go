// Package local runs the pipeline on this machine: the handlers of package
// pipeline in the order of the state machine, with files in place of the cloud.
//
// In go a request and recorded snapshots, or this machine and its osquery; out
// come the same objects that a run leaves in S3, in one folder. It needs no
// account, starts nothing that outlives the call, and sends nothing anywhere.
package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"diffy/collect"
	"diffy/pkg/pack"
	"diffy/pkg/pipeline"
	"diffy/pkg/snapshot"
	"diffy/pkg/triage"
	"diffy/pkg/trigger"
)

// Localhost in place of a folder means this machine.
const Localhost = "localhost"

// Options says what to run on.
type Options struct {
	Source    string   // a folder or file of recorded snapshots, or Localhost
	Out       string   // where the run's files go; empty: runs/<run>/ of Home
	Home      string   // baselines, runs and suppressions
	Baselines []string // files or folders of clean hosts, each one baseline, in place of those of Home; no hosts of the group

	Request triage.Request // its target may be empty: the hosts of Source, as Group
	Group   string         // names them; empty: "local"
	Version string         // of diffy

	Now func() time.Time
	ID  func() string // a few random letters and digits
	Log *slog.Logger  // nil: none

	Skipped  func(path, reason string)          // told of what in Source is no evidence; may be nil
	Progress func(what string, done, total int) // told as it goes; may be nil
}

// Run runs one triage and returns its id, the folder with its files, and the
// result. A run that fails leaves what it has.
func Run(ctx context.Context, o Options) (run, dir string, result *triage.Result, err error) {
	r, err := o.prepare(ctx)
	if err != nil {
		return "", "", nil, err
	}
	result, err = r.run(ctx)
	// What hosts have uploaded is evidence by now, or was refused.
	return r.id, r.dir, result, errors.Join(err, os.RemoveAll(r.intake()))
}

// intake is where hosts upload to; with Out it is all of this run.
func (r *runner) intake() string {
	if r.Out != "" {
		return filepath.Join(r.Out, "intake")
	}
	return filepath.Join(r.Home, "intake", r.id)
}

// runner is one run with its adapters.
type runner struct {
	Options
	id        string
	input     json.RawMessage
	pack      *pack.Pack
	objects   Folder
	dir       string // with the run's files
	table     *Table
	baselines pipeline.Baselines
	fleet     pipeline.Fleet
	commands  *commands
	telling   sync.Mutex
}

func (o Options) prepare(ctx context.Context) (*runner, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	queries, err := pack.Load()
	if err != nil {
		return nil, err
	}
	r := &runner{Options: o, pack: queries, table: NewTable(o.Home)}
	if err := r.request(); err != nil {
		return nil, err
	}
	if err := r.folder(); err != nil {
		return nil, err
	}
	r.baselines = r.table
	if len(o.Baselines) > 0 {
		r.baselines = baselinePaths{r.Options.Baselines, queries, r.table}
	}
	return r, r.hosts(ctx)
}

// request completes the request and names the run.
func (r *runner) request() error {
	key := r.Group
	if len(trigger.Selectors(r.Request.Target)) == 0 {
		if key == "" {
			key = "local"
		}
		r.Request.Target.Tags = map[string]string{groupTag: key}
	} else {
		key = pipeline.TargetKey(r.Request.Target)
	}
	input, err := json.Marshal(r.Request)
	if err != nil {
		return fmt.Errorf("write request: %w", err)
	}
	if r.Request, err = trigger.ParseRequest(input); err != nil {
		return err
	}
	r.input, r.id = input, pipeline.RunID(key, r.Now(), r.ID())
	return nil
}

// folder makes the folder of the run. Files of an earlier run in it are replaced;
// anything else stays, and evidence that is not ours is never touched.
func (r *runner) folder() error {
	if r.Out == "" {
		r.objects, r.dir = Folder{Root: r.Home}, filepath.Join(r.Home, "runs", r.id)
		return nil
	}
	r.objects, r.dir = Folder{Root: r.Out, Run: r.id}, r.Out
	if inside(r.Out, r.Source) {
		return fmt.Errorf("write to %s: it is inside of %s, whose snapshots would be read with the run's own evidence", r.Out, r.Source)
	}
	ours := []string{
		"request.json", "manifest.json", "plan.json", "hosts.json", "result.json", "report.html", "findings.csv",
		"timeline.jsonl", "alert.json", "evidence", "batches", "facts", "earlier", "intake",
	}
	if _, err := os.Stat(filepath.Join(r.Out, "plan.json")); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(r.Out, "evidence")); err == nil {
			return fmt.Errorf("write to %s: it has evidence that is of no earlier run; choose another folder", r.Out)
		}
	}
	var problems []error
	for _, name := range ours {
		problems = append(problems, os.RemoveAll(filepath.Join(r.Out, name)))
	}
	return errors.Join(problems...)
}

func inside(path, folder string) bool {
	p, err1 := filepath.Abs(path)
	f, err2 := filepath.Abs(folder)
	rel, err3 := filepath.Rel(f, p)
	return folder != Localhost && errors.Join(err1, err2, err3) == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

// hosts finds the hosts and how they are collected from.
func (r *runner) hosts(ctx context.Context) error {
	r.commands = &commands{}
	if r.Source == Localhost {
		m, err := newMachine(r.objects, r.pack, r.Request.Tiers)
		if err != nil {
			return err
		}
		r.fleet, r.commands.collect = m, m.collect
		return nil
	}
	units, skipped, err := snapshot.Find([]string{r.Source})
	if err != nil {
		return err
	}
	for _, s := range skipped {
		r.tell().skipped(s.Path, s.Reason)
	}
	units = without(units, r.Options.Baselines)
	if len(units) == 0 {
		return fmt.Errorf("read %s: there is no evidence in it", r.Source)
	}
	known, err := readRecorded(ctx, units, r.objects, r.id, r.tell())
	if err != nil {
		return err
	}
	r.fleet, r.commands.collect = known, known.collect
	return nil
}

// without leaves out the units that are, or are in, one of the paths.
func without(units []snapshot.Unit, paths []string) (kept []snapshot.Unit) {
	for _, u := range units {
		excluded := false
		for _, p := range paths {
			excluded = excluded || inside(u.Path, p)
		}
		if !excluded {
			kept = append(kept, u)
		}
	}
	return kept
}

// run goes through the states.
func (r *runner) run(ctx context.Context) (*triage.Result, error) {
	out, err := r.resolve(ctx)
	if err == nil && out.Batches > 0 {
		err = r.batches(ctx, out)
	}
	if err == nil {
		_, err = pipeline.Analyze{
			Objects: r.objects, Baselines: r.baselines, Suppressions: r.table, Runs: r.table,
			Pack: r.pack, Version: r.Version, Now: r.Now, Log: r.Log,
		}.Handle(ctx, pipeline.RunIn{Run: r.id})
	}
	if err == nil {
		_, err = pipeline.Publish{
			Objects: r.objects, Runs: r.table, Locks: r.table, Publisher: r, Now: r.Now, Log: r.Log,
		}.Handle(ctx, pipeline.RunIn{Run: r.id})
	}
	if err != nil {
		return nil, errors.Join(err, r.fail(err))
	}
	var result triage.Result
	return &result, readJSON(filepath.Join(r.dir, "result.json"), &result)
}

func (r *runner) resolve(ctx context.Context) (pipeline.ResolveOut, error) {
	return pipeline.Resolve{
		Fleet: r.fleet, Objects: r.objects, Runs: r.table, Locks: r.table, Pack: r.pack, Home: place, Now: r.Now, Log: r.Log,
	}.Handle(ctx, pipeline.ResolveIn{Run: r.id, Input: r.input})
}

// fail is the state of that name. A run that was interrupted is recorded too.
func (r *runner) fail(err error) error {
	_, failed := pipeline.Fail{Runs: r.table, Locks: r.table, Publisher: r, Now: r.Now, Log: r.Log}.Handle(
		context.Background(), pipeline.FailIn{Run: r.id, Error: &pipeline.Caught{Error: string(pipeline.CodeOf(err)), Cause: caused(err)}})
	return failed
}

// batches is the map of the state machine.
func (r *runner) batches(ctx context.Context, out pipeline.ResolveOut) error {
	var batches []pipeline.Batch
	if err := readJSON(filepath.Join(r.dir, "hosts.json"), &batches); err != nil {
		return err
	}
	return r.tell().each(ctx, "examining", len(batches), func(i int) error {
		return r.branch(ctx, pipeline.Branch{Run: r.id, Bundle: out.Bundle, Batch: batches[i]})
	})
}

// branch is one branch of the map. What goes wrong in it costs its hosts only:
// extract gives each of them an outcome, and analyze those that it could not.
func (r *runner) branch(ctx context.Context, b pipeline.Branch) error {
	collector := pipeline.Collect{
		Commands: r.commands, Documents: r.commands, Presigner: unsigned{}, Pack: r.pack,
		Osquery: pipeline.Osquery{Mode: collect.Host}, Now: r.Now, ID: r.ID, Log: r.Log,
	}
	poll := pipeline.Poll{Commands: r.commands, Now: r.Now, Log: r.Log}
	for b.Next = pipeline.StepCollect; b.Next == pipeline.StepCollect; {
		next, err := collector.Handle(ctx, b)
		if err == nil {
			next, err = poll.Handle(ctx, next)
		}
		if err != nil {
			b.Error = &pipeline.Caught{Error: string(pipeline.CodeOf(err)), Cause: caused(err)}
			break
		}
		b = next
	}
	extract := pipeline.Extract{Commands: r.commands, Objects: r.objects, Pack: r.pack, Now: r.Now, Log: r.Log}
	if _, err := extract.Handle(ctx, pipeline.ExtractIn{Branch: b}); err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	for _, host := range b.Batch.Hosts {
		if _, err := extract.Handle(ctx, pipeline.ExtractIn{Branch: b, Host: host}); err != nil {
			r.Log.Error("extract failed", "run", r.id, "batch", b.Batch.Batch.Batch, "error", err.Error())
		}
	}
	return ctx.Err()
}

// caused puts an error as Lambda does.
func caused(err error) string {
	cause, _ := json.Marshal(map[string]string{"errorMessage": err.Error()}) // a map of strings
	return string(cause)
}

// Publish implements pipeline.Publisher: the message lies beside the result.
func (r *runner) Publish(_ context.Context, m pipeline.Message) error {
	return writeFile(filepath.Join(r.dir, "alert.json"), m.Alert, os.Rename)
}
