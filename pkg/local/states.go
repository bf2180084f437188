package local

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"diffy/collect"
	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// run goes through the states.
func (r *runner) run(ctx context.Context) (*triage.Result, error) {
	out, err := r.resolve(ctx)
	if err == nil && out.Batches > 0 {
		err = r.batches(ctx, out)
	}
	if err == nil {
		_, err = pipeline.Analyze{
			Objects: r.shelf, Baselines: r.baselines, Suppressions: r.table, Runs: r.table,
			Pack: r.pack, Version: r.Version, Now: r.Now, Log: r.Log,
		}.Handle(ctx, pipeline.RunIn{Run: r.id})
	}
	if err == nil {
		_, err = pipeline.Publish{
			Objects: r.shelf, Runs: r.table, Locks: r.table, Publisher: r, Now: r.Now, Log: r.Log,
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
		Fleet: r.fleet, Objects: r.shelf, Runs: r.table, Storm: r.table, Pack: r.pack, Home: place, Now: r.Now, Log: r.Log,
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
	return r.tell().each(ctx, "examining", len(batches), r.atOnce, func(i int) error {
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
	r.reading <- struct{}{} // hosts are waited for together and read by as many as there are processors
	defer func() { <-r.reading }()
	extract := pipeline.Extract{Commands: r.commands, Objects: r.shelf, Pack: r.pack, Now: r.Now, Log: r.Log}
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
