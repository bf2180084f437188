package detect

import (
	"fmt"
	"strings"

	"diffy/pkg/triage"
)

// why is the sentence that explains a finding, with the counts that made its
// score.
func (g *group) why(d *deviation) string {
	var b strings.Builder
	switch {
	case d.alone && d.kind == triage.Missing:
		fmt.Fprintf(&b, "%s lack what every host of %s has", of(d.with, d.compared), d.reference())
	case d.alone:
		fmt.Fprintf(&b, "%s %s what %s does not have", of(d.with, d.compared), verb(d), d.reference())
	case d.with == d.compared && d.compared > 1:
		fmt.Fprintf(&b, "all %d hosts have this", d.compared)
	case d.compared == 1:
		b.WriteString("the only host compared has this")
	case d.kind == triage.Missing:
		fmt.Fprintf(&b, "%s %s what the others have", of(d.with, d.compared), plainVerb(d.with, "lacks", "lack"))
	case d.kind == triage.Changed:
		fmt.Fprintf(&b, "%s %s another %s than the others", of(d.with, d.compared), plainVerb(d.with, "has", "have"), list(d.changed))
	case d.key.present.count() > d.hosts.count():
		fmt.Fprintf(&b, "%s %s this, %s something else by that name", of(d.with, d.compared), plainVerb(d.with, "has", "have"), plural(d.key.present.minus(d.hosts).count(), "other has", "others have"))
	default:
		fmt.Fprintf(&b, "%s %s this, no other does", of(d.with, d.compared), plainVerb(d.with, "has", "have"))
	}
	if len(d.traits) > 0 {
		b.WriteString("; it " + clauses(d.traits))
	}
	if !d.alone && (d.known || d.score.baseline > 0) {
		b.WriteString("; " + beside(d))
	}
	if d.reason != "" {
		b.WriteString("; " + d.reason)
	}
	switch n := len(g.hosts); {
	case n == 2 && !d.alone && d.with == 1:
		fmt.Fprintf(&b, "; of two hosts, %s and %s, neither is the majority", g.hosts[0].Name, g.hosts[1].Name)
	case n == 3 && !d.alone && d.with == 1:
		b.WriteString("; one of three is weak evidence")
	}
	if d.rows > 1 {
		fmt.Fprintf(&b, "; it stands for %d rows of this query on the same hosts", d.rows)
	}
	return b.String()
}

// clauses joins what traits say of a row. Some hold a comma of their own, so the
// last is set apart by one too.
func clauses(traits []trait) string {
	var b strings.Builder
	for i, t := range traits {
		switch {
		case i == 0:
		case i < len(traits)-1:
			b.WriteString(", ")
		case i == 1:
			b.WriteString(" and ")
		default:
			b.WriteString(", and ")
		}
		b.WriteString(t.text)
	}
	return b.String()
}

// beside says how the baseline stands to what the other hosts show.
func beside(d *deviation) string {
	switch {
	case d.kind == triage.Missing && d.known:
		return "not every host of " + d.reference() + " has it either"
	case d.kind == triage.Missing:
		return "every host of " + d.reference() + " has it"
	case d.kind == triage.Changed && d.known:
		return d.reference() + " has this value too"
	case d.kind == triage.Changed:
		return d.reference() + " does not have this value"
	case d.known:
		return d.reference() + " has it too"
	}
	return d.reference() + " does not have it"
}

// reference names what a deviation was held against.
func (d *deviation) reference() string {
	if d.weak {
		return "the last good run"
	}
	return "the baseline"
}

func of(n, all int) string {
	return fmt.Sprintf("%d of %s", n, plural(all, "host", "hosts"))
}

func verb(d *deviation) string { return plainVerb(d.with, "has", "have") }

func plainVerb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// list joins names as a sentence does.
func list(names []string) string {
	switch len(names) {
	case 0:
		return "value"
	case 1:
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
