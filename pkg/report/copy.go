package report

import "diffy/pkg/triage"

// copier copies a result deeply, every string from outside through one of its
// functions. Lists that are nil become empty, as the contract has no null lists; a
// row that is nil stays nil, as null is what it says.
type copier struct {
	value  func(string) string
	column func(string) string // names of columns
}

func (c copier) result(r *triage.Result) *triage.Result {
	return &triage.Result{
		Schema:   c.value(r.Schema),
		Run:      c.run(r.Run),
		Group:    c.group(r.Group),
		Hosts:    each(r.Hosts, c.host),
		Findings: each(r.Findings, c.finding),
		Stories:  each(r.Stories, c.story),
		Pivots:   each(r.Pivots, c.pivot),
		Suppressed: each(r.Suppressed, func(s triage.Suppressed) triage.Suppressed {
			return triage.Suppressed{Finding: c.value(s.Finding), Reason: c.value(s.Reason), Author: c.value(s.Author), Expires: c.value(s.Expires)}
		}),
		Notes: c.all(r.Notes),
	}
}

func (c copier) run(r triage.RunInfo) triage.RunInfo {
	for _, s := range []*string{&r.ID, &r.Incident, &r.Started, &r.Finished, &r.Pack, &r.PackVersion, &r.DiffyVersion} {
		*s = c.value(*s)
	}
	if r.Trigger != nil {
		t := c.trigger(*r.Trigger)
		r.Trigger = &t
	}
	if len(r.Attached) > 0 {
		r.Attached = each(r.Attached, func(a triage.Attached) triage.Attached {
			a.Trigger, a.Suspects = c.trigger(a.Trigger), c.all(a.Suspects)
			return a
		})
	}
	return r
}

func (c copier) trigger(t triage.Trigger) triage.Trigger {
	t.Source, t.ID, t.Type, t.Time = c.value(t.Source), c.value(t.ID), c.value(t.Type), c.value(t.Time)
	return t
}

func (c copier) group(g triage.GroupResult) triage.GroupResult {
	g.Key = c.value(g.Key)
	g.Methods = each(g.Methods, func(m triage.Method) triage.Method { return triage.Method(c.value(string(m))) })
	g.Subpopulations = each(g.Subpopulations, func(s triage.Subpopulation) triage.Subpopulation {
		s.ID, s.Explains = c.value(s.ID), c.value(s.Explains)
		return s
	})
	g.Baselines = each(g.Baselines, func(b triage.BaselineResult) triage.BaselineResult {
		b.Name, b.Version = c.value(b.Name), c.value(b.Version)
		b.Created, b.Subpopulation = c.value(b.Created), c.value(b.Subpopulation)
		return b
	})
	return g
}

func (c copier) host(h triage.HostResult) triage.HostResult {
	h.Host, h.Reason, h.Subpopulation = c.value(h.Host), c.value(h.Reason), c.value(h.Subpopulation)
	h.Status = triage.Status(c.value(string(h.Status)))
	h.Errors = each(h.Errors, func(e triage.QueryError) triage.QueryError {
		return triage.QueryError{Query: c.value(e.Query), Error: c.value(e.Error)}
	})
	return h
}

func (c copier) finding(f triage.Finding) triage.Finding {
	f.ID, f.Query, f.Why = c.value(f.ID), c.value(f.Query), c.value(f.Why)
	f.Kind, f.Severity = triage.Kind(c.value(string(f.Kind))), triage.Severity(c.value(string(f.Severity)))
	f.Hosts, f.Techniques = c.all(f.Hosts), c.all(f.Techniques)
	f.Methods = each(f.Methods, func(m triage.Method) triage.Method { return triage.Method(c.value(string(m))) })
	f.ChangedColumns = each(f.ChangedColumns, c.column)
	f.Key, f.Row, f.Expected = c.row(f.Key), c.row(f.Row), c.row(f.Expected)
	return f
}

func (c copier) row(r triage.Row) triage.Row {
	if r == nil {
		return nil
	}
	out := make(triage.Row, len(r))
	for name, v := range r {
		out[c.column(name)] = c.value(v)
	}
	return out
}

func (c copier) story(s triage.Story) triage.Story {
	s.ID, s.Summary, s.Severity = c.value(s.ID), c.value(s.Summary), triage.Severity(c.value(string(s.Severity)))
	s.Hosts, s.Findings = c.all(s.Hosts), c.all(s.Findings)
	return s
}

func (c copier) pivot(p triage.PivotResult) triage.PivotResult {
	return triage.PivotResult{
		Kind: triage.PivotKind(c.value(string(p.Kind))), Value: c.value(p.Value),
		Seen: c.all(p.Seen), NotSeen: c.all(p.NotSeen), Unknown: c.all(p.Unknown),
	}
}

func (c copier) all(in []string) []string { return each(in, c.value) }

func each[A, B any](in []A, f func(A) B) []B {
	out := make([]B, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}
