package report

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"diffy/pkg/triage"
)

// What people are told of an alert, in about ten lines. The forms differ in how
// they set a value that comes from outside, and in what they put around a label.

// Of the ten lines, so many are for outliers, and so many names stand in one of
// the others.
const (
	lineOutliers = 3
	lineNames    = 3
)

// alertLine is a label and what is to be said under it.
type alertLine struct{ Label, Text string }

// alertOutlier is an outlier in words: a headline, and findings below it.
type alertOutlier struct {
	Head string
	Top  []string
}

// valueForm makes one value from outside safe for the reader of a form.
type valueForm func(string) string

// facts are the lines before the outliers: whom it is about, and what was seen of it.
func (a Alert) facts(value valueForm) []alertLine {
	var out []alertLine
	say := func(label, text string) {
		if text != "" {
			out = append(out, alertLine{label, text})
		}
	}
	say("Group", a.whose(value))
	if t := a.Trigger; t != nil {
		say("Trigger", fmt.Sprintf("%s, severity %.1f, %s", value(t.Type), t.Severity, when(t.Time, value)))
	}
	if len(a.Suspects) > 1 {
		say("Suspects", a.suspects(value))
	} else {
		say("Suspect", a.suspects(value))
	}
	if c := a.Hosts; c != nil {
		text := number(c.Examined) + " of " + plural(c.Requested, "host") + " whole"
		if c.Partial > 0 {
			text += ", " + number(c.Partial) + " in part"
		}
		if c.NotExamined > 0 {
			text += ", " + number(c.NotExamined) + " not at all"
		}
		say("Examined", text)
	}
	return out
}

// whose says whom the message is about.
func (a Alert) whose(value valueForm) string {
	var where []string
	for _, s := range []string{a.Account, a.Region} {
		if s != "" {
			where = append(where, word(s, value))
		}
	}
	text := value(a.Group)
	if a.Group == "" {
		text = "not known yet"
	}
	if len(where) > 0 {
		text += " in " + strings.Join(where, ", ")
	}
	if a.Incident != "" && a.Incident != a.Run {
		text += "; incident " + word(a.Incident, value)
	}
	return text
}

func (a Alert) suspects(value valueForm) string {
	show, left := head(a.Suspects, lineNames)
	said := each(show, func(h AlertHost) string {
		how := "does not stand out"
		switch {
		case h.Status == triage.NotExamined:
			how = "was not examined: " + value(h.Reason)
		case h.Outlier:
			how = "stands out"
		case h.Status == triage.Partial:
			how = "does not stand out in the part that was seen"
		}
		return value(h.Host) + " " + how
	})
	if left += a.MoreSuspects; left > 0 {
		said = append(said, "and "+number(left)+" more")
	}
	return strings.Join(said, "; ")
}

// pivots says where the values that somebody asked for were seen, and of how many
// others nothing was.
func (a Alert) pivots(value valueForm) string {
	var said []string
	quiet := a.MorePivots
	for _, p := range a.Pivots {
		if p.Seen == 0 || len(said) == lineNames {
			quiet++
			continue
		}
		s := fmt.Sprintf("%s %s seen on %s", ours(string(p.Kind), value), value(digest.ReplaceAllString(p.Value, "$1…")), plural(p.Seen, "host"))
		if p.Unknown > 0 {
			s += ", unknown on " + number(p.Unknown)
		}
		said = append(said, s)
	}
	switch {
	case len(said) == 0 && quiet > 0:
		said = append(said, plural(quiet, "value")+" of the trigger, seen on no host")
	case quiet > 0:
		said = append(said, number(quiet)+" more in the report")
	}
	return strings.Join(said, "; ")
}

// told are the outliers that there is room for, each with some of its findings:
// the fewer the hosts, the more of these.
func (a Alert) told(value valueForm) (out []alertOutlier, left int) {
	show, left := head(a.Outliers, lineOutliers)
	room := lineOutliers / max(1, len(show))
	for _, h := range show {
		o := alertOutlier{Head: value(h.Host)}
		if h.Suspect {
			o.Head += ", the suspect"
		}
		o.Head += fmt.Sprintf(": score %s, %s", bits(h.Score), plural(h.Findings, "finding"))
		for _, f := range h.Top[:min(room, len(h.Top))] {
			o.Top = append(o.Top, a.finding(f, value))
		}
		out = append(out, o)
	}
	return out, left + a.MoreOutliers
}

func (a Alert) finding(f AlertFinding, value valueForm) string {
	s := ours(string(f.Severity), value) + " " + word(f.Query, value) + " " + ours(string(f.Kind), value)
	if f.What != "" {
		s += ": " + value(f.What)
	}
	return s + ", on " + ofHosts(f.HostsWith, f.HostsCompared)
}

// unseen says why hosts were not seen whole, a reason each.
func (a Alert) unseen(value valueForm) []string {
	return each(a.Unseen, func(g AlertGap) string { return plural(g.Hosts, "host") + ": " + value(g.Reason) })
}

// when is a time for people, and what is none as a value.
func when(s string, value valueForm) string {
	if told := stamp(s); told != s {
		return told
	}
	return value(s)
}

// A harmless word has no sign in it that could begin anything; of a digest people
// read the beginning.
var (
	harmlessWord = regexp.MustCompile(`^[A-Za-z0-9]+(?:[_-][A-Za-z0-9]+)*$`)
	digest       = regexp.MustCompile(`^([0-9a-fA-F]{12})[0-9a-fA-F]{20,}$`)
)

// word is a name as it is, where no reader could take it for anything else.
func word(s string, value valueForm) string {
	if harmlessWord.MatchString(s) {
		return s
	}
	return value(s)
}

// ours is a word of diffy's as it is, and any other as a value.
func ours(word string, value valueForm) string {
	if slices.Contains([]string{
		"high", "medium", "low", "info", "added", "missing", "changed",
		"path", "sha256", "cmdline", "parent", "module", "preload", "ip", "port", "domain", "user",
	}, word) {
		return word
	}
	return value(word)
}
