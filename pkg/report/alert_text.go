package report

import (
	"strings"
	"unicode"
)

// subjectLength is what SNS takes of a subject: ASCII, below 100 characters.
const subjectLength = 99

// Subject is the line that a mail program lists.
func (a Alert) Subject() string {
	a = a.Sealed()
	words := []string{"diffy"}
	if a.Severity == "high" || a.Severity == "medium" {
		words = append(words, strings.ToUpper(a.Severity))
	}
	if a.Group != "" {
		words = append(words, defang(a.Group))
	}
	s := strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII {
			return '?'
		}
		return r
	}, strings.Join(words, " ")+": "+defang(a.Verdict))
	if len(s) <= subjectLength {
		return s
	}
	return s[:subjectLength-3] + "..."
}

// Text is the form for e-mail: plain text, in which no value of a host can be
// clicked.
func (a Alert) Text() string {
	a = a.Sealed()
	var b strings.Builder
	line := func(label, text string) {
		if text != "" {
			b.WriteString(strings.TrimRight(pad(label, 11)+text, " ") + "\n")
		}
	}
	b.WriteString(defang(a.Verdict) + ".\n\n")
	for _, f := range a.facts(defang) {
		line(f.Label, f.Text)
	}
	hosts, left := a.told(defang)
	for i, h := range hosts {
		text := number(i+1) + ". " + h.Head
		if len(hosts) > 1 { // a line each
			text += ": " + strings.Join(h.Top, "; ")
			h.Top = nil
		}
		line(first(i, "Outliers"), strings.TrimSuffix(text, ": "))
		for _, f := range h.Top {
			line("", "   "+f)
		}
	}
	if left > 0 {
		line("", "and "+plural(left, "more host"))
	}
	line("Asked for", a.pivots(defang))
	line("Not seen", strings.Join(a.unseen(defang), "; "))
	b.WriteString("\n")
	line("Read on", a.Console)
	line("", a.Command)
	if a.Test {
		b.WriteString("\nThis is a TEST: the finding is a sample, and no host was touched.\n")
	}
	return b.String()
}
