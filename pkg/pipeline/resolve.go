package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"diffy/pkg/pack"
	"diffy/pkg/triage"
	"diffy/pkg/trigger"
)

// Resolve is the first state: it completes the request, finds the hosts, and
// writes the plan, the batches and the query bundle.
type Resolve struct {
	Fleet    Fleet
	Objects  Objects
	Runs     Runs
	Storm    Storm
	Pack     *pack.Pack
	Home     Place // the deployment's own account and region
	Batching Batching
	Now      func() time.Time
	Log      *slog.Logger
}

// waveTime is how long one wave of batches may take, both tries and the
// extraction; the lease of a group's lock is made of it.
const waveTime = 30 * time.Minute

// Handle makes the plan of a run.
func (h Resolve) Handle(ctx context.Context, in ResolveIn) (ResolveOut, error) {
	p, err := h.Preview(ctx, in)
	if err != nil {
		return ResolveOut{}, err
	}
	return h.write(ctx, p)
}

// Preview is what a run would do.
type Preview struct {
	Request triage.Request // completed
	Plan    Plan
	Batches []Batch
	Left    []Record // hosts that nothing is sent to, each with its reason
	Queries []byte   // the bundle that every host runs

	past past
}

// Preview makes the plan of a run and writes nothing.
func (h Resolve) Preview(ctx context.Context, in ResolveIn) (Preview, error) {
	p := Preview{}
	var err error
	var elsewhere string
	if p.Request, elsewhere, err = h.request(in); err != nil {
		return p, err
	}
	if p.past, err = h.past(ctx, in.Run, p.Request.Retry); err != nil {
		return p, err
	}
	p.Request.Suspects, p.Request.Pivots = gather(p.Request.Suspects, p.Request.Pivots, p.past.attached)
	group, err := h.group(ctx, p.Request)
	if err != nil {
		return p, fmt.Errorf("find hosts of %s: %w", TargetKey(p.Request.Target), err)
	}
	if group, err = p.past.join(group, p.Request, h.Pack.Version); err != nil {
		return p, err
	}
	if len(group.Hosts) == 0 {
		return p, errorf(NoHosts, "no host matches %s in %s/%s", TargetKey(p.Request.Target), p.Request.Target.Account, p.Request.Target.Region)
	}
	wider, err := h.early(ctx, in.Run, group.ID, p.Request)
	if err != nil {
		return p, err
	}
	chosen, left, notes := choose(group.Hosts, wider.Suspects, p.Request.MaxHosts, p.past.examined)
	sortRecords(left)
	p.Left = left
	p.Batches = h.Batching.batches(chosen, p.Request.Retry, p.past.examined)
	p.Queries = h.Pack.Bundle(p.Request.Tiers, h.Pack.PivotQueries(wider.Pivots...))
	digest := hexDigest(p.Queries)
	p.Plan = Plan{
		Run: in.Run, Started: stamp(h.Now()), Group: group.ID, Key: group.Key,
		Notes: listOf(slices.Concat(group.Notes, notes, sentence(elsewhere))), PackVersion: h.Pack.Version,
		Bundle: Bundle{Key: BundleKey(digest), SHA256: digest}, Hosts: group.Hosts,
	}
	return p, nil
}

// group finds the hosts of a request. Instances that a baseline is made of, and
// not expanded, stand for their group all the same: it is stored under the name
// of the group that later runs examine, which is the closest one, though it may
// have no other instance yet.
func (h Resolve) group(ctx context.Context, r triage.Request) (Group, error) {
	expand := r.Expand != nil && *r.Expand
	stand := r.Purpose == triage.PurposeBaseline && len(r.Target.InstanceIDs) > 0 && !expand
	group, err := h.Fleet.Group(ctx, r.Target, expand || stand)
	if stand {
		group.Hosts = slices.DeleteFunc(slices.Clone(group.Hosts), func(c Candidate) bool {
			return !slices.Contains(r.Target.InstanceIDs, c.ID)
		})
		if group.Closer != nil {
			group.ID, group.Key = group.Closer.ID, group.Closer.Key
		}
	}
	return group, err
}

// request reads the input and fills in what only a run knows. elsewhere says which
// hosts of an event are not of this run.
func (h Resolve) request(in ResolveIn) (r triage.Request, elsewhere string, err error) {
	if !trigger.ValidRun(in.Run) {
		return r, "", errorf(BadRequest, "%q cannot be a run's id: letters, digits, ., _ and - only, at most 80", in.Run)
	}
	d, err := trigger.Parse(in.Input)
	if err != nil {
		return r, "", errorf(BadRequest, "%w", err)
	}
	if d.Request == nil {
		return r, "", errorf(BadRequest, "nothing to examine: %s", d.Reason)
	}
	r = *d.Request
	if r.Pack != h.Pack.Name {
		return r, "", errorf(BadRequest, "there is no pack %q; this is %q", r.Pack, h.Pack.Name)
	}
	if r.Incident == "" {
		r.Incident = in.Run
	}
	if r.Target.Account == "" {
		r.Target.Account = h.Home.Account
	}
	if r.Target.Region == "" {
		r.Target.Region = h.Home.Region
	}
	return r, d.Reason, nil
}

// sentence is a note of a text, or none.
func sentence(text string) []string {
	if text == "" {
		return nil
	}
	return []string{strings.ToUpper(text[:1]) + text[1:] + "."}
}

func (h Resolve) write(ctx context.Context, p Preview) (ResolveOut, error) {
	run, plan := p.Plan.Run, p.Plan
	if err := h.bundle(ctx, p); err != nil {
		return ResolveOut{}, err
	}
	data, err := encode(p.Request)
	if err == nil {
		err = putOnce(ctx, h.Objects, evidence(RequestKey(run)), data)
	}
	if err != nil {
		return ResolveOut{}, fmt.Errorf("write request of %s: %w", run, err)
	}
	err = errors.Join(
		putJSON(ctx, h.Objects, work(PlanKey(run)), plan),
		putJSON(ctx, h.Objects, work(OutcomesKey(run, neverSent)), listOf(p.Left)),
		putJSON(ctx, h.Objects, work(HostsKey(run)), listOf(p.Batches)),
		p.past.write(ctx, h.Objects, run, p.Batches),
		h.record(ctx, plan, p.Request, len(p.Batches)),
	)
	out := ResolveOut{
		Run: run, Hosts: HostsKey(run), Bundle: plan.Bundle, Requested: len(plan.Hosts), Planned: len(plan.Hosts) - len(p.Left),
		Batches: len(p.Batches), Branches: h.Batching.AtOnce(),
	}
	h.Log.Info("resolved", "run", run, "group", plan.Key, "requested", out.Requested, "planned", out.Planned, "batches", out.Batches)
	return out, err
}

// bundle writes the queries of the run where the hosts of each place can read
// them. The key is the digest, so writing it again changes nothing.
func (h Resolve) bundle(ctx context.Context, p Preview) error {
	places := map[Place]bool{}
	for _, b := range p.Batches {
		if b.Earlier == "" {
			places[b.place()] = true
		}
	}
	for place := range places {
		if err := h.Objects.Put(ctx, intake(place, p.Plan.Bundle.Key), p.Queries); err != nil {
			return fmt.Errorf("write query bundle in %s/%s: %w", place.Account, place.Region, err)
		}
	}
	return nil
}

// record notes that the run is under way and keeps its lock, if it has one, until
// the last wave is over. A run that somebody has stopped meanwhile stays stopped: its
// record would say for ever that it runs, and its lock would keep others away.
func (h Resolve) record(ctx context.Context, plan Plan, request triage.Request, batches int) error {
	before, err := loadRun(ctx, h.Runs, plan.Run)
	if err != nil {
		return err
	}
	if before.Status == Stopped || before.Status == FailedRun {
		return errorf(BadRequest, "run %s has ended while its plan was made", plan.Run)
	}
	err = h.Runs.SaveRun(ctx, Run{
		ID: plan.Run, Group: plan.Group, GroupKey: plan.Key, Account: request.Target.Account, Region: request.Target.Region,
		Incident: request.Incident, Purpose: request.Purpose, Status: Running, Started: plan.Started, Requested: len(plan.Hosts),
	})
	if err != nil {
		return fmt.Errorf("record run %s: %w", plan.Run, err)
	}
	if request.Trigger == nil {
		return nil
	}
	waves := 1 + batches/h.Batching.AtOnce()
	err = h.Storm.Extend(ctx, plan.Group, plan.Run, h.Now().UTC().Add(time.Duration(1+waves)*waveTime))
	if err != nil && !errors.Is(err, ErrNotFound) { // a run that a person started with a finding has no lock
		return fmt.Errorf("keep the lock of %s: %w", plan.Group, err)
	}
	return nil
}

// listOf makes an empty list of none: JSON's null is no list.
func listOf[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// stamp writes a time as all our documents have it.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
