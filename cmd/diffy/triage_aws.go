package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"

	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
	"diffy/pkg/trigger"
)

// triageInAWS starts a run and follows it to its end, or says what it would do.
func (a *app) triageInAWS(ctx context.Context, q ask) error {
	if err := q.checkAWS(); err != nil {
		return err
	}
	in, err := a.account(ctx)
	if err != nil {
		return err
	}
	if err := q.retryAWS(ctx, in); err != nil {
		return err
	}
	if err := checkRequest(q.request); err != nil {
		return err
	}
	if q.plan {
		return a.showPlan(ctx, in, q)
	}
	run, err := a.start(ctx, in, q.request)
	if err != nil {
		return err
	}
	if err := a.follow(ctx, in, run); err != nil {
		return err
	}
	err = a.deliverRun(ctx, in, run, q.output)
	if q.request.Purpose == triage.PurposeBaseline {
		a.sayUnapproved(ctx, in, run)
	}
	return err
}

// sayUnapproved says what comes after a run that has stored a baseline. Its plan
// says of which group; where that cannot be read the list of baselines does.
func (a *app) sayUnapproved(ctx context.Context, in *account, run string) {
	var plan pipeline.Plan
	data, err := in.objects.Get(ctx, workObject(pipeline.PlanKey(run)), largestObject)
	if err == nil {
		err = json.Unmarshal(data, &plan)
	}
	if err != nil {
		a.say("nobody has approved version %s yet: diffy baseline list", run)
		return
	}
	a.say(unapproved, quoted(kept{account: in}.short(plan.Group)), run)
}

// unapproved is said of a version that has just been stored.
const unapproved = "nobody has approved it yet: diffy baseline approve %s %s"

// checkAWS looks at what the flags say before AWS is asked.
func (q *ask) checkAWS() error {
	switch {
	case len(q.chosen()) == 0 && q.request.Retry == "":
		return usage("choose hosts with "+selectorFlags+"; or --local DIR, or --local localhost", "there is nothing to triage")
	case len(q.chosen()) == 0 && (q.target.Account != "" || q.target.Region != ""):
		return usage("leave out --account and --region", "a retry is where the run was that it retries")
	case q.group != "":
		return usage("leave out --group", "--group names the hosts of --local; in AWS the group has a name")
	case len(q.baselines) > 1:
		return usage("give one version; auto takes all that are approved", "%d baselines: a run in AWS compares with one version, or with those that are approved", len(q.baselines))
	case len(q.baselines) == 1:
		q.request.Baseline = q.baselines[0]
	}
	if q.request.Retry != "" {
		return nil // it is completed from the earlier run's, and checked then
	}
	return checkRequest(q.request)
}

// checkRequest says what is wrong with a request, as the first state of a run does.
func checkRequest(r triage.Request) error {
	data, err := json.Marshal(r)
	if err == nil {
		_, err = trigger.ParseRequest(data)
	}
	if err != nil {
		return usage("diffy triage --help", "%w", err)
	}
	return nil
}

// retryAWS completes a retry by the request of the run that it goes on with.
func (q *ask) retryAWS(ctx context.Context, in *account) error {
	earlier := q.request.Retry
	if earlier == "" {
		return nil
	}
	if !trigger.ValidRun(earlier) {
		return usage("diffy runs list", "%q is no run", earlier)
	}
	if e, err := in.machine.Describe(ctx, earlier); err == nil && !e.Over() {
		return usage("wait for it: diffy runs show "+earlier+"; or end it: diffy runs stop "+earlier, "run %s is not over", earlier)
	}
	data, err := in.objects.Get(ctx, evidenceObject(pipeline.RequestKey(earlier)), largestObject)
	if isNotFound(err) {
		return usage("diffy runs list", "there is no run %q to retry", earlier)
	}
	if err != nil {
		return failedInAWS(err)
	}
	var before triage.Request
	if err := json.Unmarshal(data, &before); err != nil {
		return failed(fmt.Errorf("read request of %s: %w", earlier, err))
	}
	goOn(&q.request, before)
	return nil
}

// goOn fills in what a retry does not say from the request that it goes on with.
func goOn(r *triage.Request, before triage.Request) {
	if len(trigger.Selectors(r.Target)) == 0 {
		r.Target, r.Expand = before.Target, before.Expand
	}
	if len(r.Suspects) == 0 {
		r.Suspects = before.Suspects
	}
	if len(r.Pivots) == 0 {
		r.Pivots = before.Pivots
	}
	if len(r.Tiers) == 0 {
		r.Tiers = before.Tiers
	}
	if r.MaxHosts == 0 {
		r.MaxHosts = before.MaxHosts
	}
	for _, text := range []struct{ to, from *string }{
		{&r.Incident, &before.Incident}, {&r.Baseline, &before.Baseline}, {&r.Pack, &before.Pack}, {(*string)(&r.Purpose), (*string)(&before.Purpose)},
	} {
		if *text.to == "" {
			*text.to = *text.from
		}
	}
	r.Trigger = before.Trigger
}

// start starts a run and returns its id.
func (a *app) start(ctx context.Context, in *account, r triage.Request) (string, error) {
	input, err := json.Marshal(r)
	if err != nil {
		return "", failed(err)
	}
	run := pipeline.RunID(pipeline.TargetKey(r.Target), now(), strings.ToLower(rand.Text()[:4]))
	if err := in.machine.Start(ctx, run, input); err != nil {
		return "", failedInAWS(err)
	}
	a.say("run %s has started", run)
	return run, nil
}
