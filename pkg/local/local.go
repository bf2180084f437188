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
	Source    string   // a folder or file of recorded snapshots, or Localhost; empty: Exec
	Exec      *Exec    // a program that collects, in place of Source
	Out       string   // where the run's files go; empty: runs/<run>/ of Home
	Home      string   // baselines, runs and suppressions
	Baselines []string // files or folders of clean hosts, each one baseline, in place of those of Home; no hosts of the group

	Request triage.Request // its target may be empty: the hosts of Source, as Group
	Retried string         // the folder of the run that Request.Retry names; empty: where Home has it
	Group   string         // names them; empty: "local"
	Version string         // of diffy

	Now func() time.Time
	ID  func() string // a few random letters and digits
	Log *slog.Logger  // nil: none

	Skipped  func(path, reason string)          // told of what in Source is no evidence; may be nil
	Said     func(text string)                  // told what Exec has said of hosts that were examined, after the run; may be nil
	Progress func(what string, done, total int) // told as it goes; may be nil
}

// ErrNoEvidence: the folder that was given holds nothing of a host.
var ErrNoEvidence = errors.New("there is no evidence in it")

// Run runs one triage and returns its id, the folder with its files, and the
// result. A run that fails leaves what it has.
func Run(ctx context.Context, o Options) (run, dir string, result *triage.Result, err error) {
	r, err := o.prepare(ctx)
	if err != nil {
		return "", "", nil, err
	}
	result, err = r.run(ctx)
	r.tellSayings()
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
	shelf     shelf  // objects, and what earlier runs have left
	dir       string // with the run's files
	table     *Table
	baselines pipeline.Baselines
	fleet     pipeline.Fleet
	commands  *commands
	atOnce    int           // branches
	reading   chan struct{} // held by who reads evidence
	sayings   *sayings      // of Exec; nil: none
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
	r.shelf = shelf{Folder: r.objects, own: r.id, retried: r.Request.Retry, dir: r.Retried, table: r.table}
	r.baselines = r.table
	if r.Request.Target.Tags[groupTag] == nobodys {
		r.baselines = forgetful{r.table}
	}
	if len(o.Baselines) > 0 {
		r.baselines = baselinePaths{r.Options.Baselines, queries, r.baselines}
	}
	return r, r.hosts(ctx)
}

// request completes the request and names the run.
func (r *runner) request() error {
	key := r.Group
	if len(trigger.Selectors(r.Request.Target)) == 0 {
		if key == "" {
			key = nobodys
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
	earlier, err := r.earlier()
	if err != nil {
		return err
	}
	if inside(earlier, r.Out) || inside(r.Out, earlier) {
		return fmt.Errorf("write to %s: the run that is retried has its evidence there; choose another folder", r.Out)
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

// earlier is the folder of the run that is retried; without one it is nothing's.
func (r *runner) earlier() (string, error) {
	switch {
	case r.Request.Retry == "":
		return os.DevNull, nil
	case r.Retried != "":
		return r.Retried, nil
	}
	return r.table.Folder(context.Background(), r.Request.Retry)
}

func inside(path, folder string) bool {
	p, err1 := filepath.Abs(path)
	f, err2 := filepath.Abs(folder)
	rel, err3 := filepath.Rel(f, p)
	return folder != Localhost && folder != "" && errors.Join(err1, err2, err3) == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

// hosts finds the hosts and how they are collected from.
func (r *runner) hosts(ctx context.Context) error {
	r.commands, r.atOnce, r.reading = &commands{}, processors(), make(chan struct{}, processors())
	switch {
	case r.Exec != nil:
		p, err := newProgram(r)
		if err != nil {
			return err
		}
		r.fleet, r.commands.collect, r.atOnce, r.sayings = p, p.collect, execAtOnce, &p.said
		return nil
	case r.Source == Localhost:
		m, err := newMachine(r.objects, r.pack, r.Request)
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
		return fmt.Errorf("read %s: %w", r.Source, ErrNoEvidence)
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
