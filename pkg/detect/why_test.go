package detect

import (
	"testing"

	"diffy/pkg/triage"
)

func TestClauses(t *testing.T) {
	is := func(texts ...string) (out []trait) {
		for _, text := range texts {
			out = append(out, trait{text: text})
		}
		return out
	}
	for _, c := range []struct {
		name   string
		traits []trait
		want   string
	}{
		{"one", is("is setuid"), "is setuid"},
		{"two", is("is setuid", "hides"), "is setuid and hides"},
		{"three", is("is setuid", "hides", "runs from memory, without a file"), "is setuid, hides, and runs from memory, without a file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := clauses(c.traits); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// What the baseline says is said of the row, whichever way it differs.
func TestBeside(t *testing.T) {
	for _, c := range []struct {
		kind  triage.Kind
		known bool
		want  string
	}{
		{triage.Added, false, "the baseline does not have it"},
		{triage.Added, true, "the baseline has it too"},
		{triage.Missing, false, "every host of the baseline has it"},
		{triage.Missing, true, "not every host of the baseline has it either"},
		{triage.Changed, false, "the baseline does not have this value"},
		{triage.Changed, true, "the baseline has this value too"},
	} {
		t.Run(c.want, func(t *testing.T) {
			if got := beside(&deviation{kind: c.kind, known: c.known}); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestMany(t *testing.T) {
	for one, want := range map[string]string{
		"new cron entry":                        "new cron entries",
		"missing process":                       "missing processes",
		"new process whose file is gone":        "new processes whose file is gone",
		"new member of a privileged group":      "new members of a privileged group",
		"new connection out":                    "new connections out",
		"changed preloaded library":             "changed preloaded libraries",
		"new mapping of code from an odd place": "new mappings of code from an odd place",
	} {
		if got := many(one); got != want {
			t.Errorf("many(%q) is %q, want %q", one, got, want)
		}
	}
}
