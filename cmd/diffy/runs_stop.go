package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"diffy/pkg/cloud"
	"diffy/pkg/pipeline"

	"github.com/spf13/cobra"
)

func (a *app) runsStop() *cobra.Command {
	o := output{failOn: "high"}
	cmd := &cobra.Command{
		Use: "stop RUN", Short: "Stop a run, and analyse what it has collected", Args: arguments(1, 1),
		Long: "Stop the execution of a run, cancel its commands on hosts, and analyse what is there. Hosts that\n" +
			"were not done are not examined; diffy triage --retry RUN asks them later.",
		Example: "  diffy runs stop web-prod-202611240312-1f3a",
	}
	o.formatFlags(cmd)
	return a.aboutRun(cmd, &o, runArchive.stop)
}

// recordTime is how long the record of a stopped run is waited for: EventBridge
// tells of the stop within seconds.
const recordTime = 30 * time.Second

func (r runArchive) stop(ctx context.Context, run pipeline.Run, o output) error {
	if r.in == nil {
		return usage("interrupt the command that runs it", "run %s is of this machine: it ends with its command", run.ID)
	}
	e, err := r.in.machine.Describe(ctx, run.ID)
	if err == nil && !e.Over() {
		err = r.in.machine.Stop(ctx, run.ID, pipeline.StoppedByPerson, r.cause(ctx))
	}
	if err != nil {
		return failedInAWS(err)
	}
	if e.Over() {
		if left, err := r.unanalyzed(ctx, run, e); err != nil || !left {
			return cmp.Or(err, usage("diffy runs show "+run.ID, "run %s is over: it ended as %s", run.ID, e.Status))
		}
	}
	r.app.say("run %s is stopped", run.ID)
	places, err := r.places(ctx, run.ID)
	if isNotFound(err) {
		r.app.say("it had no plan yet, and has asked no host: there is nothing to analyse")
		return &exit{code: exitPartial}
	}
	if err != nil {
		return failedInAWS(err)
	}
	r.cancel(ctx, run.ID, places, e.Started)
	if err := r.recorded(ctx, run.ID); err != nil {
		return err
	}
	r.cancel(ctx, run.ID, places, e.Started) // what was being sent when it was stopped
	if _, err := r.in.steps.Analyze(ctx, pipeline.RunIn{Run: run.ID, Stopped: true}); err != nil {
		return failedInAWS(err)
	}
	return r.app.deliverRun(ctx, r.in, run.ID, o)
}

// unanalyzed reports whether somebody has stopped the run, and was interrupted before
// there was a result.
func (r runArchive) unanalyzed(ctx context.Context, run pipeline.Run, e cloud.Execution) (bool, error) {
	if e.Error != pipeline.StoppedByPerson {
		return false, nil
	}
	result, err := r.result(ctx, run)
	return result == nil, err
}

// cause says who has stopped the run, as far as AWS tells.
func (r runArchive) cause(ctx context.Context) string {
	who := "somebody"
	if r.in.caller != nil {
		if arn, err := r.in.caller.ARN(ctx); err == nil {
			who = arn
		}
	}
	return who + " has stopped it: diffy runs stop"
}

// places returns where the run has hosts.
func (r runArchive) places(ctx context.Context, run string) ([]pipeline.Place, error) {
	data, err := r.in.objects.Get(ctx, workObject(pipeline.HostsKey(run)), largestObject)
	if err != nil {
		return nil, err
	}
	var batches []pipeline.Batch
	if err := json.Unmarshal(data, &batches); err != nil {
		return nil, fmt.Errorf("read batches of %s: %w", run, err)
	}
	return batchPlaces(batches), nil
}

// batchPlaces lists the places of batches, each once.
func batchPlaces(batches []pipeline.Batch) []pipeline.Place {
	var places []pipeline.Place
	for _, b := range batches {
		if p := (pipeline.Place{Account: b.Account, Region: b.Region}); !slices.Contains(places, p) {
			places = append(places, p)
		}
	}
	return places
}

// cancel cancels the run's commands that still wait or run. Where that is not
// possible it says so: a command ends by itself.
func (r runArchive) cancel(ctx context.Context, run string, places []pipeline.Place, began time.Time) {
	for _, p := range places {
		ids, err := r.in.commands.Unfinished(ctx, p, run, began)
		cancelled := 0
		for _, id := range ids {
			if problem := r.in.commands.Cancel(ctx, p, id); problem != nil {
				err = problem
				continue
			}
			cancelled++
		}
		if cancelled > 0 {
			r.app.say("%s cancelled in %s/%s", plural(cancelled, "command", "commands"), p.Account, p.Region)
		}
		if err != nil {
			r.app.say("commands in %s/%s could not all be cancelled, and end by themselves within %d minutes: %v", p.Account, p.Region, commandMinutes, &plainly{err})
		}
	}
}

// commandMinutes is how long a command may take: 2 minutes until its host takes it,
// 5 for the document.
const commandMinutes = 7

// recorded waits until the record of the run says that it has ended, so that what
// the analysis adds to it stays. It does not wait for ever.
func (r runArchive) recorded(ctx context.Context, run string) error {
	for passed := time.Duration(0); passed < recordTime; passed += firstPause {
		record, err := r.in.runs.LoadRun(ctx, run)
		if err == nil && record.Published || err != nil && !isNotFound(err) {
			return failedInAWS(err)
		}
		if err := r.app.wait(ctx, firstPause); err != nil {
			return err
		}
	}
	return nil
}
