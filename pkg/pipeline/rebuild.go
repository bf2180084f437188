package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"diffy/pkg/facts"
	"diffy/pkg/triage"
)

// Rebuild makes facts, result and report of a run again from its evidence, with the
// queries' rules, baselines and suppressions of now. The evidence is held against
// its digests as it is read, and is not written.
type Rebuild struct {
	Analyze
	Progress func(done, total int) // told of hosts as they are read; may be nil
}

// rebuilders is how many batches are read at once.
const rebuilders = 4

// Handle rebuilds a run. Whoever calls it may write to the work bucket.
func (h Rebuild) Handle(ctx context.Context, in RunIn) (AnalyzeOut, error) {
	h.Rebuilt = true
	record, err := loadRun(ctx, h.Runs, in.Run)
	if err != nil {
		return AnalyzeOut{}, err
	}
	in.Stopped = record.Status == Stopped
	batches, records, err := h.remains(ctx, in.Run, record)
	if err != nil {
		return AnalyzeOut{}, err
	}
	if err := h.extract(ctx, in.Run, batches, records); err != nil {
		return AnalyzeOut{}, err
	}
	return h.Analyze.Handle(ctx, in)
}

// remains is what is still known of the run: its batches, and how each host ended,
// with the evidence that the manifest lists. What was derived may be gone; it is
// made again from the manifest.
func (h Rebuild) remains(ctx context.Context, run string, record Run) ([]Batch, map[string]Record, error) {
	m, err := h.manifestOf(ctx, run)
	if err != nil {
		return nil, nil, err
	}
	var batches []Batch
	err = getJSON(ctx, h.Objects, work(HostsKey(run)), &batches)
	if errors.Is(err, ErrNotFound) && m != nil {
		batches, err = h.replan(ctx, *m, record)
	}
	if err == nil {
		err = h.left(ctx, run, batches)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read batches of %s: %w", run, err)
	}
	known := map[string]Record{}
	all, err := allRecords(ctx, h.Objects, run)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, nil, err
	}
	for _, r := range all {
		known[r.Host] = r
	}
	if m != nil {
		m.vouch(known)
	}
	return batches, known, nil
}

// manifestOf reads the manifest, nil where the run ended before it had one.
func (h Rebuild) manifestOf(ctx context.Context, run string) (*Manifest, error) {
	var m Manifest
	err := getJSON(ctx, h.Objects, evidence(ManifestKey(run)), &m)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case m.Run != run || m.Count != len(m.Objects):
		return nil, errorf(EvidenceChanged, "the manifest of run %s names run %s, counts %d objects and lists %d", run, m.Run, m.Count, len(m.Objects))
	}
	return &m, nil
}

// vouch makes the records those of the evidence that the manifest lists.
func (m Manifest) vouch(known map[string]Record) {
	for _, o := range m.Objects {
		if o.Host == "" {
			continue
		}
		run := m.Run
		if o.Run != "" {
			run = o.Run
		}
		r := known[o.Host]
		r.Host, r.Evidence = o.Host, runKey(run, o.Key)
		r.SHA256, r.Size, r.HostTime, r.Received = o.SHA256, o.Size, o.HostTime, o.Received
		r.Osquery, r.Command, r.Document = o.Osquery, o.Command, o.Document
		known[o.Host] = r
	}
}

// replan makes plan and batches again of a run of which only the evidence is left.
// Hosts without evidence are not known any more, and the plan says so.
func (h Rebuild) replan(ctx context.Context, m Manifest, record Run) ([]Batch, error) {
	var request triage.Request
	if err := getJSON(ctx, h.Objects, evidence(RequestKey(m.Run)), &request); err != nil {
		return nil, err
	}
	plan := Plan{
		Run: m.Run, Started: record.Started, Group: record.Group, Key: record.GroupKey, PackVersion: m.PackVersion,
		Bundle: Bundle{Key: BundleKey(m.Bundle), SHA256: m.Bundle},
		Notes:  []string{"The plan of this run was lost: hosts that were not examined are not known any more."},
	}
	if plan.Key == "" {
		plan.Key = TargetKey(request.Target)
	}
	var hosts []triage.Host
	for _, o := range m.Objects {
		if o.Host != "" {
			place := strings.Split(o.Key, "/") // evidence, account, region, file
			if len(place) != 4 {
				return nil, errorf(EvidenceChanged, "the manifest of run %s lists evidence as %q", m.Run, o.Key)
			}
			host := triage.Host{ID: o.Host, Account: place[1], Region: place[2], Platform: "linux"}
			hosts, plan.Hosts = append(hosts, host), append(plan.Hosts, Candidate{Host: host})
		}
	}
	batches := Batching{}.batches(hosts, "", func(string) bool { return false })
	return batches, errors.Join(
		putJSON(ctx, h.Objects, work(PlanKey(m.Run)), plan),
		putJSON(ctx, h.Objects, work(HostsKey(m.Run)), listOf(batches)),
	)
}

// left makes the outcomes of the hosts that nothing was sent to again where they are
// lost: the plan has the reasons.
func (h Rebuild) left(ctx context.Context, run string, batches []Batch) error {
	var left []Record
	err := getJSON(ctx, h.Objects, work(OutcomesKey(run, neverSent)), &left)
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	var plan Plan
	if err := getJSON(ctx, h.Objects, work(PlanKey(run)), &plan); err != nil {
		return err
	}
	sent := map[string]bool{}
	for _, b := range batches {
		for _, host := range b.Hosts {
			sent[host] = true
		}
	}
	for _, c := range plan.Hosts {
		if !sent[c.ID] {
			left = append(left, notExamined(c.ID, cmp.Or(c.Reason, overLimit)))
		}
	}
	sortRecords(left)
	return putJSON(ctx, h.Objects, work(OutcomesKey(run, neverSent)), listOf(left))
}

// extract makes the facts and outcomes of each batch again.
func (h Rebuild) extract(ctx context.Context, run string, batches []Batch, known map[string]Record) error {
	ex := Extract{Objects: h.Objects, Pack: h.Pack, Now: h.Now, Log: h.Log}
	total, done := 0, make(chan int)
	for _, b := range batches {
		total += len(b.Hosts)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(rebuilders + 1)
	g.Go(func() error { return h.count(ctx, total, done) })
	for _, b := range batches {
		g.Go(func() error {
			if err := ex.again(ctx, run, b, known); err != nil {
				return err
			}
			select {
			case done <- len(b.Hosts):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}
	return g.Wait()
}

// count tells how many hosts are done, one thing at a time.
func (h Rebuild) count(ctx context.Context, total int, done <-chan int) error {
	for sum := 0; sum < total; {
		select {
		case n := <-done:
			sum += n
			if h.Progress != nil {
				h.Progress(sum, total)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// again reads the evidence of a batch once more. A host whose evidence is gone or
// changed is not examined now; the others are.
func (h Extract) again(ctx context.Context, run string, b Batch, known map[string]Record) error {
	set := facts.NewSet(h.Pack)
	records := make([]Record, len(b.Hosts))
	for i, host := range b.Hosts {
		before, ok := known[host]
		e := end{reason: before.Reason}
		switch {
		case !ok:
			e.reason = noOutcome
		case before.Evidence != "":
			e.sources = []source{keptSource(before)}
		}
		var err error
		if records[i], err = h.host(ctx, Branch{Run: run, Batch: b}, host, e, set); err != nil {
			return fmt.Errorf("read the evidence of %s: %w", host, err)
		}
	}
	return h.write(ctx, ExtractIn{Branch: Branch{Run: run, Batch: b}}, set, records)
}

// rebuilt says by what a result was made again.
func (h Analyze) rebuilt(r *run) string {
	text := fmt.Sprintf("Made again from the evidence by diffy %s", h.Version)
	if h.Pack.Version != r.plan.PackVersion {
		text += fmt.Sprintf(", with version %s of the pack; the hosts were asked by version %s", h.Pack.Version, r.plan.PackVersion)
	}
	return text + ", with the baselines and suppressions of that time."
}
