package report

import (
	"strings"

	"diffy/pkg/triage"
)

// phrase is a part of a sentence: words, or the name of a host.
type phrase struct {
	Text string
	Host bool
}

// sentence is what the report itself says, with the hosts in it kept apart so that
// a format can set them differently.
type sentence []phrase

func say(words string) sentence { return sentence{{Text: words}} }

func (s sentence) String() string {
	var b strings.Builder
	for _, p := range s {
		b.WriteString(p.Text)
	}
	return b.String()
}

// names adds hosts as a list, at most limit of them, and ends the sentence.
func (s sentence) names(hosts []string, limit int, end string) sentence {
	show, left := hosts, 0
	if len(hosts) > limit+1 {
		show, left = hosts[:limit], len(hosts)-limit
	}
	for i, h := range show {
		switch {
		case i == 0:
		case left == 0 && i == len(show)-1:
			s = append(s, phrase{Text: " and "})
		default:
			s = append(s, phrase{Text: ", "})
		}
		s = append(s, phrase{h, true})
	}
	if left > 0 {
		end = " and " + number(left) + " more" + end
	}
	return append(s, phrase{Text: end})
}

// verdict says in one sentence how the group stands. It never says more than was
// seen: hosts without evidence are named as unknown, not as good.
func verdict(v *view) sentence {
	all := v.Group.HostsRequested
	seen := v.Group.Examined + v.Group.Partial
	odd := outliers(v.Ranked)
	switch {
	case all == 0:
		return say("No host was asked for, so nothing is known.")
	case seen == 0:
		return say("Nothing is known: none of " + plural(all, "requested host") + " could be examined.")
	case len(odd) == 0:
		return say("No host stands out: nothing at medium or above was seen on " + seenOf(seen, all) + ".")
	case len(odd) == all && all > 2:
		return say("All "+plural(all, "host")+" stand out: ").names(odd, 3, ".")
	}
	of := ofHosts(len(odd), all)
	if seen < all {
		of = number(len(odd)) + " of the " + plural(seen, "host") + " examined"
	}
	verb := " stand out: "
	if len(odd) == 1 {
		verb = " stands out: "
	}
	return say(of+verb).names(odd, 4, ".")
}

func outliers(hosts []*hostView) []string {
	var out []string
	for _, h := range hosts {
		if h.Outlier {
			out = append(out, h.Host)
		}
	}
	return out
}

func seenOf(seen, all int) string {
	switch {
	case all == 1:
		return "the one host examined"
	case seen == all:
		return "the " + plural(all, "host") + " examined"
	}
	return "the " + ofHosts(seen, all) + " that could be examined"
}

// remarks are the sentences that belong beside the verdict: what to read, what is
// unknown, and how each suspect stands.
func remarks(v *view) []sentence {
	var out []sentence
	if n := len(v.Loud); n > 0 {
		out = append(out, say(plural(n, "finding")+" to read"+bySeverity(v.Loud)+"."))
	}
	if n := v.Group.NotExamined; n > 0 && v.Group.Examined+v.Group.Partial > 0 {
		it := "them"
		if n == 1 {
			it = "it"
		}
		out = append(out, say(plural(n, "host")+" could not be examined: nothing is known about "+it+"."))
	}
	return append(out, suspects(v.Hosts)...)
}

func bySeverity(findings []*findingView) string {
	if len(findings) == 1 {
		return ", and it is " + string(findings[0].Severity)
	}
	high := 0
	for _, f := range findings {
		if f.Severity == triage.High {
			high++
		}
	}
	switch high {
	case 0:
		return ", all medium"
	case len(findings):
		return ", all high"
	}
	return ", " + number(high) + " of them high"
}

// suspects says how the hosts that were named beforehand stand.
func suspects(hosts []triage.HostResult) []sentence {
	var odd, quiet, unknown []string
	for _, h := range hosts {
		switch {
		case !h.Suspect:
		case h.Status == triage.NotExamined:
			unknown = append(unknown, h.Host)
		case h.Outlier:
			odd = append(odd, h.Host)
		default:
			quiet = append(quiet, h.Host)
		}
	}
	var out []sentence
	tell := func(names []string, one, many string) {
		switch len(names) {
		case 0:
		case 1:
			out = append(out, say("The suspect ").names(names, 1, one))
		default:
			out = append(out, say("The suspects ").names(names, 4, many))
		}
	}
	tell(odd, " stands out.", " stand out.")
	tell(quiet, " does not stand out.", " do not stand out.")
	tell(unknown, " could not be examined.", " could not be examined.")
	return out
}

// oneLine is the headline that names the run.
func oneLine(r *triage.Result) string {
	parts := []string{r.Group.Key}
	for _, s := range []string{r.Run.Incident, r.Run.ID} {
		if s != "" && s != parts[len(parts)-1] {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " · ")
}
