package report

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"diffy/pkg/triage"
)

// The policy names exactly the style sheet and the script that are in the page.
func TestPolicyMatchesThePage(t *testing.T) {
	page := written(t, "html", fixture(t, "shop"))
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindAllStringSubmatch(page, -1)
	script := regexp.MustCompile(`(?s)<script>(.*?)</script>`).FindAllStringSubmatch(page, -1)
	if len(style) != 1 || len(script) != 1 {
		t.Fatalf("%d style sheets and %d scripts, want one each", len(style), len(script))
	}
	want := `content="default-src 'none'; style-src '` + hash(style[0][1]) + `'; script-src '` + hash(script[0][1]) + `'; `
	if !strings.Contains(page, want) {
		t.Errorf("the policy is not %s", want)
	}
	for _, bad := range []string{"unsafe", "http:", "https:", "//", " style=", " src=", "@import", "url("} {
		if strings.Contains(strings.NewReplacer(pageJS, "").Replace(page), bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
}

func TestOrderOfThePage(t *testing.T) {
	page := written(t, "html", fixture(t, "shop"))
	at := 0
	for _, id := range []string{"verdict", "basis", "hosts", "matrix", "stories", "findings", "pivots", "timeline", "next"} {
		i := strings.Index(page, `<section id="`+id+`"`)
		if i < at {
			t.Errorf("section %s is not where it belongs", id)
		}
		at = i
	}
}

// Every requested host is on the page.
func TestEveryHostIsNamed(t *testing.T) {
	r := large(t, 1000, 100)
	page := written(t, "html", r)
	for _, h := range r.Hosts {
		if !strings.Contains(page, ">"+h.Host+"<") {
			t.Fatalf("host %s is not on the page", h.Host)
		}
	}
}

// large is a result of many hosts and findings; every tenth finding is on half of
// the hosts.
func large(t testing.TB, hosts, findings int) *triage.Result {
	r := fixture(t, "shop")
	host, all := r.Hosts[2], r.Findings
	r.Hosts, r.Findings = nil, nil
	var names []string
	for i := range hosts {
		host.Host = fmt.Sprintf("i-%017x", i)
		names = append(names, host.Host)
		r.Hosts = append(r.Hosts, host)
	}
	for i := range findings {
		f := all[i%len(all)]
		f.ID, f.Severity, f.Hosts = fmt.Sprintf("%016x", i), triage.Low, names[i%hosts:i%hosts+1]
		if i < 50 {
			f.Severity = triage.Medium
		}
		if i%10 == 0 {
			f.Hosts = names[:hosts/2]
		}
		r.Findings = append(r.Findings, f)
	}
	return r
}

func TestLargePage(t *testing.T) {
	page := written(t, "html", large(t, 1000, pageFindings+2500))
	if n := strings.Count(page, `<details class="finding`); n != pageFindings {
		t.Errorf("%d findings on the page, want %d", n, pageFindings)
	}
	for what, want := range map[string]int{
		`<p id="set`:                       1, // shared by all that refer to it
		`data-set="1"`:                     1000,
		"2,500 more findings":              1,
		` open>`:                           pageOpen,
		`<details class="rows">`:           pageWhole,
		"975 more hosts of the ranking":    1,
		"12,450 findings at low or info":   1,
		"and <a href=\"#set1\">492 more</": 1000,
	} {
		if got := strings.Count(page, what); got != want {
			t.Errorf("%d times %s, want %d", got, what, want)
		}
	}
	if len(page) > 20e6 {
		t.Errorf("the page has %d bytes", len(page))
	}
}

func TestMarked(t *testing.T) {
	for _, c := range []struct {
		name, value, other string
		want               []piece
	}{
		{"a path", "/usr/bin/node", "/usr/lib/node", []piece{{"/usr/", false}, {"bin", true}, {"/node", false}}},
		{"an end", "1.8.2-1", "1.8.3-1", []piece{{"1.8.", false}, {"2", true}, {"-1", false}}},
		{"a space at the end", "sshd ", "sshd", []piece{{"sshd", false}, {" ", true}}},
		{"little in common", "9e37e1c2", "9b0d0f2c", []piece{{"9e37e1c2", false}}},
		{"nothing", "", "x", nil},
		{"something new", "new", "", []piece{{"new", false}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, marked(c.value, c.other)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestMatrix(t *testing.T) {
	m := newView(fixture(t, "shop")).Matrix
	if got, want := m.Queries[0], "process_deleted_binary"; got != want {
		t.Errorf("first query %s, want that of the best finding, %s", got, want)
	}
	if got, want := m.Queries[len(m.Queries)-1], "mounts"; got != want {
		t.Errorf("last query %s, want the one that only failed, %s", got, want)
	}
	if got, want := m.Rows[0].Cells[0], (matrixCell{Query: "process_deleted_binary", Count: 1, Severity: triage.High, Finding: 1}); got != want {
		t.Errorf("first cell %+v, want %+v", got, want)
	}
	last := m.Rows[len(m.Rows)-1]
	for _, c := range last.Cells {
		if !c.Unread {
			t.Errorf("%s was not examined, and %s of it is not unread", last.Host.Host, c.Query)
		}
	}
	big := newView(large(t, 1000, 500)).Matrix
	if len(big.Rows) != matrixHosts || big.MoreHosts != 1000-matrixHosts-250 && big.MoreHosts < 400 {
		t.Errorf("%d rows and %d more hosts", len(big.Rows), big.MoreHosts)
	}
}
