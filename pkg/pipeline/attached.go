package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"diffy/pkg/triage"
	"diffy/pkg/trigger"
)

// shownAttached is how many attached findings a result lists.
const shownAttached = 100

// AttachedKey is the findings that came while a run was on, in the work bucket.
func AttachedKey(run string) string { return runKey(run, "attached.json") }

// attached closes the run for further findings and returns those that came in time,
// the gravest first. What it has read is kept: analysed again, a run has the same.
func (h Analyze) attached(ctx context.Context, r *run) ([]Sighting, error) {
	if r.request.Trigger == nil {
		return nil, nil
	}
	var list []Sighting
	err := getJSON(ctx, h.Objects, work(AttachedKey(r.plan.Run)), &list)
	if err == nil || !errors.Is(err, ErrNotFound) {
		return list, err
	}
	if h.Storm == nil {
		return nil, nil
	}
	ids, err := h.Storm.Close(ctx, r.plan.Group, r.plan.Run)
	if errors.Is(err, ErrNotFound) {
		return nil, nil // started by hand, or another run has taken over
	}
	if err != nil {
		return nil, fmt.Errorf("close run %s for findings: %w", r.plan.Run, err)
	}
	if list, err = sightings(ctx, h.Storm, r.plan.Group, ids, r.request.Trigger.ID); err != nil {
		return nil, err
	}
	return list, putJSON(ctx, h.Objects, work(AttachedKey(r.plan.Run)), listOf(list))
}

// sightings reads those findings of a group, but for the run's own.
func sightings(ctx context.Context, store Findings, group string, ids []string, own string) ([]Sighting, error) {
	all, err := store.Findings(ctx, group)
	if err != nil {
		return nil, fmt.Errorf("read findings of %s: %w", group, err)
	}
	list := slices.DeleteFunc(all, func(f Sighting) bool { return f.ID == own || !slices.Contains(ids, f.ID) })
	sortSightings(list)
	return list, nil
}

// sortSightings puts the gravest first, then the earliest.
func sortSightings(list []Sighting) {
	slices.SortFunc(list, func(a, b Sighting) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Time, b.Time), cmp.Compare(a.ID, b.ID))
	})
}

// gather adds to suspects and pivots what other findings name, each once, as far as a
// request goes.
func gather(suspects []string, pivots []triage.Pivot, others []Sighting) ([]string, []triage.Pivot) {
	suspects, pivots = slices.Clone(suspects), slices.Clone(pivots)
	for _, f := range others {
		for _, id := range f.Suspects {
			if !slices.Contains(suspects, id) {
				suspects = append(suspects, id)
			}
		}
		for _, p := range f.Pivots {
			same := func(o triage.Pivot) bool { return o.Kind == p.Kind && o.Value == p.Value }
			if len(pivots) < trigger.MaxPivots && !slices.ContainsFunc(pivots, same) {
				pivots = append(pivots, p)
			}
		}
	}
	return suspects, pivots
}

// shown is what a result lists of the attached findings.
func shown(list []Sighting) (out []triage.Attached) {
	for _, f := range list[:min(len(list), shownAttached)] {
		out = append(out, triage.Attached{Trigger: f.Trigger, Suspects: listOf(f.Suspects)})
	}
	return out
}

// told says in one sentence what else came.
func told(list []Sighting) []string {
	if len(list) == 0 {
		return nil
	}
	var types []string
	counts := map[string]int{}
	for _, f := range list {
		if counts[f.Type]++; counts[f.Type] == 1 {
			types = append(types, f.Type)
		}
	}
	slices.SortStableFunc(types, func(a, b string) int { return cmp.Compare(counts[b], counts[a]) })
	named := types[:min(len(types), 5)]
	for i, t := range named {
		named[i] = fmt.Sprintf("%d × %s", counts[t], cut(t, 100))
	}
	if len(types) > len(named) {
		named = append(named, "and others")
	}
	return []string{fmt.Sprintf("%d more findings came for this group while the run was on, and belong to it: %s. "+
		"What they name was looked for in what the hosts had answered.", len(list), strings.Join(named, ", "))}
}
