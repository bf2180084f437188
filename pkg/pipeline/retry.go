package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"diffy/pkg/triage"
)

// past is an earlier run that this one goes on with: hosts that it has examined
// whole are not asked again. The zero value is none.
type past struct {
	plan    Plan
	request triage.Request
	whole   map[string]Record // by host

	attached []Sighting // findings that came while it was on
}

// examined reports whether the earlier run has evidence of the whole host.
func (p past) examined(host string) bool { return p.whole[host].Host != "" }

// past reads what an earlier run has planned and examined.
func (h Resolve) past(ctx context.Context, run, earlier string) (past, error) {
	var p past
	switch {
	case earlier == "":
		return p, nil
	case earlier == run:
		return p, errorf(BadRequest, "run %s cannot retry itself", run)
	}
	records, err := p.read(ctx, h.Objects, earlier)
	if errors.Is(err, ErrNotFound) {
		return p, errorf(BadRequest, "there is nothing to retry: there is no run %s here, or it ended before it had a plan", earlier)
	}
	if err != nil {
		return p, fmt.Errorf("read what run %s has examined: %w", earlier, err)
	}
	p.whole = map[string]Record{}
	for _, r := range records {
		if r.Status == triage.Examined && r.Evidence != "" {
			p.whole[r.Host] = r
		}
	}
	return p, nil
}

func (p *past) read(ctx context.Context, s Objects, run string) ([]Record, error) {
	if err := getJSON(ctx, s, work(PlanKey(run)), &p.plan); err != nil {
		return nil, err
	}
	if err := getJSON(ctx, s, evidence(RequestKey(run)), &p.request); err != nil {
		return nil, err
	}
	if err := getJSON(ctx, s, work(AttachedKey(run)), &p.attached); err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	return allRecords(ctx, s, run)
}

// join makes one group of what is there now and what the earlier run was asked for,
// so that every host of either is accounted for.
func (p past) join(now Group, r triage.Request, packVersion string) (Group, error) {
	if p.plan.Run == "" {
		return now, nil
	}
	known := map[string]bool{}
	for _, c := range p.plan.Hosts {
		known[c.ID] = true
	}
	if now.ID != p.plan.Group {
		if !reflect.DeepEqual(r.Target, p.request.Target) {
			return now, errorf(BadRequest, "run %s was of %s: it cannot be retried for %s", p.plan.Run, p.plan.Key, TargetKey(r.Target))
		}
		// The instances that stood for the group have gone, or have changed theirs.
		now.Hosts = slices.DeleteFunc(slices.Clone(now.Hosts), func(c Candidate) bool { return !known[c.ID] })
	}
	now.ID, now.Key, now.Closer = p.plan.Group, p.plan.Key, nil
	for _, c := range now.Hosts {
		delete(known, c.ID)
	}
	now.Hosts = slices.Clone(now.Hosts)
	for _, c := range p.plan.Hosts {
		if known[c.ID] {
			c.Pending = false
			c.Reason = cmp.Or(c.Reason, "no longer in the group")
			now.Hosts = append(now.Hosts, c)
		}
	}
	now.Notes = append(slices.Clone(now.Notes), p.differences(r, packVersion)...)
	return now, nil
}

// differences says in what the hosts that are asked now are asked otherwise than the
// others were.
func (p past) differences(r triage.Request, packVersion string) (notes []string) {
	before, after := strings.Join(p.request.Tiers, ", "), strings.Join(r.Tiers, ", ")
	if before != after {
		notes = append(notes, fmt.Sprintf("Run %s asked for the tiers %s, this one for %s: of hosts that were not asked again only those are known.", p.plan.Run, before, after))
	}
	if p.plan.PackVersion != packVersion {
		notes = append(notes, fmt.Sprintf("Run %s asked version %s of the pack, this one %s: what only one of them asks cannot be compared.", p.plan.Run, p.plan.PackVersion, packVersion))
	}
	return notes
}

// write leaves, for each batch of the earlier run, how its hosts ended there.
func (p past) write(ctx context.Context, s Objects, run string, batches []Batch) error {
	for _, b := range batches {
		if b.Earlier == "" {
			continue
		}
		records := make([]Record, len(b.Hosts))
		for i, host := range b.Hosts {
			records[i] = p.whole[host]
		}
		if err := putJSON(ctx, s, work(EarlierKey(run, b.number())), records); err != nil {
			return err
		}
	}
	return nil
}

// reused says which hosts were not asked again, and how old their evidence is.
func reused(plan Plan, records []Record) []string {
	started, err := time.Parse(time.RFC3339, plan.Started)
	if err != nil {
		return nil
	}
	type kept struct {
		hosts          int
		oldest, newest time.Duration
	}
	runs := map[string]*kept{}
	for _, r := range records {
		run := runOf(r.Evidence)
		received, err := time.Parse(time.RFC3339, r.Received)
		if run == "" || run == plan.Run || err != nil {
			continue
		}
		age := max(0, started.Sub(received))
		k := runs[run]
		if k == nil {
			k = &kept{oldest: age, newest: age}
			runs[run] = k
		}
		k.hosts++
		k.oldest, k.newest = max(k.oldest, age), min(k.newest, age)
	}
	var notes []string
	for _, run := range slices.Sorted(maps.Keys(runs)) {
		k := runs[run]
		notes = append(notes, fmt.Sprintf("%d of %d hosts were not asked again: their evidence is of run %s and was %s old when this run began.",
			k.hosts, len(records), run, between(k.newest, k.oldest)))
	}
	return notes
}

// between puts one age or two.
func between(least, most time.Duration) string {
	if a, b := age(least), age(most); a != b {
		return a + " to " + b
	}
	return age(most)
}

// age puts how long ago something was, in the unit that says enough.
func age(d time.Duration) string {
	units := []struct {
		name string
		long time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}}
	for _, u := range units {
		if n := int(d / u.long); n > 1 || n == 1 && u.name != "day" {
			if n == 1 {
				return "1 " + u.name
			}
			return fmt.Sprintf("%d %ss", n, u.name)
		}
	}
	return "less than a minute"
}

// runOf is the run that an object under runs/ is of, "" when there is no object.
func runOf(key string) string {
	rest, ok := strings.CutPrefix(key, "runs/")
	run, _, _ := strings.Cut(rest, "/")
	if !ok {
		return ""
	}
	return run
}
