package report

import (
	"cmp"
	"slices"
	"strings"

	"diffy/pkg/triage"
)

// view is a result in the words and the order in which every format shows it.
// All its strings are harmless.
type view struct {
	*triage.Result
	Verdict   sentence
	Remarks   []sentence // what a reader must know beside it: suspects, counts
	Ranked    []*hostView
	Seen      []*findingView // the findings, highest score first
	Loud      []*findingView // those at medium or above
	Quiet     []*findingView // the rest
	Told      []*storyView
	HostGaps  []gap // hosts not seen whole, by reason
	QueryGaps []gap // queries that failed, by query
	Reference []reference
	Matrix    matrix
	Events    []event
	Steps     []step
}

// hostView is a host with the best that is known against it.
type hostView struct {
	triage.HostResult
	Best *findingView // nil: nothing was found on it
}

// Why is why the host was not seen whole.
func (h *hostView) Why() string { return gapReason(h.HostResult) }

// storyView is a story with its findings looked up.
type storyView struct {
	triage.Story
	Parts []*findingView
}

// Unnamed reports whether the summary leaves out a host of the story.
func (s *storyView) Unnamed() bool {
	return slices.ContainsFunc(s.Hosts, func(h string) bool { return !strings.Contains(s.Summary, h) })
}

// gap is something that could not be seen: on which hosts, and why.
type gap struct {
	What  string
	Why   string
	Hosts []string
}

func newView(r *triage.Result) *view {
	v := &view{Result: harmless(r)}
	v.Ranked = each(v.Hosts, func(h triage.HostResult) *hostView { return &hostView{HostResult: h} })
	for i := range v.Findings {
		f := newFindingView(&v.Findings[i], i+1)
		v.Seen = append(v.Seen, f)
		if f.Severity.Loud() {
			v.Loud = append(v.Loud, f)
		} else {
			v.Quiet = append(v.Quiet, f)
		}
	}
	v.findBest()
	v.tellStories()
	v.HostGaps, v.QueryGaps = hostGaps(v.Hosts), queryGaps(v.Hosts)
	v.Reference = references(v.Result)
	v.Verdict, v.Remarks = verdict(v), remarks(v)
	v.Matrix = newMatrix(v)
	v.Events = events(v)
	v.Steps = steps(v)
	return v
}

// findBest gives each host the finding that speaks loudest on it: the first loud
// one, else the first.
func (v *view) findBest() {
	best := map[string]*findingView{}
	for _, f := range slices.Concat(v.Loud, v.Quiet) {
		for _, h := range f.Hosts {
			if best[h] == nil {
				best[h] = f
			}
		}
	}
	for _, h := range v.Ranked {
		h.Best = best[h.Host]
	}
}

func (v *view) tellStories() {
	byID := map[string]*findingView{}
	for _, f := range v.Seen {
		byID[f.ID] = f
	}
	for _, s := range v.Stories {
		told := &storyView{Story: s}
		for _, id := range s.Findings {
			if f := byID[id]; f != nil {
				told.Parts = append(told.Parts, f)
			}
		}
		v.Told = append(v.Told, told)
	}
}

// hostGaps groups the hosts that were not seen whole by status and reason, those
// without any evidence first.
func hostGaps(hosts []triage.HostResult) []gap {
	var out []gap
	for _, status := range []triage.Status{triage.NotExamined, triage.Partial} {
		at := map[string]int{}
		for _, h := range hosts {
			if h.Status != status {
				continue
			}
			why := gapReason(h)
			i, ok := at[why]
			if !ok {
				i = len(out)
				at[why] = i
				out = append(out, gap{What: statusWord(status), Why: why})
			}
			out[i].Hosts = append(out[i].Hosts, h.Host)
		}
	}
	return out
}

func gapReason(h triage.HostResult) string {
	if h.Reason != "" {
		return h.Reason
	}
	if len(h.Errors) > 0 {
		names := each(h.Errors, func(e triage.QueryError) string { return e.Query })
		return "no whole answer to " + list(names, 3)
	}
	return "no reason given"
}

func statusWord(s triage.Status) string { return strings.ReplaceAll(string(s), "_", " ") }

// gapsOfHost is how many errors of one host are told: more than a pack has
// queries, fewer than would hide those of other hosts.
const gapsOfHost = 100

// queryGaps groups what hosts could not answer by query and message.
func queryGaps(hosts []triage.HostResult) []gap {
	var out []gap
	at := map[triage.QueryError]int{}
	for _, h := range hosts {
		told, left := head(h.Errors, gapsOfHost)
		if left > 0 {
			told = append(slices.Clone(told), triage.QueryError{Error: number(left) + " more errors: see result.json"})
		}
		for _, e := range told {
			i, ok := at[e]
			if !ok {
				i = len(out)
				at[e] = i
				out = append(out, gap{What: cmp.Or(e.Query, "evidence"), Why: e.Error})
			}
			out[i].Hosts = append(out[i].Hosts, h.Host)
		}
	}
	slices.SortStableFunc(out, func(a, b gap) int { return strings.Compare(a.What, b.What) })
	return out
}

// reference is what the hosts were compared with.
type reference struct {
	Name  string
	About string
}

func references(r *triage.Result) []reference {
	compared := slices.Contains(r.Group.Methods, triage.ByCluster) && r.Group.Examined+r.Group.Partial > 1
	switch {
	case len(r.Group.Baselines) == 0 && !compared:
		return []reference{{"no baseline", "there was nothing to compare with: only rules and pivots speak"}}
	case len(r.Group.Baselines) == 0:
		return []reference{{"no baseline", "hosts were compared with each other: what most of them share counts as normal"}}
	}
	return each(r.Group.Baselines, func(b triage.BaselineResult) reference {
		about := []string{plural(b.Hosts, "host")}
		if b.Created != "" {
			made := "made " + stamp(b.Created)
			if a := age(b.Created, ended(r.Run)); a != "" {
				made += ", " + a + " before this run"
			}
			about = append(about, made)
		}
		fits := "fits no host of this group"
		if b.Subpopulation != "" {
			fits = "fits " + list(strings.Split(b.Subpopulation, ","), 8)
		}
		if b.Weak {
			fits = "the last good run, not approved: " + fits
		}
		if b.Stale {
			fits = "stale: " + fits
		}
		return reference{strings.TrimSpace(b.Name + " " + b.Version), strings.Join(append(about, fits), " · ")}
	})
}

// ended is the time a run's ages count from.
func ended(r triage.RunInfo) string {
	if r.Finished != "" {
		return r.Finished
	}
	return r.Started
}
