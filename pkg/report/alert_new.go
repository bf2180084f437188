package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"diffy/pkg/triage"
)

// NewAlert says what a result comes to. Who sends it adds which run it was and
// where the report is.
func NewAlert(r *triage.Result, purpose triage.Purpose) Alert {
	a := Alert{
		Schema: AlertSchema, Run: r.Run.ID, Incident: r.Run.Incident, Group: r.Group.Key, Purpose: purpose,
		Finished: r.Run.Finished, Trigger: r.Run.Trigger,
		Hosts:  &AlertCounts{r.Group.HostsRequested, r.Group.Examined, r.Group.Partial, r.Group.NotExamined, 0},
		Unseen: alertUnseen(r.Hosts),
	}
	for _, h := range r.Hosts {
		if h.Suspect {
			a.Suspects, a.MoreSuspects = upTo(a.Suspects, a.MoreSuspects, h)
		}
		if h.Outlier {
			a.Hosts.Outliers++
			a.Outliers, a.MoreOutliers = upTo(a.Outliers, a.MoreOutliers, h)
		}
	}
	a.tellFindings(r.Findings)
	a.tellPivots(r.Pivots)
	a.Verdict, a.Severity = alertVerdict(a), alertSeverity(a, r.Findings)
	return a
}

func upTo(hosts []AlertHost, more int, h triage.HostResult) ([]AlertHost, int) {
	if len(hosts) == alertHosts {
		return hosts, more + 1
	}
	told := AlertHost{Host: h.Host, Status: h.Status, Outlier: h.Outlier, Suspect: h.Suspect, Score: h.Score, Findings: h.Findings}
	if h.Status != triage.Examined {
		told.Reason = gapReason(h)
	}
	return append(hosts, told), more
}

// tellFindings gives each host that is named the first of the findings to read.
func (a *Alert) tellFindings(findings []triage.Finding) {
	room := map[string][]*AlertHost{}
	for _, hosts := range [][]AlertHost{a.Suspects, a.Outliers} {
		for i := range hosts {
			room[hosts[i].Host] = append(room[hosts[i].Host], &hosts[i])
		}
	}
	for i := range findings {
		f := &findings[i]
		if !f.Severity.Loud() {
			continue
		}
		for _, host := range f.Hosts {
			for _, h := range room[host] {
				if len(h.Top) < alertFindings {
					h.Top = append(h.Top, AlertFinding{f.ID, f.Severity, f.Query, f.Kind, what(f), f.HostsWith, f.HostsCompared})
				}
			}
		}
	}
}

func (a *Alert) tellPivots(pivots []triage.PivotResult) {
	pivots = slices.Clone(pivots)
	slices.SortStableFunc(pivots, func(x, y triage.PivotResult) int {
		return cmp.Compare(min(len(y.Seen), 1), min(len(x.Seen), 1))
	})
	for _, p := range pivots {
		if len(a.Pivots) == alertPivots {
			a.MorePivots++
			continue
		}
		a.Pivots = append(a.Pivots, AlertPivot{p.Kind, p.Value, len(p.Seen), len(p.NotSeen), len(p.Unknown)})
	}
}

// telling are the columns that say most of a row, best first.
var telling = []string{"command", "cmdline", "path", "name", "id", "port", "remote_address", "username"}

// what tells a finding's row from others by two of its key columns, and names the
// columns that changed.
func what(f *triage.Finding) string {
	var parts []string
	for _, column := range slices.SortedFunc(maps.Keys(f.Key), func(a, b string) int {
		return cmp.Or(cmp.Compare(tellingRank(a), tellingRank(b)), strings.Compare(a, b))
	}) {
		value := sealedText(strings.TrimSpace(f.Key[column]), whatLength)
		if value == "" || len(parts) == 1 && strings.Contains(parts[0], value) {
			continue
		}
		if _, err := strconv.Atoi(value); err == nil {
			value = column + " " + value
		}
		if parts = append(parts, value); len(parts) == 2 {
			break
		}
	}
	s := strings.Join(parts, " · ")
	switch changed := list(f.ChangedColumns, 3); {
	case changed == "":
		return s
	case s == "":
		return changed
	default:
		return s + " (" + changed + ")"
	}
}

func tellingRank(column string) int {
	if i := slices.Index(telling, column); i >= 0 {
		return i
	}
	return len(telling)
}

// alertUnseen counts why hosts were not seen whole. The reasons beyond the most
// frequent ones are counted together.
func alertUnseen(hosts []triage.HostResult) []AlertGap {
	counts := map[string]int{}
	for _, h := range hosts {
		if h.Status != triage.Examined {
			counts[short(gapReason(h), reasonLength)]++
		}
	}
	var out []AlertGap
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		out = append(out, AlertGap{reason, counts[reason]})
	}
	slices.SortStableFunc(out, func(a, b AlertGap) int { return cmp.Compare(b.Hosts, a.Hosts) })
	if len(out) > alertGaps {
		rest := AlertGap{Reason: "other reasons"}
		for _, g := range out[alertGaps-1:] {
			rest.Hosts += g.Hosts
		}
		out = append(out[:alertGaps-1], rest)
	}
	return out
}

// alertVerdict says in one sentence how the group stands. What was not seen is not
// called good.
func alertVerdict(a Alert) string {
	c := a.Hosts
	seen := c.Examined + c.Partial
	out := "No host stands out among the " + number(seen) + " of " + number(c.Requested) + " examined"
	switch {
	case c.Outliers == 0 && seen == c.Requested:
		out = "No host stands out among the " + plural(seen, "host") + " examined"
	case c.Outliers == 1:
		out = fmt.Sprintf("1 of %s stands out", plural(seen, "examined host"))
	case c.Outliers > 1:
		out = fmt.Sprintf("%s of %s stand out", number(c.Outliers), plural(seen, "examined host"))
	}
	switch {
	case seen == 0:
		return "None of " + plural(c.Requested, "host") + " could be examined"
	case a.Purpose == triage.PurposeBaseline && c.Outliers == 0:
		return fmt.Sprintf("A baseline was stored from %s of %s", number(seen), plural(c.Requested, "host"))
	case a.Purpose == triage.PurposeBaseline:
		return "A baseline was stored, and is not to be trusted yet: " + out
	}
	return out
}

func alertSeverity(a Alert, findings []triage.Finding) string {
	if a.Hosts.Examined+a.Hosts.Partial == 0 {
		return NothingIsSeen
	}
	loud := triage.Severity(NothingFound)
	for _, f := range findings {
		if loud == NothingFound || f.Severity.AtLeast(loud) {
			loud = f.Severity
		}
	}
	return string(loud)
}
