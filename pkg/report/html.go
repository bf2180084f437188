package report

import (
	"bufio"
	"crypto/sha256"
	_ "embed" // the page's parts
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"

	"diffy/pkg/triage"
)

// What the page holds before it points to result.json.
const (
	pageFindings = 10000 // findings in all
	pageOpen     = 25    // findings to read that start opened
	pageWhole    = 1000  // quiet findings that come with their rows
	pageChunk    = 100   // quiet findings that a browser may skip together
	pageHosts    = 25    // hosts before the list folds
	pageEvents   = 500
	pageSets     = 300 // host lists too long to stand in a finding
	pageSetNames = 60000
	pageInline   = 8 // hosts named in a finding
)

//go:embed report.html.tmpl
var pageText string

//go:embed report.css
var pageCSS string

//go:embed report.js
var pageJS string

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"plural": plural, "number": number, "bits": bits, "coded": Coded, "meaning": meaning, "stamp": stamp, "list": list,
	"statusWord": statusWord, "alike": alike, "marked": marked, "suppressed": suppressedLine,
}).Parse(pageText))

// pageView is what the template sees beside the view.
type pageView struct {
	*view
	CSP        template.HTMLAttr
	CSS        template.CSS
	JS         template.JS
	Title      string
	Bar        []segment
	TopHosts   []*hostView
	MoreHosts  []*hostView
	Chunks     [][]*findingView
	LeftOut    int
	Late       []event // the last of them, oldest first
	LeftEvents int
	sets       hostSets
}

// HTML writes one self-contained page. Its policy allows the style sheet and the
// script in it, by their hashes, and nothing else; without the script all is there
// but search and copying.
func HTML(w io.Writer, r *triage.Result) error {
	v := newView(r)
	p := &pageView{
		view: v, CSS: template.CSS(pageCSS), JS: template.JS(pageJS), CSP: policy(),
		Title: "diffy · " + oneLine(v.Result), Bar: coverageBar(v.Group),
	}
	p.sets.at = map[string]int{}
	p.trim()
	b := bufio.NewWriterSize(w, 1<<16)
	if err := page.Execute(b, p); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return b.Flush()
}

// trim decides what is on the page: all loud findings before quiet ones.
func (p *pageView) trim() {
	loud, left := head(p.Loud, pageFindings)
	quiet, leftQuiet := head(p.Quiet, pageFindings-len(loud))
	p.Loud, p.LeftOut = loud, left+leftQuiet
	for len(quiet) > 0 {
		chunk, _ := head(quiet, pageChunk)
		p.Chunks = append(p.Chunks, chunk)
		quiet = quiet[len(chunk):]
	}
	p.TopHosts, _ = head(p.Ranked, pageHosts)
	p.MoreHosts = p.Ranked[len(p.TopHosts):]
	p.Late = p.Events
	if n := len(p.Late) - pageEvents; n > 0 {
		p.Late, p.LeftEvents = p.Late[n:], n
	}
}

func policy() template.HTMLAttr {
	return template.HTMLAttr(`content="default-src 'none'; style-src '` + hash(pageCSS) + `'; script-src '` + hash(pageJS) +
		`'; img-src data:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"`)
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// segment is a part of the coverage bar, in hosts.
type segment struct {
	Class   string
	At, For int
}

func coverageBar(g triage.GroupResult) []segment {
	return []segment{
		{"examined", 0, g.Examined},
		{"partial", g.Examined, g.Partial},
		{"unseen", g.Examined + g.Partial, g.NotExamined},
	}
}

// hostSets holds the lists of hosts that are too long for a finding, each once,
// however many findings share it.
type hostSets struct {
	at    map[string]int
	names int
	List  []hostSet
}

type hostSet struct {
	Number int
	Hosts  []string
}

// hostsLine is how a finding names its hosts.
type hostsLine struct {
	Show []string
	More int
	Set  int // the long list that holds them all; 0: none
}

// HostsOf names a finding's hosts and keeps the list where it is long.
func (p *pageView) HostsOf(f *findingView) hostsLine {
	if len(f.Hosts) <= pageInline+1 {
		return hostsLine{Show: f.Hosts}
	}
	l := hostsLine{Show: f.Hosts[:pageInline], More: len(f.Hosts) - pageInline}
	s, name := &p.sets, strings.Join(f.Hosts, "\n")
	if s.at[name] == 0 && len(s.List) < pageSets && s.names+len(f.Hosts) <= pageSetNames {
		s.names += len(f.Hosts)
		s.List = append(s.List, hostSet{Number: len(s.List) + 1, Hosts: f.Hosts})
		s.at[name] = len(s.List)
	}
	l.Set = s.at[name]
	return l
}

// Sets are the long lists that findings above referred to.
func (p *pageView) Sets() []hostSet { return p.sets.List }

// findingPart is a finding and how much of it the page shows.
type findingPart struct {
	*findingView
	Open  bool
	Whole bool // with its rows
	Hosts hostsLine
}

// Part prepares the i-th finding of a list; whole says whether its rows come too.
func (p *pageView) Part(f *findingView, i int, loud bool) findingPart {
	return findingPart{f, loud && i < pageOpen, loud || f.Number <= pageWhole, p.HostsOf(f)}
}

// piece is a part of a value; the marked one is what differs.
type piece struct {
	Text string
	Mark bool
}

// marked splits value where it differs from other. Values that share little, like
// two hashes, stay whole: a mark over nearly everything says nothing.
func marked(value, other string) []piece {
	if value == "" {
		return nil
	}
	a, b := []rune(value), []rune(other)
	from := 0
	for from < len(a) && from < len(b) && a[from] == b[from] {
		from++
	}
	tail := 0
	for tail < len(a)-from && tail < len(b)-from && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	if from+tail < 4 || 3*(from+tail) < len(a) {
		return []piece{{Text: value}}
	}
	var out []piece
	for _, p := range []piece{{string(a[:from]), false}, {string(a[from : len(a)-tail]), true}, {string(a[len(a)-tail:]), false}} {
		if p.Text != "" {
			out = append(out, p)
		}
	}
	return out
}
