package report

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"diffy/pkg/triage"
)

func checkWidth(t *testing.T, out string, width int) {
	t.Helper()
	for line := range strings.Lines(out) {
		if w := ansi.StringWidth(strings.TrimSuffix(line, "\n")); w > width {
			t.Fatalf("a line is %d cells wide, want %d at most: %q", w, width, line)
		}
	}
}

func TestTextFitsTheTerminal(t *testing.T) {
	for name, r := range fixtures(t) {
		for _, width := range []int{40, 41, 60, 80, 100, 132, 250} {
			var b strings.Builder
			if err := Text(&b, r, TextOptions{Width: width, Color: true}); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(sgr.ReplaceAllString(b.String(), ""), "\x1b") {
				t.Errorf("%s: an escape that is no colour", name)
			}
			checkWidth(t, ansi.Strip(b.String()), width)
		}
	}
}

func TestColourOnlyIfAsked(t *testing.T) {
	r := fixture(t, "shop")
	if strings.Contains(written(t, "txt", r), "\x1b") {
		t.Error("colour without being asked")
	}
	if !strings.Contains(written(t, "color.txt", r), "\x1b[1;31m") {
		t.Error("no colour although asked")
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		name, in string
		width    int
		want     []string
	}{
		{"fits", "a b c", 5, []string{"a b c"}},
		{"at spaces", "one two three", 7, []string{"one two", "three"}},
		{"a long word", "abcdefghij", 4, []string{"abcd", "efgh", "ij"}},
		{"a long word after a short one", "a bcdefgh", 4, []string{"a", "bcde", "fgh"}},
		{"wide characters", "日本語です", 4, []string{"日本", "語で", "す"}},
		{"spaces stay", "a  b", 5, []string{"a  b"}},
		{"nothing", "", 5, []string{""}},
		{"a wide one that cannot fit", "日", 1, []string{"日"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, wrap(c.in, c.width)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Hosts that stand out and suspects are shown, however far down they are.
func TestTextRanking(t *testing.T) {
	r := quiet(t)
	first := r.Hosts[0]
	r.Hosts = nil
	for i := range 200 {
		h := first
		h.Outlier, h.Suspect = i < 40, i == 199
		h.Host = strings.Repeat("h", 1+i%3)
		r.Hosts = append(r.Hosts, h)
	}
	show, left, odd := textRanking(newView(r).Ranked)
	if len(show) != textHosts+1 || left != 200-textHosts-1 || odd != 40-textHosts {
		t.Errorf("%d shown, %d left, %d of them odd", len(show), left, odd)
	}
	if !show[len(show)-1].Suspect {
		t.Error("the suspect is not shown")
	}
}

func TestVerdict(t *testing.T) {
	hosts := func(odd, rest int) []triage.HostResult {
		var out []triage.HostResult
		for i := range odd + rest {
			out = append(out, triage.HostResult{Host: string(rune('a' + i)), Outlier: i < odd, Status: triage.Examined})
		}
		return out
	}
	for _, c := range []struct {
		name  string
		group triage.GroupResult
		hosts []triage.HostResult
		want  string
	}{
		{"nobody asked for", triage.GroupResult{}, nil, "No host was asked for, so nothing is known."},
		{"nobody answered", triage.GroupResult{HostsRequested: 3, NotExamined: 3}, hosts(0, 3), "Nothing is known: none of 3 requested hosts could be examined."},
		{"nothing seen", triage.GroupResult{HostsRequested: 3, Examined: 3}, hosts(0, 3), "No host stands out: nothing at medium or above was seen on the 3 hosts examined."},
		{"nothing seen on those that answered", triage.GroupResult{HostsRequested: 3, Examined: 1, Partial: 1, NotExamined: 1}, hosts(0, 3), "No host stands out: nothing at medium or above was seen on the 2 of 3 hosts that could be examined."},
		{"nothing seen on the only one", triage.GroupResult{HostsRequested: 1, Examined: 1}, hosts(0, 1), "No host stands out: nothing at medium or above was seen on the one host examined."},
		{"one", triage.GroupResult{HostsRequested: 8, Examined: 8}, hosts(1, 7), "1 of 8 hosts stands out: a."},
		{"several", triage.GroupResult{HostsRequested: 8, Examined: 8}, hosts(3, 5), "3 of 8 hosts stand out: a, b and c."},
		{"some unseen", triage.GroupResult{HostsRequested: 8, Examined: 6, NotExamined: 2}, hosts(2, 6), "2 of the 6 hosts examined stand out: a and b."},
		{"many", triage.GroupResult{HostsRequested: 20, Examined: 20}, hosts(9, 11), "9 of 20 hosts stand out: a, b, c, d and 5 more."},
		{"all", triage.GroupResult{HostsRequested: 3, Examined: 3}, hosts(3, 0), "All 3 hosts stand out: a, b and c."},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := newView(&triage.Result{Group: c.group, Hosts: c.hosts}).Verdict.String()
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// What hosts were compared with is said as it was.
func TestReferences(t *testing.T) {
	both := []triage.Method{triage.ByCluster, triage.ByRule}
	for _, c := range []struct {
		name  string
		group triage.GroupResult
		want  string
	}{
		{"each other", triage.GroupResult{Examined: 1, Partial: 1, Methods: both}, "hosts were compared with each other: what most of them share counts as normal"},
		{"one host", triage.GroupResult{Examined: 1, Methods: both}, "there was nothing to compare with: only rules and pivots speak"},
		{"a run that makes a baseline", triage.GroupResult{Examined: 3, Methods: both[1:]}, "there was nothing to compare with: only rules and pivots speak"},
		{"a baseline that fits two kinds", triage.GroupResult{Examined: 3, Methods: both, Baselines: []triage.BaselineResult{{Hosts: 2, Subpopulation: "A,B"}}}, "2 hosts · fits A and B"},
		{"one that fits none", triage.GroupResult{Examined: 3, Methods: both, Baselines: []triage.BaselineResult{{Hosts: 1}}}, "1 host · fits no host of this group"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := references(&triage.Result{Group: c.group})[0].About; got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestBySeverity(t *testing.T) {
	for _, c := range []struct {
		severities []triage.Severity
		want       string
	}{
		{[]triage.Severity{triage.High}, ", and it is high"},
		{[]triage.Severity{triage.Medium}, ", and it is medium"},
		{[]triage.Severity{triage.High, triage.High}, ", all high"},
		{[]triage.Severity{triage.Medium, triage.Medium}, ", all medium"},
		{[]triage.Severity{triage.High, triage.Medium}, ", 1 of them high"},
	} {
		var findings []*findingView
		for _, s := range c.severities {
			findings = append(findings, &findingView{Finding: &triage.Finding{Severity: s}})
		}
		if got := bySeverity(findings); got != c.want {
			t.Errorf("%v: got %q, want %q", c.severities, got, c.want)
		}
	}
}
