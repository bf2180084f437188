package report

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// style is how a piece of text looks on a terminal that has colour.
type style string

// The styles, as SGR parameters: the terminal's own palette, so that its theme
// keeps them readable.
const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "1;31"
	yellow style = "1;33"
	blue   style = "34"
)

// printer lays text out for a terminal of a width.
type printer struct {
	b     strings.Builder
	width int
	color bool
}

func (p *printer) paint(s string, st style) string {
	if !p.color || st == plain || s == "" {
		return s
	}
	return "\x1b[" + string(st) + "m" + s + "\x1b[0m"
}

func (p *printer) line(s string) { p.b.WriteString(strings.TrimRight(s, " ") + "\n") }

// wrapped writes a text that starts after lead and goes on below its own first
// character. The lead may be painted, the text is painted line by line.
func (p *printer) wrapped(lead, text string, st style) {
	indent := ansi.StringWidth(lead)
	for i, l := range wrap(text, max(p.width-indent, 16)) {
		if i > 0 {
			lead = strings.Repeat(" ", indent)
		}
		p.line(lead + p.paint(l, st))
	}
}

// heading opens a section; note follows it, quietly.
func (p *printer) heading(title, note string) {
	p.line("")
	head := p.paint(title, bold)
	if note != "" {
		head += "  "
	}
	p.wrapped(head, note, dim)
}

// pad fills s with spaces to width cells, on its right.
func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(width-ansi.StringWidth(s), 0))
}

// padLeft fills s with spaces to width cells, on its left.
func padLeft(s string, width int) string {
	return strings.Repeat(" ", max(width-ansi.StringWidth(s), 0)) + s
}

// shorten cuts s to width cells.
func shorten(s string, width int) string { return ansi.Truncate(s, max(width, 1), "…") }

// wrap breaks s at spaces into lines of at most width cells, and inside a word
// only where the word alone is wider. It takes plain text, without escapes.
func wrap(s string, width int) []string {
	var lines []string
	line, used := "", 0
	for i, word := range strings.Split(s, " ") {
		w := ansi.StringWidth(word)
		switch {
		case i > 0 && used > 0 && used+1+w > width:
			lines, line, used = append(lines, line), "", 0
		case i > 0:
			line, used = line+" ", used+1
		}
		if used+w <= width {
			line, used = line+word, used+w
			continue
		}
		parts := chop(word, width-used, width)
		lines = append(append(lines, line+parts[0]), parts[1:]...)
		line, lines = lines[len(lines)-1], lines[:len(lines)-1]
		used = ansi.StringWidth(line)
	}
	return append(lines, line)
}

// chop cuts a word between characters into parts of at most width cells, the first
// of at most first.
func chop(word string, first, width int) []string {
	var parts []string
	at, used, room := 0, 0, first
	for i := 0; i < len(word); {
		c, w := ansi.FirstGraphemeCluster(word[i:], ansi.GraphemeWidth)
		if used+w > room && i > at {
			parts = append(parts, word[at:i])
			at, used, room = i, 0, width
		}
		i, used = i+len(c), used+w
	}
	return append(parts, word[at:])
}
