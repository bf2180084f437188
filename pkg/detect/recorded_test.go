package detect_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"diffy/pkg/detect"
	"diffy/pkg/facts"
	"diffy/pkg/pack"
	"diffy/pkg/snapshot"
	"diffy/pkg/triage"
)

// truth is what is known of a recorded fleet.
type truth struct {
	Attacked   []string `json:"attacked_hosts"`
	Strict     bool     `json:"strict"` // nothing but the techniques' rows may be loud, on attacked hosts too
	Techniques []struct {
		Host      string `json:"host"`
		Technique string `json:"technique"`
		AnyOf     []row  `json:"any_of"`
	} `json:"techniques"`
	Tolerated []struct {
		Hosts []string `json:"hosts"`
		Rows  []row    `json:"rows"`
	} `json:"tolerated"`
}

type row struct {
	Query string            `json:"query"`
	Kind  triage.Kind       `json:"kind"` // empty: any
	Match map[string]string `json:"match"`
	Regex map[string]string `json:"match_regex"` // only ever the fleet's own addresses
}

// is reports whether a finding is this row.
func (w row) is(f triage.Finding) bool {
	if f.Query != w.Query || w.Kind != "" && f.Kind != w.Kind && (w.Kind != triage.Added || f.Kind != triage.Changed) {
		return false
	}
	sides := []triage.Row{f.Row, f.Key}
	if f.Kind == triage.Missing || w.Kind == "" {
		sides = append(sides, f.Expected)
	}
	for column, value := range w.Match {
		if !slices.ContainsFunc(sides, func(s triage.Row) bool { v, ok := s[column]; return ok && v == value }) {
			return false
		}
	}
	for column := range w.Regex {
		if !slices.ContainsFunc(sides, func(s triage.Row) bool { return strings.HasPrefix(s[column], "10.77.0.") }) {
			return false
		}
	}
	return true
}

// fleet is a recorded fleet as sets of facts.
type fleet struct {
	truth     truth
	group     *facts.Set
	hosts     []*snapshot.Host
	baselines []detect.Baseline
}

func load(t *testing.T, name string) fleet {
	t.Helper()
	p, err := pack.Load()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join("..", "..", "testdata", name)
	var out fleet
	data, err := os.ReadFile(filepath.Join(dir, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &out.truth); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl.gz"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no evidence in %s: %v", dir, err)
	}
	out.group = facts.NewSet(p)
	for _, file := range files {
		in, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		hosts, err := snapshot.ReadLog(in, file, snapshot.DefaultLimits)
		in.Close()
		if err != nil || len(hosts) != 1 {
			t.Fatalf("%s: %d hosts, %v", file, len(hosts), err)
		}
		base := strings.TrimSuffix(filepath.Base(file), ".jsonl.gz")
		if strings.HasPrefix(base, "baseline") {
			set := facts.NewSet(p)
			set.Add(hosts[0])
			out.baselines = append(out.baselines, detect.Baseline{Name: base, Set: set})
			continue
		}
		out.group.Add(hosts[0])
		out.hosts = append(out.hosts, hosts[0])
	}
	return out
}

func TestRecordedFleets(t *testing.T) {
	for _, name := range []string{"shop-8", "shop-8-pack"} {
		f := load(t, name)
		t.Run(name+" alone", func(t *testing.T) {
			check(t, f.truth, detect.Run(detect.Input{Group: "shop", Set: f.group}))
		})
		t.Run(name+" with baselines", func(t *testing.T) {
			check(t, f.truth, detect.Run(detect.Input{Group: "shop", Set: f.group, Baselines: f.baselines}))
		})
	}
}

// check holds a result against the truth: every technique at medium or above,
// nothing else loud beyond what is tolerated, the attacked hosts first, the
// rolling deploy as one line.
func check(t *testing.T, want truth, r *triage.Result) {
	t.Helper()
	var loud []triage.Finding
	for _, f := range r.Findings {
		if f.Severity.Loud() {
			loud = append(loud, f)
		}
	}
	for _, tech := range want.Techniques {
		if !slices.ContainsFunc(loud, func(f triage.Finding) bool {
			return slices.Contains(f.Hosts, tech.Host) && slices.ContainsFunc(tech.AnyOf, func(w row) bool { return w.is(f) })
		}) {
			t.Errorf("%s on %s is not found", tech.Technique, tech.Host)
		}
	}
	for _, f := range loud {
		for _, host := range f.Hosts {
			if !excused(want, f, host) {
				t.Errorf("false finding on %s: %s %s %v", host, f.Query, f.Kind, f.Key)
			}
		}
	}
	for i, h := range r.Hosts {
		if attacked := slices.Contains(want.Attacked, h.Host); attacked != (i < len(want.Attacked)) {
			t.Errorf("host %d is %s, attacked: %v", i+1, h.Host, attacked)
		}
	}
	var lines []string
	for _, s := range r.Group.Subpopulations {
		lines = append(lines, s.Explains)
	}
	if len(lines) != 2 || !strings.Contains(strings.Join(lines, "\n"), "shop-api 1.9.0") {
		t.Errorf("subpopulations %q, want two, one of them shop-api 1.9.0", lines)
	}
}

func excused(want truth, f triage.Finding, host string) bool {
	for _, tech := range want.Techniques {
		if tech.Host == host && slices.ContainsFunc(tech.AnyOf, func(w row) bool { return w.is(f) }) {
			return true
		}
	}
	for _, e := range want.Tolerated {
		if slices.Contains(e.Hosts, host) && slices.ContainsFunc(e.Rows, func(w row) bool { return w.is(f) }) {
			return true
		}
	}
	return !want.Strict && slices.Contains(want.Attacked, host)
}
