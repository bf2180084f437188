package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"diffy/pkg/triage"
)

// What text shows before it points to the other formats.
const (
	textHosts      = 15 // those that stand out
	textQuietHosts = 10 // hosts in all, where fewer stand out
	textStories    = 10
	textFindings   = 25
	textValue      = 240 // characters of one value
	textSentence   = 600
)

// TextOptions says what the terminal can show.
type TextOptions struct {
	Width int  // columns; 0 is 100, fewer than 40 are 40
	Color bool // the terminal has colour and nobody asked for none
}

// Text writes the result for a terminal: the verdict and what it rests on first,
// then hosts, stories, pivots, findings, and what could not be seen.
func Text(w io.Writer, r *triage.Result, o TextOptions) error {
	if o.Width == 0 {
		o.Width = 100
	}
	p := &printer{width: max(o.Width, 40), color: o.Color}
	v := newView(r)
	p.summary(v)
	p.hosts(v)
	p.stories(v)
	p.pivots(v)
	p.findings(v)
	p.unseen(v)
	_, err := io.WriteString(w, p.b.String())
	return err
}

func (p *printer) summary(v *view) {
	p.wrapped("", cut(oneLine(v.Result), textValue), dim)
	p.line("")
	st := bold
	if len(v.Loud) > 0 {
		st = red
	}
	p.wrapped("", cut(v.Verdict.String(), textSentence), st)
	if len(v.Remarks) > 0 {
		p.wrapped("", strings.Join(each(v.Remarks, sentence.String), " "), plain)
	}
	p.line("")
	g := v.Group
	if t := v.Run.Trigger; t != nil {
		p.fact("trigger", fmt.Sprintf("%s %s, severity %s, %s", t.Source, t.Type, bits(t.Severity), stamp(t.Time)))
	}
	p.fact("coverage", fmt.Sprintf("%s requested: %s examined, %s partial, %s not examined",
		plural(g.HostsRequested, "host"), number(g.Examined), number(g.Partial), number(g.NotExamined)))
	for _, x := range v.HostGaps {
		p.fact("", x.What+": "+list(x.Hosts, 4)+": "+cut(x.Why, textValue))
	}
	for i, x := range v.Reference {
		p.fact(first(i, "baseline"), x.Name+" · "+x.About)
	}
	for i, s := range g.Subpopulations {
		p.fact(first(i, "alike"), s.ID+"  "+alike(s))
	}
	p.fact("methods", list(each(g.Methods, func(m triage.Method) string { return string(m) }), 9))
}

// first is a label for the first of several lines.
func first(i int, label string) string {
	if i == 0 {
		return label
	}
	return ""
}

func (p *printer) fact(label, text string) {
	if text != "" {
		p.wrapped(p.paint(pad(label, 10), dim), text, plain)
	}
}

func (p *printer) hosts(v *view) {
	show, left, odd := textRanking(v.Ranked)
	if len(show) == 0 {
		return
	}
	p.heading("HOSTS", "worst first; ! stands out; score in bits")
	width := 0
	for _, h := range show {
		width = max(width, ansi.StringWidth(hostLabel(h)))
	}
	width = min(width, max(p.width/3, 12))
	for _, h := range show {
		p.host(h, width, len(v.Group.Subpopulations) > 1)
	}
	if left > 0 {
		more := plural(left, "more host")
		if odd > 0 {
			more += ", " + number(odd) + " of them standing out"
		}
		p.wrapped(strings.Repeat(" ", 10), more, dim)
	}
}

// textRanking is the hosts to show: those that stand out and the suspects, and
// others until the list is long enough to compare with; then how many are left,
// and how many of these stand out.
func textRanking(ranked []*hostView) (show []*hostView, left, odd int) {
	for _, h := range ranked {
		switch {
		case len(show) < textQuietHosts, h.Outlier && len(show) < textHosts, h.Suspect:
			show = append(show, h)
		default:
			left++
			if h.Outlier {
				odd++
			}
		}
	}
	return show, left, odd
}

func hostLabel(h *hostView) string {
	label := h.Host
	if h.Suspect {
		label += " (suspect)"
	}
	return label
}

func (p *printer) host(h *hostView, width int, label bool) {
	mark, st := " ", plain
	if h.Outlier {
		mark, st = "!", red
	}
	lead := p.paint(mark, st) + " " + padLeft(bits(h.Score), 6) + "  " + p.paint(pad(shorten(hostLabel(h), width), width), st) + "  "
	room := p.width - 12 - width // mark, score and gaps
	if label {
		lead += p.paint(pad(shorten(h.Subpopulation, 3), 3), dim) + " "
		room -= 4
	}
	text := hostText(h)
	if room >= 30 {
		p.line(lead + p.paint(shorten(text, room), textStyle(h)))
		return
	}
	p.line(lead)
	p.wrapped(strings.Repeat(" ", 9), cut(text, textValue), plain)
}

func textStyle(h *hostView) style {
	if h.Outlier || h.Suspect || h.Status != triage.Examined {
		return plain
	}
	return dim
}

// hostText is what to know of a host in a line: whether it was seen, and the best
// reason to look at it.
func hostText(h *hostView) string {
	var parts []string
	if h.Status != triage.Examined {
		parts = append(parts, statusWord(h.Status)+": "+gapReason(h.HostResult))
	}
	if h.Findings > 0 {
		parts = append(parts, plural(h.Findings, "finding"))
	}
	if h.Best != nil && h.Best.Severity.Loud() {
		parts = append(parts, h.Best.Title())
	}
	if len(parts) == 0 {
		return "nothing at medium or above seen"
	}
	return strings.Join(parts, "; ")
}

func (p *printer) findings(v *view) {
	if len(v.Loud) == 0 {
		if len(v.Quiet) > 0 {
			p.heading("FINDINGS", "none at medium or above; "+number(len(v.Quiet))+" at low or info, to pivot on, are in report.html and result.json")
		}
		return
	}
	note := plural(len(v.Loud), "finding") + " to read" + bySeverity(v.Loud)
	if len(v.Quiet) > 0 {
		note += "; " + number(len(v.Quiet)) + " more at low or info are in report.html and result.json"
	}
	p.heading("FINDINGS", note)
	show, left := head(v.Loud, textFindings)
	for _, f := range show {
		p.finding(f)
	}
	if left > 0 {
		p.line("")
		p.wrapped("", plural(left, "more finding")+" at medium or above: see report.html or result.json", bold)
	}
	p.line("")
	p.wrapped("", "To leave a finding that is known and good out of later results: diffy suppress add ID --reason 'why'", dim)
}

func severityStyle(s triage.Severity) style {
	switch s {
	case triage.High:
		return red
	case triage.Medium:
		return yellow
	case triage.Low:
		return blue
	}
	return dim
}

func severityLabel(s triage.Severity) string { return pad(shorten(string(s), 6), 6) }

func (p *printer) finding(f *findingView) {
	p.line("")
	parts := []string{f.Query, string(f.Kind), f.Where + ": " + list(f.Hosts, 4)}
	lead := p.paint(severityLabel(f.Severity), severityStyle(f.Severity)) + " " + padLeft(bits(f.Score), 5) + "  "
	p.wrapped(lead, strings.Join(parts, "  "), plain)
	if keys := f.Keys(); len(keys) > 0 {
		p.wrapped("       ", strings.Join(each(keys, func(c cell) string {
			return c.Column + ": " + Coded(c.Column, quoted(cut(c.After, textValue)))
		}), " · "), bold)
	}
	width := 0
	for _, c := range f.Changes() {
		width = min(max(width, ansi.StringWidth(c.Column)), 24, p.width/3)
	}
	for _, c := range f.Changes() {
		p.change(c, width)
	}
	p.wrapped("       ", cut(f.Why, textSentence), plain)
	p.wrapped("       ", strings.Join(append([]string{"id " + cut(f.ID, textValue)}, f.Techniques...), "  "), dim)
}

// change writes before → after on one line where it fits, else on two.
func (p *printer) change(c cell, width int) {
	lead := "       " + p.paint(pad(shorten(c.Column, width), width), dim) + "  "
	before, after := "(none)", "(none)"
	if c.HasBefore {
		before = Coded(c.Column, quoted(cut(c.Before, textValue)))
	}
	if c.HasAfter {
		after = Coded(c.Column, quoted(cut(c.After, textValue)))
	}
	if one := before + " → " + after; len(wrap(one, max(p.width-9-width, 16))) == 1 {
		p.wrapped(lead, one, plain)
		return
	}
	p.wrapped(lead, before, plain)
	p.wrapped(strings.Repeat(" ", width+7)+"→ ", after, plain)
}

// quoted shows values whose ends a reader would not see.
func quoted(s string) string {
	if s == "" || strings.HasPrefix(s, " ") || strings.HasSuffix(s, " ") {
		return `"` + s + `"`
	}
	return s
}

func (p *printer) stories(v *view) {
	if len(v.Told) == 0 {
		return
	}
	p.heading("STORIES", "findings that belong together")
	show, left := head(v.Told, textStories)
	for _, s := range show {
		lead := p.paint(severityLabel(s.Severity), severityStyle(s.Severity)) + " " + padLeft(bits(s.Score), 5) + "  "
		p.wrapped(lead, cut(s.Summary, textSentence)+" ("+plural(len(s.Findings), "finding")+")", plain)
	}
	if left > 0 {
		p.wrapped(strings.Repeat(" ", 14), number(left)+" more: see report.html or result.json", dim)
	}
}

func (p *printer) pivots(v *view) {
	if len(v.Pivots) == 0 {
		return
	}
	p.heading("PIVOTS", "asked of every host")
	for _, x := range v.Pivots {
		st, found := plain, "not seen on "+plural(len(x.NotSeen), "host")
		if len(x.Seen) > 0 {
			st, found = red, "seen on "+list(x.Seen, 4)+"; not seen on "+plural(len(x.NotSeen), "host")
		}
		if len(x.Unknown) > 0 {
			found += "; unknown on " + list(x.Unknown, 4)
		}
		p.wrapped("  ", string(x.Kind)+" "+quoted(cut(x.Value, textValue))+": "+found, st)
	}
}

func (p *printer) unseen(v *view) {
	if len(v.QueryGaps) > 0 {
		p.heading("COULD NOT BE READ", "nothing is known of these")
		for _, g := range v.QueryGaps {
			p.wrapped("  ", g.What+" on "+list(g.Hosts, 4)+": "+cut(g.Why, textValue), plain)
		}
	}
	if len(v.Suppressed) > 0 {
		p.heading("SUPPRESSED", plural(len(v.Suppressed), "finding")+" declared known and good")
		for _, s := range v.Suppressed {
			p.wrapped("  ", suppressedLine(s), dim)
		}
	}
	if len(v.Notes) > 0 {
		p.heading("NOTES", "")
		for _, n := range v.Notes {
			p.wrapped("  - ", cut(n, textSentence), plain)
		}
	}
}

func suppressedLine(s triage.Suppressed) string {
	line := s.Finding + ": " + s.Reason + " (" + s.Author
	if s.Expires != "" {
		line += ", until " + stamp(s.Expires)
	}
	return line + ")"
}
