package synth

import (
	"fmt"
	"regexp"
	"slices"

	"diffy/pkg/triage"
)

// Figures are what a result is worth against the truth. Figures of several
// fleets add up.
type Figures struct {
	Fleets          int
	Techniques      int // done
	Found           int // of them with a row at medium or above
	Rows, RowsFound int // rows that a responder needs to see
	Pairs, Above    int // attacked and other host; the attacked one ranked higher
	Ranked, Top     int // fleets with attacked hosts; those with nothing above them
	False           int // findings at medium or above that nothing excuses

	Missed   []string // what was not found, for a human to read
	Mistaken []string // the false findings, likewise
	ByAttack map[string]Tally
}

// Tally counts one kind of attack.
type Tally struct{ Done, Found int }

// Score holds a result against the truth about its fleet.
func Score(t *Truth, r *triage.Result) Figures {
	s := scorer{truth: t, patterns: map[string]*regexp.Regexp{}, figures: Figures{Fleets: 1, ByAttack: map[string]Tally{}}}
	for _, f := range r.Findings {
		if f.Severity.Loud() {
			s.loud = append(s.loud, f)
		}
	}
	s.techniques()
	s.mistakes()
	s.ranking(r)
	return s.figures
}

// Add takes another fleet's figures in.
func (f *Figures) Add(o Figures) {
	f.Fleets += o.Fleets
	f.Techniques, f.Found = f.Techniques+o.Techniques, f.Found+o.Found
	f.Rows, f.RowsFound = f.Rows+o.Rows, f.RowsFound+o.RowsFound
	f.Pairs, f.Above = f.Pairs+o.Pairs, f.Above+o.Above
	f.Ranked, f.Top = f.Ranked+o.Ranked, f.Top+o.Top
	f.False += o.False
	f.Missed, f.Mistaken = append(f.Missed, o.Missed...), append(f.Mistaken, o.Mistaken...)
	if f.ByAttack == nil {
		f.ByAttack = map[string]Tally{}
	}
	for name, n := range o.ByAttack {
		have := f.ByAttack[name]
		f.ByAttack[name] = Tally{have.Done + n.Done, have.Found + n.Found}
	}
}

type scorer struct {
	truth    *Truth
	loud     []triage.Finding
	patterns map[string]*regexp.Regexp
	figures  Figures
}

func (s *scorer) techniques() {
	alike := map[string][]Want{} // hosts of a campaign: a finding shows the row of the first
	for _, tech := range s.truth.Techniques {
		alike[tech.Technique] = append(alike[tech.Technique], tech.AnyOf...)
	}
	for _, tech := range s.truth.Techniques {
		found := s.some(tech.Host, alike[tech.Technique])
		s.figures.Techniques++
		n := s.figures.ByAttack[tech.Technique]
		n.Done++
		if found {
			s.figures.Found++
			n.Found++
		} else {
			s.figures.Missed = append(s.figures.Missed, fmt.Sprintf("%s %s: %s", s.truth.Fleet, tech.Host, tech.Technique))
		}
		s.figures.ByAttack[tech.Technique] = n
		for _, w := range tech.Rows {
			s.figures.Rows++
			like := slices.DeleteFunc(slices.Clone(alike[tech.Technique]), func(o Want) bool { return !sameShape(o, w) })
			if s.some(tech.Host, append(like, w)) {
				s.figures.RowsFound++
			} else if found {
				s.figures.Missed = append(s.figures.Missed, fmt.Sprintf("%s %s: row of %s: %s %s %v", s.truth.Fleet, tech.Host, tech.Technique, w.Query, w.Kind, w.Match))
			}
		}
	}
}

// sameShape reports whether two wants differ in no more than numbers, as the
// same row of two hosts does.
func sameShape(a, b Want) bool {
	if a.Query != b.Query || a.Kind != b.Kind || len(a.Match) != len(b.Match) {
		return false
	}
	for column, value := range a.Match {
		if loosen(value) != loosen(b.Match[column]) {
			return false
		}
	}
	return true
}

func (s *scorer) some(host string, wants []Want) bool {
	return slices.ContainsFunc(s.loud, func(f triage.Finding) bool {
		return slices.Contains(f.Hosts, host) && slices.ContainsFunc(wants, func(w Want) bool { return s.is(f, w, false) })
	})
}

// is reports whether a finding is a row that is wanted or excused. Where rows
// are excused, what is called added may as well be changed.
func (s *scorer) is(f triage.Finding, w Want, excused bool) bool {
	if f.Query != w.Query || f.Kind != w.Kind && (w.Kind != triage.Added && !excused || f.Kind != triage.Changed) {
		return false
	}
	sides := []triage.Row{f.Row, f.Key}
	if f.Kind == triage.Missing {
		sides = []triage.Row{f.Expected, f.Key}
	}
	has := func(column string, good func(string) bool) bool {
		return slices.ContainsFunc(sides, func(r triage.Row) bool { v, ok := r[column]; return ok && good(v) })
	}
	for column, value := range w.Match {
		if !has(column, func(v string) bool { return v == value }) {
			return false
		}
	}
	for column, pattern := range w.Like {
		if !has(column, s.pattern(pattern).MatchString) {
			return false
		}
	}
	return true
}

func (s *scorer) pattern(text string) *regexp.Regexp {
	re, ok := s.patterns[text]
	if !ok {
		re = regexp.MustCompile("^(?:" + text + ")$")
		s.patterns[text] = re
	}
	return re
}

// mistakes counts loud findings with a host for which nothing explains them:
// neither an attack there nor something harmless.
func (s *scorer) mistakes() {
	excuses := map[string][]Want{}
	for _, list := range [][]Excuse{s.truth.Tolerated, s.truth.SideEffects} {
		for _, e := range list {
			for _, h := range e.Hosts {
				excuses[h] = append(excuses[h], e.Rows...)
			}
		}
	}
	for _, tech := range s.truth.Techniques {
		excuses[tech.Host] = append(excuses[tech.Host], tech.AnyOf...)
	}
	for _, f := range s.loud {
		excused := func(host string) bool {
			return slices.ContainsFunc(excuses[host], func(w Want) bool { return s.is(f, w, true) })
		}
		rest := slices.DeleteFunc(slices.Clone(f.Hosts), excused)
		if len(rest) > 0 || len(f.Hosts) == 0 {
			s.figures.False++
			s.figures.Mistaken = append(s.figures.Mistaken, fmt.Sprintf("%s %v: %s %s %v %.1f: %s", s.truth.Fleet, rest[:min(len(rest), 3)], f.Query, f.Kind, f.Key, f.Score, f.Why))
		}
	}
}

// ranking counts how often an attacked host stands above another one, and
// whether all of them are the first.
func (s *scorer) ranking(r *triage.Result) {
	attacked := 0
	others := 0
	for _, h := range r.Hosts {
		if !slices.Contains(s.truth.AttackedHosts, h.Host) {
			others++
			continue
		}
		attacked++
		s.figures.Above -= others
	}
	if attacked == 0 {
		return
	}
	s.figures.Pairs = attacked * others
	s.figures.Above += attacked * others
	s.figures.Ranked = 1
	if s.figures.Above == s.figures.Pairs {
		s.figures.Top = 1
	}
}
