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
	s := scorer{truth: t, loud: map[string][]*triage.Finding{}, patterns: map[string]*regexp.Regexp{}, figures: Figures{Fleets: 1, ByAttack: map[string]Tally{}}}
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Severity.Loud() {
			s.loud[f.Query] = append(s.loud[f.Query], f)
		}
	}
	s.techniques()
	s.mistakes(r)
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
	loud     map[string][]*triage.Finding // by query
	patterns map[string]*regexp.Regexp
	figures  Figures
}

func (s *scorer) techniques() {
	// A finding shows the row of its first host, so hosts that were struck alike
	// share what is wanted.
	alike := map[string][]Want{}
	for _, tech := range s.truth.Techniques {
		alike[tech.Technique] = append(alike[tech.Technique], tech.AnyOf...)
	}
	shown := map[string]map[string]bool{} // technique → hosts
	rows := map[string]map[string]bool{}  // technique and shape of a row → hosts
	for name, wants := range alike {
		shown[name] = map[string]bool{}
		for _, w := range distinct(wants) {
			id := name + shape(w)
			if rows[id] == nil {
				rows[id] = map[string]bool{}
			}
			for _, f := range s.matching(w) {
				for _, h := range f.Hosts {
					shown[name][h], rows[id][h] = true, true
				}
			}
		}
	}
	for _, tech := range s.truth.Techniques {
		s.technique(tech, shown[tech.Technique][tech.Host], func(w Want) bool { return rows[tech.Technique+shape(w)][tech.Host] })
	}
}

func (s *scorer) technique(tech Technique, found bool, seen func(Want) bool) {
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
		if seen(w) {
			s.figures.RowsFound++
		} else if found {
			s.figures.Missed = append(s.figures.Missed, fmt.Sprintf("%s %s: row of %s: %s %s %v", s.truth.Fleet, tech.Host, tech.Technique, w.Query, w.Kind, w.Match))
		}
	}
}

// shape is a want without its numbers: the same row of two hosts has one.
func shape(w Want) string {
	text := w.Query + "\x00" + string(w.Kind)
	for _, column := range sortedKeys(w.Match) {
		text += "\x00" + column + "\x00" + loosen(w.Match[column])
	}
	for _, column := range sortedKeys(w.Like) {
		text += "\x00" + column + "\x00" + w.Like[column]
	}
	return text
}

func distinct(wants []Want) []Want {
	seen := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(wants), func(w Want) bool {
		id := fmt.Sprint(w.Query, w.Kind, w.Match, w.Like) // maps print in the order of their keys
		again := seen[id]
		seen[id] = true
		return again
	})
}

func (s *scorer) matching(w Want) []*triage.Finding {
	var out []*triage.Finding
	for _, f := range s.loud[w.Query] {
		if s.is(f, w, false) {
			out = append(out, f)
		}
	}
	return out
}

// is reports whether a finding is a row that is wanted or excused. Where rows
// are excused, what is called added may as well be changed.
func (s *scorer) is(f *triage.Finding, w Want, excused bool) bool {
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
func (s *scorer) mistakes(r *triage.Result) {
	excuses := map[string][]Want{} // by host and query
	for _, list := range [][]Excuse{s.truth.Tolerated, s.truth.SideEffects} {
		for _, e := range list {
			for _, w := range e.Rows {
				for _, h := range e.Hosts {
					excuses[h+"\x00"+w.Query] = append(excuses[h+"\x00"+w.Query], w)
				}
			}
		}
	}
	for _, tech := range s.truth.Techniques {
		for _, w := range tech.AnyOf {
			excuses[tech.Host+"\x00"+w.Query] = append(excuses[tech.Host+"\x00"+w.Query], w)
		}
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		if !f.Severity.Loud() {
			continue
		}
		excused := func(host string) bool {
			return slices.ContainsFunc(excuses[host+"\x00"+f.Query], func(w Want) bool { return s.is(f, w, true) })
		}
		rest := slices.DeleteFunc(slices.Clone(f.Hosts), excused)
		if len(rest) == 0 && len(f.Hosts) > 0 {
			continue
		}
		s.figures.False++
		if s.figures.False <= described {
			s.figures.Mistaken = append(s.figures.Mistaken, fmt.Sprintf("%s %v: %s %s %v %.1f: %s", s.truth.Fleet, rest[:min(len(rest), 3)], f.Query, f.Kind, f.Key, f.Score, f.Why))
		}
	}
}

// described is how many false findings of a fleet are described; beyond that,
// nobody reads them.
const described = 100

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
