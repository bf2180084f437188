package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"diffy/pkg/cloud"
	"diffy/pkg/pipeline"
)

// account is what the commands about runs need of AWS.
type account struct {
	objects  bucketObjects
	runs     runRecords
	machine  executions
	fleet    pipeline.Fleet
	commands runCommands
	steps    analyzer
	known    knowledge
	document string         // of SSM
	home     pipeline.Place // the deployment's own

	keeper    keeper // of what people decide
	archive   archive
	artifacts bucketObjects
	caller    caller

	finder    pipeline.Fleet // of groups alone
	storm     pipeline.Storm
	publisher pipeline.Publisher
}

// bucketObjects is objects that have an address for people.
type bucketObjects interface {
	pipeline.Listed
	URI(o pipeline.Object) string
}

type runRecords interface {
	pipeline.Runs
	ListRuns(ctx context.Context, most int) ([]pipeline.Run, error)
}

type executions interface {
	pipeline.Executions
	Describe(ctx context.Context, run string) (cloud.Execution, error)
	Stop(ctx context.Context, run, name, cause string) error
}

type runCommands interface {
	pipeline.Documents
	Unfinished(ctx context.Context, p pipeline.Place, run string, began time.Time) ([]string, error)
	Cancel(ctx context.Context, p pipeline.Place, command string) error
}

type analyzer interface {
	Analyze(ctx context.Context, in pipeline.RunIn) (pipeline.AnalyzeOut, error)
}

// knowledge is what is known of groups.
type knowledge interface {
	pipeline.Baselines
	pipeline.Suppressions
}

// account finds the deployment.
func (a *app) account(ctx context.Context) (*account, error) {
	if a.inAWS != nil {
		return a.inAWS(ctx)
	}
	cfg, err := a.deployed(ctx)
	if err != nil {
		return nil, err
	}
	c, err := cloud.New(ctx, cfg)
	if err != nil {
		return nil, failedInAWS(err)
	}
	return &account{
		objects: c.Objects, runs: c.Table, machine: c.Machine, fleet: c.Fleet, commands: c.Commands, steps: c.Steps, known: c.Table,
		document: cfg.Document, home: pipeline.Place{Account: cfg.Account, Region: cfg.Region},
		keeper: c.Table, archive: c.Objects, artifacts: c.Artifacts, caller: c.Caller,
		finder: c.Finder, storm: c.Table, publisher: c.Topic,
	}, nil
}

// wait lets time pass, and ends early with the context.
func (a *app) wait(ctx context.Context, d time.Duration) error {
	if a.pause != nil {
		return a.pause(ctx, d)
	}
	return cloud.Wait(ctx, d)
}

// errLeft is the end of a command that was interrupted while what it had started
// goes on.
var errLeft = errors.New("interrupted")

// left says how to come back to a run that goes on.
func left(run string) error {
	return &exit{code: exitFailed, err: fmt.Errorf("%w: run %s goes on", errLeft, run), hint: "come back with diffy runs show " + run + ", end it with diffy runs stop " + run}
}

// work and kept name objects as the pipeline does.
func workObject(key string) pipeline.Object { return pipeline.Object{Bucket: pipeline.Work, Key: key} }

func evidenceObject(key string) pipeline.Object {
	return pipeline.Object{Bucket: pipeline.Evidence, Key: key}
}

// largestObject is how many bytes of a result or a report are read.
const largestObject = 512 << 20
