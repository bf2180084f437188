package detect

import (
	"math"
	"slices"
	"strings"

	"diffy/pkg/triage"
)

// Scores are bits: how much less likely a difference is by chance than what a
// host of this group shows anyway. One value tried of each and none swept, but
// for the thresholds, which hold on synthetic fleets; docs/detection.md has the
// figures.
const (
	kappa        = 2.0  // weight of what is to be expected against what was counted
	rarityCap    = 12.0 // bits: counting alone proves no more
	traitCap     = 6.0
	beta         = 20.0  // observations that a learned rate starts with
	betaStable   = 200.0 // the same for queries that hardly change
	inBaseline   = -5.0
	notBaseline  = 2.0
	weakPart     = 0.4 // of what a baseline says, where nobody has approved it
	ruleFloor    = 8.0 // a rule speaks whatever the other hosts have
	thresholdMed = 7.0
	thresholdTop = 12.0
	thresholdLow = 4.0
	leastShown   = 2.0
	gravePrior   = 2.0 // queries in which one row is enough to wake somebody
)

// score is the parts of a deviation's score, bits.
type score struct {
	rarity    float64 // few hosts show it, in a query where few things differ
	spread    float64 // ≤ 0: the column has many values over the group
	likes     float64 // ≤ 0: other hosts are as odd in the same query
	prior     float64 // what the query is
	traits    float64 // what the row is
	baseline  float64 // what the baseline says
	explained float64 // ≤ 0: something harmless accounts for it
	together  float64 // what its story adds
	floor     float64 // a rule or the baseline alone speaks at least this loud
}

func (s score) total() float64 {
	sum := s.rarity + s.spread + s.likes + s.prior + s.traits + s.baseline + s.explained + s.together
	return max(sum, s.floor, 0)
}

// severity is how loudly a score speaks. Counting alone wakes nobody: high
// needs something suspicious, a query in which one row is enough, a row that only
// a baseline can see, or several hosts that share it.
func severity(bits float64, grave bool) triage.Severity {
	switch {
	case bits >= thresholdTop && grave:
		return triage.High
	case bits >= thresholdMed:
		return triage.Medium
	case bits >= thresholdLow:
		return triage.Low
	}
	return triage.Info
}

// grave reports whether more than counting speaks for a deviation.
func (d *deviation) grave() bool {
	s := d.score
	return s.traits >= 2 || s.floor > 0 || s.traits > 0 && s.baseline > 0 || s.prior >= gravePrior || d.alone && !d.weak || s.together > 0 && d.hosts.count() > 1
}

// rare is the bits of a feature that with of compared hosts have.
func rare(with, compared int, expected float64) float64 {
	m, n := float64(with-1), float64(compared-1)
	if n <= 0 {
		return 0
	}
	return min(rarityCap, max(0, -math.Log2((m+kappa*expected)/(n+kappa))))
}

// likeness is what t other hosts that are as odd in the same query take: one
// alone may be the other attacked host.
func likeness(t int) float64 {
	if t == 1 {
		return -1
	}
	return -2 * math.Log2(float64(1+t))
}

// ownEach is what a column loses that has another value on each host that has
// the thing at all: it is made for each host, or there is no majority to differ
// from.
const ownEach = 6.0

// steady is the bits of a feature that a few hosts share in a query that hardly
// ever differs: there the query speaks, less one bit each time that the number
// of hosts doubles. No stable fact sets those hosts apart, or they would be a
// subpopulation.
func steady(d *deviation, expected float64) float64 {
	if d.table().rule.Prior < 1 || d.with < 2 || 3*d.with > d.compared || d.compared < 4 {
		return 0
	}
	return min(rarityCap, max(0, -math.Log2(kappa*expected)-math.Log2(float64(d.with))))
}

// count scores a deviation by counting.
func (g *group) count(d *deviation, r *rates) {
	expected := r.expected(d, d.compared)
	d.score.rarity = max(rare(d.with, d.compared, expected), steady(d, expected))
	if d.key.shape != nil {
		d.score.rarity = min(d.score.rarity, rare(d.key.shape.count(), d.compared, expected))
	}
	if d.kind == triage.Added && g.apart(d.key) {
		d.score.rarity = min(d.score.rarity, rare(d.key.present.count(), d.compared, expected))
	}
	if d.kind == triage.Changed && d.fact != nil && len(d.changed) > 0 {
		d.score.rarity, d.score.spread = g.countColumns(d, expected)
	}
	d.score.likes = likeness(r.likes(d))
	d.score.prior = prior(d.table())
}

// inferredPrior is what a query counts that nobody described.
const inferredPrior = -2.0

func prior(t *table) float64 {
	if t.rule.Why == "" {
		return inferredPrior
	}
	return t.rule.Prior
}

// countColumns scores a changed row by its most telling column: how few hosts
// have that value, less what a column with many values is worth.
func (g *group) countColumns(d *deviation, expected float64) (rarity, spread float64) {
	best := math.Inf(-1)
	for _, column := range d.changed {
		i := slices.Index(d.table().rule.Compare, column)
		if i < 0 { // a key column of a row that moved
			return rare(d.with, d.compared, expected), 0
		}
		with := newHostSet(len(g.hosts))
		values := map[string]bool{}
		for _, f := range d.key.facts {
			values[f.Values[i]] = true
			if f.Values[i] == d.fact.Values[i] {
				with = with.or(f.hosts)
			}
		}
		bits, less := max(rare(max(with.count(), 1), d.compared, expected), d.score.rarity), 0.0
		switch have := d.key.present.count(); {
		case have == 2 && len(values) == have: // of two, neither is the odd one
			less = -ownEach - 2
		case have > 1 && len(values) == have: // its own on each host that has it
			less = -ownEach
		case len(values) > 2:
			less = -math.Log2(float64(len(values)) / 2)
		}
		if bits+less > best {
			best, rarity, spread = bits+less, bits, less
		}
	}
	return rarity, spread
}

// weigh adds the traits of the row that a deviation brings.
func (g *group) weigh(d *deviation) {
	if d.kind == triage.Missing {
		d.traits = missingTraits(d)
	} else {
		d.traits = g.traits(d.table(), d.fact.Row)
		if d.expected != nil {
			usual := g.traits(d.table(), d.expected.Row)
			d.traits = slices.DeleteFunc(d.traits, func(t trait) bool { return slices.Contains(usual, t) })
		}
	}
}

// addTraits adds up the traits.
func (d *deviation) addTraits() {
	sum, floor := 0.0, 0.0
	for _, t := range d.traits {
		sum += t.bits
		if t.rule {
			floor = ruleFloor
		}
	}
	d.score.traits = min(sum, traitCap)
	if d.table().rule.Mode == modeAlert {
		floor = ruleFloor
	}
	if floor > 0 {
		d.score.floor = floor + d.score.traits
	}
}

// guards are the names of programs that watch a host: when one is gone, that
// alone says something.
var guards = []string{
	"sentinel", "falcon", "crowdstrike", "osquery", "auditd", "wazuh", "ossec", "amazon-ssm-agent", "clam", "mdatp",
	"defender", "cbagent", "carbonblack", "cylance", "sophos", "rsyslog", "syslog", "fluent", "filebeat", "auditbeat",
	"datadog", "trace-agent", "sysdig", "falco", "tetragon", "guardduty", "qualys", "nessus", "tanium", "rapid7",
	"cloudwatch", "awsagent", "inspector", "edr", "fail2ban", "apparmor", "selinux", "ufw", "firewalld", "splunk",
	"xagt", "ds_agent", "elastic-agent", "node_exporter", "telegraf", "chronyd",
}

// guards reports whether what is missing watches over the host.
func (d *deviation) guards() bool { return d.kind == triage.Missing && len(d.traits) > 0 }

func missingTraits(d *deviation) []trait {
	if namesGuard(d.key.columns) {
		return one(2, "T1562.001", "watches over the host")
	}
	return nil
}

// namesGuard reports whether a key is of a program that watches over a host.
func namesGuard(key []string) bool {
	text := strings.ToLower(strings.Join(key, " "))
	return slices.ContainsFunc(guards, func(name string) bool { return strings.Contains(text, name) })
}
