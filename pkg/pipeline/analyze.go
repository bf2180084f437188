package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"diffy/pkg/detect"
	"diffy/pkg/facts"
	"diffy/pkg/pack"
	"diffy/pkg/report"
	"diffy/pkg/triage"
)

// Analyze compares the hosts of a run with each other and with what the group
// looked like when it was clean, and writes the result. In a baseline run it
// stores the facts instead, and still says what is wrong by the rules.
type Analyze struct {
	Objects      Objects
	Baselines    Baselines
	Suppressions Suppressions
	Runs         Runs
	Storm        Storm // nil where no finding starts a run
	Pack         *pack.Pack
	Version      string // of diffy
	Rebuilt      bool   // only result and report are made: manifest and baselines stay as they are
	Now          func() time.Time
	Log          *slog.Logger
}

// run is all that is known of a run once its branches have ended.
type run struct {
	plan    Plan
	request triage.Request
	raw     []byte // the request as stored
	records []Record
	set     *facts.Set
	notes   []string
	stopped bool // by a person
}

// Handle analyses a run.
func (h Analyze) Handle(ctx context.Context, in RunIn) (AnalyzeOut, error) {
	r, err := h.load(ctx, in.Run)
	if err != nil {
		return AnalyzeOut{}, err
	}
	if in.Stopped {
		r.stop()
	}
	if h.Rebuilt {
		r.notes = append(r.notes, h.rebuilt(r))
	}
	if err := stopped(r.records); err != nil {
		return AnalyzeOut{}, err
	}
	if err := h.manifest(ctx, r); err != nil {
		return AnalyzeOut{}, err
	}
	attached, err := h.attached(ctx, r)
	if err != nil {
		return AnalyzeOut{}, err
	}
	r.request.Suspects, r.request.Pivots = gather(r.request.Suspects, r.request.Pivots, attached)
	r.notes = append(r.notes, told(attached)...)
	input, version, err := h.input(ctx, r)
	if err != nil {
		return AnalyzeOut{}, err
	}
	result := detect.Run(input)
	result.Run = triage.RunInfo{
		ID: in.Run, Incident: r.request.Incident, Trigger: r.request.Trigger, Attached: shown(attached), Started: r.plan.Started, Finished: stamp(h.Now()),
		Pack: r.request.Pack, PackVersion: r.plan.PackVersion, DiffyVersion: h.Version,
	}
	h.keepGood(ctx, r, result)
	if err := h.write(ctx, result); err != nil {
		return AnalyzeOut{}, err
	}
	out := sumUp(in.Run, result)
	out.Baseline = version
	h.Log.Info("analyzed", "run", in.Run, "examined", out.Examined, "partial", out.Partial, "not_examined", out.NotExamined,
		"outliers", out.Outliers, "findings", out.Findings, "coverage", out.coverage(), "baseline", version)
	return out, h.record(ctx, r, result)
}

// load reads what the branches have left, and merges their facts.
func (h Analyze) load(ctx context.Context, id string) (*run, error) {
	r := &run{set: facts.NewSet(h.Pack)}
	if err := getJSON(ctx, h.Objects, work(PlanKey(id)), &r.plan); err != nil {
		return nil, err
	}
	var err error
	if r.raw, err = h.Objects.Get(ctx, evidence(RequestKey(id)), smallObject); err != nil {
		return nil, fmt.Errorf("read request of %s: %w", id, err)
	}
	if err := json.Unmarshal(r.raw, &r.request); err != nil {
		return nil, fmt.Errorf("read request of %s: %w", id, err)
	}
	shards, err := readShards(ctx, h.Objects, id)
	if err != nil {
		return nil, fmt.Errorf("read outcomes of %s: %w", id, err)
	}
	var keys []string
	for _, s := range shards {
		r.records = append(r.records, s.records...)
		keys = append(keys, s.facts...)
	}
	sortRecords(r.records)
	for some := range slices.Chunk(keys, readers) {
		if err := h.merge(ctx, r.set, some); err != nil {
			return nil, err
		}
	}
	r.notes = slices.Concat(r.plan.Notes, reused(r.plan, r.records), foreign(r.set))
	return r, nil
}

// merge reads some facts at once and adds them in order. No more of them are in
// memory than that.
func (h Analyze) merge(ctx context.Context, set *facts.Set, keys []string) error {
	parts := make([]*facts.Set, len(keys))
	g, ctx := errgroup.WithContext(ctx)
	for i, key := range keys {
		g.Go(func() error {
			data, err := h.Objects.Get(ctx, work(key), shardObject)
			if err == nil {
				parts[i], err = facts.Decode(h.Pack, bytes.NewReader(data))
			}
			if err != nil {
				return fmt.Errorf("read facts %s: %w", key, err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, part := range parts {
		if err := set.Merge(part); err != nil {
			return fmt.Errorf("add facts %s: %w", keys[i], err)
		}
	}
	return nil
}

// stopped returns the error of a branch that ends the whole run.
func stopped(records []Record) error {
	for _, r := range records {
		if r.Code != "" {
			return errorf(r.Code, "%s", r.Reason)
		}
	}
	return nil
}

// foreign says how much of the evidence was not made by our own collector.
func foreign(set *facts.Set) []string {
	n := 0
	for _, h := range set.Hosts() {
		if h.Foreign {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return []string{fmt.Sprintf("The evidence of %d of %d hosts was not written by diffy's collector: complete as far as it goes, and a query that was never asked does not show.", n, len(set.Hosts()))}
}

func (h Analyze) manifest(ctx context.Context, r *run) error {
	if h.Rebuilt {
		return nil
	}
	data, err := json.MarshalIndent(newManifest(r.plan, r.request, r.raw, r.records), "", " ")
	if err == nil {
		err = putOnce(ctx, h.Objects, evidence(ManifestKey(r.plan.Run)), append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write manifest of %s: %w", r.plan.Run, err)
	}
	return nil
}

// write leaves the result in all its forms; result.json last, as who finds it
// may rely on the others.
func (h Analyze) write(ctx context.Context, r *triage.Result) error {
	for _, form := range []struct {
		key   string
		write func(io.Writer, *triage.Result) error
	}{
		{ReportKey(r.Run.ID), report.HTML},
		{FindingsKey(r.Run.ID), report.CSV},
		{TimelineKey(r.Run.ID), report.Timeline},
		{ResultKey(r.Run.ID), report.JSON},
	} {
		var b bytes.Buffer
		err := form.write(&b, r)
		if err == nil {
			err = h.Objects.Put(ctx, work(form.key), b.Bytes())
		}
		if err != nil {
			return fmt.Errorf("write %s: %w", form.key, err)
		}
	}
	return nil
}

func sumUp(id string, r *triage.Result) AnalyzeOut {
	out := AnalyzeOut{
		Run: id, Result: ResultKey(id),
		Examined: r.Group.Examined, Partial: r.Group.Partial, NotExamined: r.Group.NotExamined,
	}
	for _, host := range r.Hosts {
		if host.Outlier {
			out.Outliers++
		}
	}
	for _, f := range r.Findings {
		if f.Severity.Loud() {
			out.Findings++
		}
	}
	return out
}

// coverage is the share of hosts that were examined whole, in percent.
func (o AnalyzeOut) coverage() float64 {
	return 100 * float64(o.Examined) / float64(max(1, o.Examined+o.Partial+o.NotExamined))
}

// record adds what was found to the run's record.
func (h Analyze) record(ctx context.Context, r *run, result *triage.Result) error {
	record, err := loadRun(ctx, h.Runs, r.plan.Run)
	if err != nil {
		return err
	}
	sum := sumUp(r.plan.Run, result)
	record.Examined, record.Partial, record.NotExamined, record.Outliers = sum.Examined, sum.Partial, sum.NotExamined, sum.Outliers
	record.Severity = string(loudest(result))
	if r.stopped {
		record.Status = Stopped // whatever EventBridge has told of why it ended
	}
	if err := h.Runs.SaveRun(ctx, record); err != nil {
		return fmt.Errorf("record run %s: %w", r.plan.Run, err)
	}
	return nil
}
