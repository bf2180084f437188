package detect

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"diffy/pkg/facts"
	"diffy/pkg/triage"
)

type factsHost = facts.Host

// suppress takes out the findings that somebody has declared known and good,
// and says which declarations have expired.
func (b *builder) suppress() []triage.Suppressed {
	out := []triage.Suppressed{}
	for _, s := range b.in.Suppressions {
		expired := false
		if s.Expires != "" {
			at, err := time.Parse(time.RFC3339, s.Expires)
			expired = err != nil || !b.in.Now.Before(at)
		}
		hit := false
		for d, f := range b.finding {
			if f.ID == s.Finding {
				hit = true
				if !expired {
					delete(b.finding, d)
				}
			}
		}
		switch {
		case hit && expired:
			b.notes = append(b.notes, fmt.Sprintf("the suppression of %s by %s has expired", s.Finding, s.Author))
		case hit:
			out = append(out, triage.Suppressed(s))
		}
	}
	return out
}

// noteBaselines says which baselines fit nobody.
func (b *builder) noteBaselines(baselines []triage.BaselineResult) {
	for _, base := range baselines {
		if base.Stale {
			b.notes = append(b.notes, fmt.Sprintf("baseline %s fits no subpopulation of the group in its stable facts: it is stale and was not used", base.Name))
		}
	}
	if len(b.group.hosts) == 1 && !slices.ContainsFunc(baselines, func(x triage.BaselineResult) bool { return !x.Stale }) {
		b.notes = append(b.notes, "one host and no baseline: only rules and pivots can speak")
	}
}

// clockAhead is how far a host's clock may be ahead of ours before it is said.
const clockAhead = time.Hour

// noteClocks says which hosts' clocks are ahead: their times, and what is said to
// be recent there, are worth little.
func (b *builder) noteClocks() {
	if b.in.Now.IsZero() {
		return
	}
	var ahead []string
	for _, h := range b.group.hosts {
		if time.Unix(h.Time, 0).Sub(b.in.Now) > clockAhead {
			ahead = append(ahead, h.Name)
		}
	}
	if len(ahead) > 0 {
		b.notes = append(b.notes, fmt.Sprintf("the evidence of %s is dated in the future: %s there is wrong, or here", someHosts(ahead), plainVerb(len(ahead), "the clock", "clocks")))
	}
}

// liars are the queries whose loud findings mean that a host's own answers
// cannot be trusted.
var liars = []string{"key_binaries", "kernel_modules_hidden", "ld_preload_file"}

// noteTrust marks the evidence of hosts that may lie.
func (b *builder) noteTrust(found []*deviation) {
	for _, d := range found {
		f := b.finding[d]
		if f == nil || !f.Severity.Loud() {
			continue
		}
		if slices.Contains(liars, f.Query) || f.Query == "file" && f.Key["path"] == "/etc/ld.so.preload" {
			b.notes = append(b.notes, fmt.Sprintf("what %s tells may be a lie: %s differs (%s)", someHosts(f.Hosts), f.Query, strings.Join(keyValues(f.Key), " ")))
		}
	}
}

func keyValues(key triage.Row) []string {
	var out []string
	for _, c := range []string{"path", "module", "name"} {
		if v := key[c]; v != "" {
			out = append(out, v)
		}
	}
	return out
}
