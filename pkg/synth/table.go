package synth

import (
	"cmp"
	"fmt"
	"io"
	"slices"
)

// Markdown writes the figures as Markdown tables: the scenes, then what was
// found of each kind of attack.
func (e *Evaluation) Markdown(w io.Writer) error {
	p := printer{w: w}
	p.line("Measured with %s.\n", e.config.seedRange())
	for _, scene := range e.scenes() {
		p.line("### %s\n", scene)
		p.line("| hosts | method | fleets | attacks found | rows found | host AUC | on top | false a fleet |")
		p.line("| --- | --- | --- | --- | --- | --- | --- | --- |")
		for _, m := range e.sorted(scene) {
			f := e.figures[m]
			p.line("| %d | %s | %d | %s | %s | %s | %s | %.2f |", m.hosts, m.method, f.Fleets, share(f.Found, f.Techniques), share(f.RowsFound, f.Rows),
				share(f.Above, f.Pairs), share(f.Top, f.Ranked), float64(f.False)/float64(f.Fleets))
		}
		p.line("")
	}
	p.attacks(e)
	return p.err
}

// Failures writes what was missed and what was reported wrongly by diffy, a line
// each, for whoever tunes.
func (e *Evaluation) Failures(w io.Writer) error {
	p := printer{w: w}
	for _, m := range e.order {
		if m.method != "diffy" && m.method != "diffy, baseline" {
			continue
		}
		f := e.figures[m]
		for _, text := range f.Missed {
			p.line("missed  %s, %d hosts, %s: %s", m.scene, m.hosts, m.method, text)
		}
		for _, text := range f.Mistaken {
			p.line("false   %s, %d hosts, %s: %s", m.scene, m.hosts, m.method, text)
		}
	}
	return p.err
}

func (e *Evaluation) scenes() []string {
	var out []string
	for _, m := range e.order {
		if !slices.Contains(out, m.scene) {
			out = append(out, m.scene)
		}
	}
	return out
}

// sorted lists the measures of a scene by size, methods as they were run.
func (e *Evaluation) sorted(scene string) []measure {
	var out []measure
	for _, m := range e.order {
		if m.scene == scene {
			out = append(out, m)
		}
	}
	slices.SortStableFunc(out, func(a, b measure) int { return cmp.Compare(a.hosts, b.hosts) })
	return out
}

// share is a part of a whole with three digits, or a dash for none.
func share(part, whole int) string {
	if whole == 0 {
		return "–"
	}
	return fmt.Sprintf("%.3f", float64(part)/float64(whole))
}

type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

// attacks lists the kinds of attack with how often they were found by each of
// our methods, over all sizes of the scene in which each host is attacked in its
// own way.
func (p *printer) attacks(e *Evaluation) {
	alone, based := Figures{}, Figures{}
	for _, m := range e.sorted("attacked") {
		switch m.method {
		case "diffy":
			alone.Add(*e.figures[m])
		case "diffy, baseline":
			based.Add(*e.figures[m])
		}
	}
	p.line("### Kinds of attack\n")
	p.line("| attack | done | found | with a baseline |\n| --- | --- | --- | --- |")
	for _, name := range AttackKinds() {
		if n := alone.ByAttack[name]; n.Done > 0 {
			p.line("| %s | %d | %s | %s |", name, n.Done, share(n.Found, n.Done), share(based.ByAttack[name].Found, based.ByAttack[name].Done))
		}
	}
}
