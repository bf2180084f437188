package synth

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"diffy/pkg/triage"
)

// Truth is what is true of a fleet: who was attacked, by which rows it shows,
// and what may be reported besides. It is written in the form that recorded
// fleets have.
type Truth struct {
	Fleet          string      `json:"fleet"`
	AttackedHosts  []string    `json:"attacked_hosts"`
	OnlyByBaseline bool        `json:"only_by_baseline"` // most hosts are attacked: peers alone cannot tell
	Techniques     []Technique `json:"techniques"`
	Tolerated      []Excuse    `json:"tolerated"`    // rare and harmless
	SideEffects    []Excuse    `json:"side_effects"` // what an attack leaves besides
}

// Technique is one thing done to one host.
type Technique struct {
	Host      string `json:"host"`
	Technique string `json:"technique"`
	Attack    string `json:"attack"`
	AnyOf     []Want `json:"any_of"` // found when one of these is reported
	Rows      []Want `json:"rows"`   // those a responder needs to see
	ByRule    bool   `json:"by_rule,omitempty"`
}

// Want names rows: the query, the kind of difference, raw values of some
// columns, and patterns for whole values of others.
type Want struct {
	Query string            `json:"query"`
	Kind  triage.Kind       `json:"kind"`
	Match map[string]string `json:"match"`
	Like  map[string]string `json:"match_regex,omitempty"`
}

// Excuse is rows that may be reported for some hosts.
type Excuse struct {
	Hosts []string `json:"hosts"`
	Why   string   `json:"why"`
	Rows  []Want   `json:"rows"`
}

// harmless are happenings that are as rare as an attack and look like one.
var harmless = []string{"session manager", "failed unit"}

// Truth works out what is true of the fleet, from what each attack changed on
// its host. It builds each attacked host twice.
func (f *Fleet) Truth() *Truth {
	t := &Truth{
		Fleet: "synth-" + itoa(int64(f.spec.Seed)), AttackedHosts: []string{}, OnlyByBaseline: 2*len(f.victims) > f.spec.Hosts,
		Techniques: []Technique{}, Tolerated: []Excuse{}, SideEffects: []Excuse{},
	}
	odd := f.oddHosts()
	for i := range f.spec.Hosts {
		_, attacked := f.victims[i]
		if !attacked && !odd[i] {
			continue
		}
		if attacked {
			f.addStruck(t, i)
		}
		if odd[i] {
			m := f.bare(i)
			t.Tolerated = append(t.Tolerated, excuse(m.name, "rare and harmless: a leader, a session, a unit that failed", differ(f.plan.host(i, false, harmless...), m)))
		}
	}
	return t
}

// oddHosts are those with something rare and harmless.
func (f *Fleet) oddHosts() map[int]bool {
	odd := map[int]bool{}
	if f.plan.leader >= 0 {
		odd[f.plan.leader] = true
	}
	for _, kind := range harmless {
		for i := range f.plan.churn.hosts[kind] {
			odd[i] = true
		}
	}
	return odd
}

func (f *Fleet) addStruck(t *Truth, i int) {
	before := f.bare(i)
	m, strikes := f.struck(i)
	changes := slices.DeleteFunc(differ(before, m), func(c change) bool { return m.silent(c.query) })
	t.AttackedHosts = append(t.AttackedHosts, m.name)
	for _, s := range strikes {
		tech := Technique{Host: m.name, Technique: s.attack.name, Attack: s.attack.what, ByRule: s.attack.rule}
		for _, c := range changes {
			if (c.kind == triage.Added) == s.attack.ends && c.kind != triage.Changed {
				continue
			}
			w := c.want(s.marks)
			if len(w.Match)+len(w.Like) == 0 {
				continue
			}
			tech.AnyOf = append(tech.AnyOf, w)
			if s.isMain(c.query) && !slices.ContainsFunc(tech.Rows, func(o Want) bool { return sameWant(o, w) }) {
				tech.Rows = append(tech.Rows, w)
			}
		}
		if len(tech.AnyOf) == 0 {
			continue // the queries that would show it failed on this host
		}
		if len(tech.Rows) == 0 { // the tables that would show it best were not asked
			tech.Rows = tech.AnyOf
		}
		t.Techniques = append(t.Techniques, tech)
	}
	t.SideEffects = append(t.SideEffects, excuse(m.name, "comes of the attack", changes))
}

// plainMain are the plain tables whose rows a responder needs to see.
var plainMain = []string{
	"processes", "listening_ports", "crontab", "hash", "suid_bin", "systemd_units", "kernel_modules", "users", "authorized_keys", "sudoers",
	"user_ssh_keys", "mounts", "etc_hosts", "file",
}

func (s *strike) isMain(query string) bool {
	if s.m.plan.spec.Form == Plain {
		return slices.Contains(plainMain, query)
	}
	return slices.Contains(s.attack.main, query)
}

func sameWant(a, b Want) bool {
	return a.Query == b.Query && a.Kind == b.Kind && maps.Equal(a.Match, b.Match) && maps.Equal(a.Like, b.Like)
}

// want names a change by the columns that have one of the marks. A short mark
// or a number must be the whole value. What is missing is told by the row of
// another host, whose numbers may be others.
func (c change) want(marks []mark) Want {
	w := Want{Query: c.query, Kind: c.kind, Match: map[string]string{}}
	for column, value := range c.stable {
		for _, m := range marks {
			whole := len(m.value) < 5 || strings.Trim(m.value, "0123456789") == ""
			switch {
			case m.query != "" && m.query != c.query:
			case value == m.value:
				w.Match[column] = value
			case whole || !strings.Contains(value, m.value):
			case c.kind == triage.Missing:
				w.like(column, value)
			default:
				w.Match[column] = value
			}
		}
	}
	return w
}

func (w *Want) like(column, value string) {
	if w.Like == nil {
		w.Like = map[string]string{}
	}
	w.Like[column] = loosen(value)
}

func excuse(host, why string, changes []change) Excuse {
	e := Excuse{Hosts: []string{host}, Why: why}
	for _, c := range changes {
		if len(c.key) == 0 {
			continue
		}
		w := Want{Query: c.query, Kind: c.kind, Match: map[string]string{}}
		for column, value := range c.key {
			if loosen(value) != regexp.QuoteMeta(value) {
				w.like(column, value)
				continue
			}
			w.Match[column] = value
		}
		e.Rows = append(e.Rows, w)
	}
	return e
}

var numbers = regexp.MustCompile(`[0-9a-fA-F]*[0-9][0-9a-fA-F]*`)

// loosen makes a pattern of a value, in which every number may be another.
func loosen(value string) string {
	var b strings.Builder
	last := 0
	for _, span := range numbers.FindAllStringIndex(value, -1) {
		b.WriteString(regexp.QuoteMeta(value[last:span[0]]))
		b.WriteString(`[0-9a-fA-F]+`)
		last = span[1]
	}
	b.WriteString(regexp.QuoteMeta(value[last:]))
	return b.String()
}
