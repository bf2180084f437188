package main

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"diffy/pkg/pipeline"
)

// startTriggered hands an event to the handler of the account's trigger function, as
// EventBridge does, and prints what became of it.
func (a *app) startTriggered(ctx context.Context, event []byte) error {
	perHour, err := pipeline.PerHourFrom(a.env)
	if err != nil {
		return usage("DIFFY_RUNS_PER_HOUR is the setting runsPerHour of the deployment, which is "+
			"20 when nobody says", "%w", err)
	}
	in, err := a.account(ctx)
	if err != nil {
		return err
	}
	out, err := pipeline.Trigger{
		Fleet: in.finder, Storm: in.storm, Runs: in.runs, Executions: in.machine, Publisher: in.publisher,
		PerHour: perHour, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}.Handle(ctx, event)
	runs := append(out.Runs, out.Attached...)
	if err != nil && len(runs) == 0 {
		return failedInAWS(err)
	}
	if len(runs) == 0 {
		a.say("nothing was started: %s", out.Reason)
	}
	for _, run := range runs {
		a.say("follow it with diffy runs show %s", run)
	}
	return cmp.Or(failedInAWS(err), a.json(out)) // one group may fail and others not
}
