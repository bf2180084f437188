package detect

import (
	"cmp"
	"fmt"
	"slices"

	"diffy/pkg/triage"
)

// lowWeight is what a finding below medium adds to a host's score: enough to
// order hosts that have nothing louder.
const lowWeight = 0.1

// plainWeight is what a mechanism counts of which only its rarity speaks: a
// leader's one more service stands below what has suspicious traits.
const plainWeight = 0.4

// traitWeight is what it counts when it has traits that may be harmless: a
// program of its own, a public address.
const traitWeight = 0.7

// hosts ranks the requested hosts, worst first.
func (b *builder) hosts(found []*deviation, r *triage.Result) []triage.HostResult {
	scores, loud := b.scores(found)
	out := []triage.HostResult{}
	for _, o := range b.outcomes() {
		h := triage.HostResult{Host: o.Host, Suspect: slices.Contains(b.in.Suspects, o.Host), Status: o.Status, Reason: o.Reason, Errors: []triage.QueryError{}}
		if place, ok := b.number(o.Host); ok {
			facts := b.group.hosts[place]
			h.Subpopulation = cellName(b.group.cell[place])
			h.Score, h.Findings, h.Outlier = round(scores[place]), loud[place], loud[place] > 0
			h.Errors = append(h.Errors, facts.Errors...)
			if h.Status == triage.Examined && (facts.Cut || len(facts.Errors) > 0) {
				h.Status = triage.Partial
			}
			if h.Status == triage.Examined && facts.Rows == 0 && slices.Contains(facts.Answered, "processes") {
				h.Status, h.Reason = triage.Partial, "no query answered with a row" // and a host without a process there is not
			}
			if h.Status == triage.Partial && h.Reason == "" {
				h.Reason = partialReason(facts.Cut, facts.Errors)
			}
		}
		switch h.Status {
		case triage.Examined:
			r.Group.Examined++
		case triage.Partial:
			r.Group.Partial++
		default:
			r.Group.NotExamined++
		}
		out = append(out, h)
	}
	r.Group.HostsRequested = len(out)
	slices.SortFunc(out, func(a, b triage.HostResult) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(b.Findings, a.Findings), cmp.Compare(a.Host, b.Host))
	})
	return out
}

func partialReason(cut bool, errors []triage.QueryError) string {
	if cut {
		return "the evidence is cut"
	}
	failed := map[string]bool{}
	for _, e := range errors {
		failed[e.Query] = true
	}
	delete(failed, "") // of the evidence as a whole
	if len(failed) == 0 {
		return "the evidence has faults"
	}
	return plural(len(failed), "query failed", "queries failed")
}

// outcomes are the requested hosts: those of the run, or those at hand.
func (b *builder) outcomes() []triage.Outcome {
	if b.in.Outcomes != nil {
		return b.in.Outcomes
	}
	var out []triage.Outcome
	foreign := 0
	for _, h := range b.group.hosts {
		o := triage.Outcome{Host: h.Name, Status: triage.Examined}
		if len(h.Answered) == 0 {
			o.Status, o.Reason = triage.NotExamined, "no query answered"
		}
		if h.Foreign {
			foreign++
		}
		out = append(out, o)
	}
	if foreign > 0 {
		b.notes = append(b.notes, fmt.Sprintf("the evidence of %s was not collected by diffy: what its collector did not ask for is unknown here, not absent", plural(foreign, "host", "hosts")))
	}
	return out
}

func (b *builder) number(name string) (int, bool) {
	return slices.BinarySearchFunc(b.group.hosts, name, func(h *factsHost, name string) int { return cmp.Compare(h.Name, name) })
}

// scores sums for each host, over the mechanisms its findings belong to and the
// queries they are in, the best of each: one noisy query, or one cause with
// many rows, carries no host.
func (b *builder) scores(found []*deviation) (bits []float64, loud []int) {
	n := len(b.group.hosts)
	bits, loud = make([]float64, n), make([]int, n)
	perHost := make([][]*deviation, n)
	for _, d := range found {
		f := b.finding[d]
		if f == nil {
			continue
		}
		d.hosts.each(func(h int) {
			perHost[h] = append(perHost[h], d)
			if f.Severity.Loud() {
				loud[h]++
			}
		})
	}
	for h, all := range perHost {
		bits[h] = b.hostScore(mechanisms(all, b.group.common))
	}
	return bits, loud
}

// alone is the highest score that a deviation of a mechanism has by itself: many
// rows of one harmless service are no more than one.
func alone(group []*deviation) float64 {
	best := 0.0
	for _, d := range group {
		best = max(best, d.score.total()-d.score.together-max(d.score.baseline, 0))
	}
	return best
}

// telling reports whether more than rarity speaks for a deviation: a trait that
// leaves no harmless explanation, a rule, a query in which one row is enough,
// other contents under the same name, or what no leader of an application has.
func (d *deviation) telling() bool {
	switch {
	case d.incriminating():
		return true
	case d.score.explained < 0:
		return false
	case d.score.prior >= gravePrior, d.guards(), slices.Contains(d.changed, "sha256"):
		return true
	}
	return d.score.prior >= 1 && !slices.Contains(leaderQueries, d.table().rule.Name) || slices.ContainsFunc(d.traits, func(t trait) bool { return t.tells })
}

// leaderQueries are those in which an application shows that runs on one host only.
var leaderQueries = []string{
	"crontab", "systemd_units", "startup_items", "persistence_files", "recent_system_changes", "file", "hash", "process_hashes", "processes",
	"listening_ports", "open_sockets_remote", "process_open_sockets", "resolvers_and_hosts", "etc_hosts", "docker_containers", "docker_images",
	"deb_packages", "rpm_packages", "python_packages", "npm_packages", "mounts", "network_interfaces", "process_deleted_binary",
}

func (b *builder) hostScore(groups [][]*deviation) float64 {
	var best perQuery // by the query of a mechanism's best finding
	quiet := 0.0      // the highest of what only its rarity speaks for
	for _, group := range groups {
		top, grave, weight := b.finding[group[0]], false, plainWeight
		for _, d := range group {
			if f := b.finding[d]; f.Score > top.Score {
				top = f
			}
			grave = grave || d.telling()
			if d.score.traits > 0 {
				weight = traitWeight
			}
		}
		switch {
		case !top.Severity.Loud():
			quiet = max(quiet, lowWeight*top.Score)
			continue
		case !grave:
			quiet = max(quiet, weight*alone(group))
			continue
		}
		best.add(top.Query, top.Score)
	}
	return best.sum(quiet)
}

// perQuery keeps the best score of each query, and adds them up in the order in
// which the queries came: the same sum every time.
type perQuery struct {
	best  map[string]float64
	order []string
}

func (p *perQuery) add(query string, bits float64) {
	if p.best == nil {
		p.best = map[string]float64{}
	}
	if _, seen := p.best[query]; !seen {
		p.order = append(p.order, query)
	}
	p.best[query] = max(p.best[query], bits)
}

func (p *perQuery) sum(start float64) float64 {
	for _, query := range p.order {
		start += p.best[query]
	}
	return start
}

// stories tells, for each set of hosts with several loud findings, what they
// are together.
func (b *builder) stories(found []*deviation) []triage.Story {
	out := []triage.Story{}
	var loud []*deviation
	for _, d := range found {
		if f := b.finding[d]; f != nil && f.Severity.Loud() {
			loud = append(loud, d)
		}
	}
	for _, bundle := range bundles(loud) {
		if len(bundle.deviations) < 2 {
			continue
		}
		s := triage.Story{Hosts: b.names(bundle.hosts)}
		var best perQuery
		for _, d := range bundle.deviations {
			f := b.finding[d]
			s.Findings = append(s.Findings, f.ID)
			if !s.Severity.AtLeast(f.Severity) || s.Severity == "" {
				s.Severity = f.Severity
			}
			best.add(f.Query, f.Score)
		}
		s.Score = round(best.sum(0))
		for _, d := range bundle.deviations {
			b.finding[d].Severity = s.Severity
		}
		s.ID = "story-" + s.Findings[0]
		s.Summary = summary(s.Hosts, bundle.deviations)
		out = append(out, s)
	}
	slices.SortStableFunc(out, func(a, b triage.Story) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID)) })
	return out
}
