package detect

import (
	"fmt"
	"strings"

	"diffy/pkg/triage"
)

// why is the sentence that explains a finding, with the counts that made its
// score.
func (g *group) why(d *deviation, refs string) string {
	var b strings.Builder
	switch {
	case d.alone && d.kind == triage.Missing:
		fmt.Fprintf(&b, "%s lack what every host of the baseline has", of(d.with, d.compared))
	case d.alone:
		fmt.Fprintf(&b, "%s %s what the baseline does not have", of(d.with, d.compared), verb(d))
	case d.with == d.compared && d.compared > 1:
		fmt.Fprintf(&b, "all %d hosts have this", d.compared)
	case d.compared == 1:
		b.WriteString("the only host has this")
	case d.kind == triage.Missing:
		fmt.Fprintf(&b, "%s %s what the others have", of(d.with, d.compared), plainVerb(d.with, "lacks", "lack"))
	case d.kind == triage.Changed:
		fmt.Fprintf(&b, "%s %s another %s than the others", of(d.with, d.compared), plainVerb(d.with, "has", "have"), list(d.changed))
	default:
		fmt.Fprintf(&b, "%s %s this, no other does", of(d.with, d.compared), plainVerb(d.with, "has", "have"))
	}
	for i, t := range d.traits {
		if i == 0 {
			b.WriteString("; it ")
		} else {
			b.WriteString(" and ")
		}
		b.WriteString(t.text)
	}
	switch {
	case d.known:
		b.WriteString("; the baseline has it so too")
	case d.score.baseline > 0:
		b.WriteString("; the baseline does not know it so")
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
