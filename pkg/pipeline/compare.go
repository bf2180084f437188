package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"diffy/pkg/detect"
	"diffy/pkg/facts"
	"diffy/pkg/triage"
)

// input gathers what one analysis works on. A baseline run stores its facts here,
// and is then analysed by the rules alone.
func (h Analyze) input(ctx context.Context, r *run) (in detect.Input, version string, err error) {
	in = detect.Input{
		Group: r.plan.Key, Set: r.set, Pivots: r.request.Pivots, Outcomes: outcomes(r.records),
		Suspects: r.request.Suspects, Notes: r.notes, Now: h.Now(),
	}
	if in.Suppressions, err = h.Suppressions.Suppressions(ctx, r.plan.Group); err != nil {
		return in, "", fmt.Errorf("read suppressions of %s: %w", r.plan.Group, err)
	}
	if r.request.Purpose == triage.PurposeBaseline {
		in.Methods = []triage.Method{triage.ByBaseline} // of which there is none: rules and pivots remain
		version, err = h.storeBaseline(ctx, r)
		in.Notes = append(in.Notes, fmt.Sprintf("A baseline run: the hosts were not compared with each other. Their facts are version %s of the baseline.", version))
		return in, version, err
	}
	var notes []string
	in.Baselines, notes, err = h.baselines(ctx, r)
	in.Notes = append(in.Notes, notes...)
	return in, "", err
}

func outcomes(records []Record) []triage.Outcome {
	out := make([]triage.Outcome, len(records))
	for i, r := range records {
		out[i] = r.Outcome
	}
	return out
}

// storeBaseline stores the facts under the run's id: another run is another
// version, the same run again is the same one.
func (h Analyze) storeBaseline(ctx context.Context, r *run) (string, error) {
	if h.Rebuilt {
		return r.plan.Run, nil
	}
	if len(r.set.Hosts()) == 0 {
		return "", errorf(NothingToStore, "no host of %s could be examined: there is no baseline", r.plan.Key)
	}
	var data bytes.Buffer
	err := r.set.Encode(&data)
	if err == nil {
		err = h.Baselines.Store(ctx, h.baseline(r, data.Bytes()))
	}
	if err != nil {
		return "", fmt.Errorf("store baseline of %s: %w", r.plan.Group, err)
	}
	return r.plan.Run, nil
}

// baseline is the facts of a run as a version of its group's baseline.
func (h Analyze) baseline(r *run, data []byte) Baseline {
	return Baseline{
		Group: r.plan.Group, Version: r.plan.Run, Created: r.plan.Started, Hosts: len(r.set.Hosts()),
		Pack: h.Pack.Name + " " + h.Pack.Version, Data: data,
	}
}

// baselines loads those that the request asks for. One that is missing or that
// cannot be read any more is a note, not the end of a run whose evidence is there.
func (h Analyze) baselines(ctx context.Context, r *run) (out []detect.Baseline, notes []string, err error) {
	if r.request.Baseline == "none" {
		return nil, nil, nil
	}
	found, err := h.Baselines.Find(ctx, r.plan.Group, r.request.Baseline)
	if errors.Is(err, ErrNotFound) {
		return nil, []string{fmt.Sprintf("There is no baseline %s of this group: hosts were compared with each other only.", r.request.Baseline)}, nil
	}
	if errors.Is(err, ErrDamaged) {
		return nil, []string{fmt.Sprintf("The baseline of this group was not used (%v): hosts were compared with each other only. Delete it and make it again.", err)}, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read baselines of %s: %w", r.plan.Group, err)
	}
	for _, b := range lastGood(found, r.plan) {
		set, err := facts.Decode(h.Pack, bytes.NewReader(b.Data))
		switch {
		case errors.Is(err, facts.ErrTemplates) && b.Weak: // the next good run takes its place
			notes = append(notes, fmt.Sprintf("The last good run, %s, was made with another version of the pack (%s) and was not used.", b.Version, b.Pack))
		case errors.Is(err, facts.ErrTemplates):
			notes = append(notes, fmt.Sprintf("Baseline %s was made with another version of the pack (%s) and was not used: make it again.", b.Version, b.Pack))
		case err != nil:
			return nil, nil, fmt.Errorf("read baseline %s of %s: %w", b.Version, r.plan.Group, err)
		default:
			out = append(out, detect.Baseline{Name: r.plan.Key, Version: b.Version, Created: b.Created, Set: set, Weak: b.Weak})
			notes = append(notes, worth(b, r.plan.Started)...)
		}
	}
	return out, notes, nil
}

// lastGood leaves the latest of weak baselines that a run had before it. When it is
// analysed again there is its own, and there may be later ones.
func lastGood(found []Baseline, plan Plan) []Baseline {
	for _, b := range found {
		if b.Weak && b.Version != plan.Run && b.Created <= plan.Started {
			return []Baseline{b}
		}
	}
	return slices.DeleteFunc(found, func(b Baseline) bool { return b.Weak })
}

// worth says what to know of a baseline that nobody has approved.
func worth(b Baseline, started string) []string {
	switch {
	case b.Weak:
		return []string{fmt.Sprintf("Nobody has made a baseline of this group: the last good run stands in for one, %s, %s. "+
			"It counts for less, as a group that was compromised as a whole looks good too.",
			b.Version, ageAt(b.Created, started))}
	case !b.Approved:
		return []string{fmt.Sprintf("Baseline %s is not approved: nobody has said that its hosts were clean.", b.Version)}
	}
	return nil
}

// ageAt is how old something was at a time; both are stamps.
func ageAt(made, at string) string {
	from, err1 := time.Parse(time.RFC3339, made)
	to, err2 := time.Parse(time.RFC3339, at)
	if errors.Join(err1, err2) != nil {
		return "of unknown age"
	}
	return age(to.Sub(from)) + " old"
}
