package detect_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	"diffy/pkg/detect"
	"diffy/pkg/facts"
	"diffy/pkg/pack"
	"diffy/pkg/snapshot"
	"diffy/pkg/triage"

	"github.com/google/go-cmp/cmp"
)

// rows makes a table, a row a string, cells separated by "|".
func rows(query, columns string, rows ...string) snapshot.Table {
	t := snapshot.Table{Query: query, Columns: strings.Split(columns, "|")}
	for _, row := range rows {
		t.Cells = append(t.Cells, strings.Split(row, "|")...)
	}
	return t
}

const (
	userColumns = "uid|gid|username|description|directory|shell"
	keyColumns  = "username|algorithm|key_sha256|options|comment|key_file"
	portColumns = "pid|protocol|family|address|port|name|path|cmdline|uid|username"
	packColumns = "name|version|arch|revision|status"
)

// ours makes a host as the collector logs it, with what every host of the test
// has and more.
func ours(name string, more ...snapshot.Table) *snapshot.Host {
	users := rows("users", userColumns, "0|0|root|root|/root|/bin/bash", "33|33|www|www|/var/www|/usr/sbin/nologin", "999|999|app|app|/srv|/usr/sbin/nologin")
	keys := rows("authorized_keys", keyColumns, "root|ssh-ed25519|aa||ops|/root/.ssh/authorized_keys")
	ports := rows("listening_ports", portColumns, "7|6|2|0.0.0.0|22|sshd|/usr/sbin/sshd|sshd|0|root", "9|6|2|0.0.0.0|80|nginx|/usr/sbin/nginx|nginx|33|www")
	packages := rows("deb_packages", packColumns, "nginx|1.22-1|amd64|1|ok", "openssh-server|9.2-1|amd64|1|ok", "app|1.0-1|all|1|ok", "bash|5.2-1|amd64|1|ok")
	h := &snapshot.Host{Name: name, Source: name, Begin: &snapshot.Begin{Pack: "linux-triage"}, Tables: []snapshot.Table{users, keys, ports, packages}}
	for _, t := range more {
		h.Tables = replaced(h.Tables, t)
	}
	return h
}

// replaced adds the rows of a table to the one of that name.
func replaced(tables []snapshot.Table, t snapshot.Table) []snapshot.Table {
	for i := range tables {
		if tables[i].Query == t.Query {
			tables[i].Cells = append(tables[i].Cells, t.Cells...)
			return tables
		}
	}
	return append(tables, t)
}

func setOf(t *testing.T, hosts ...*snapshot.Host) *facts.Set {
	t.Helper()
	p, err := pack.Load()
	if err != nil {
		t.Fatal(err)
	}
	s := facts.NewSet(p)
	for _, h := range hosts {
		s.Add(h)
	}
	return s
}

func group(n int, odd ...*snapshot.Host) []*snapshot.Host {
	hosts := odd
	for i := range n - len(odd) {
		hosts = append(hosts, ours(fmt.Sprintf("web-%02d", i)))
	}
	return hosts
}

func find(r *triage.Result, query string, kind triage.Kind) *triage.Finding {
	for i, f := range r.Findings {
		if f.Query == query && f.Kind == kind {
			return &r.Findings[i]
		}
	}
	return nil
}

var (
	newKey   = rows("authorized_keys", keyColumns, "root|ssh-ed25519|bb||x|/root/.ssh/authorized_keys")
	twinRoot = rows("users", userColumns, "0|0|toor|toor|/root|/bin/bash")
)

func TestAHostAgainstItself(t *testing.T) {
	for _, n := range []int{1, 2, 3, 10} {
		r := detect.Run(detect.Input{Group: "g", Set: setOf(t, group(n)...)})
		if len(r.Findings) != 0 {
			t.Errorf("%d hosts that are alike: %d findings, the first %+v", n, len(r.Findings), r.Findings[0])
		}
	}
}

func TestSizes(t *testing.T) {
	odd := func() *snapshot.Host { return ours("odd", newKey) }
	for name, c := range map[string]struct {
		hosts []*snapshot.Host
		loud  bool
		why   string
	}{
		"one of ten":              {group(10, odd()), true, "1 of 10 hosts has this, no other does"},
		"one of three says so":    {group(3, odd()), true, "one of three is weak evidence"},
		"of two nobody is blamed": {group(2, odd()), false, "of two hosts, odd and web-00, neither is the majority"},
	} {
		t.Run(name, func(t *testing.T) {
			f := find(detect.Run(detect.Input{Group: "g", Set: setOf(t, c.hosts...)}), "authorized_keys", triage.Added)
			if f == nil || f.Severity.Loud() != c.loud || !strings.Contains(f.Why, c.why) {
				t.Errorf("finding %+v", f)
			}
		})
	}
}

func TestOneHostHasOnlyRulesAndBaseline(t *testing.T) {
	alone := detect.Run(detect.Input{Group: "g", Set: setOf(t, ours("odd", newKey, twinRoot))})
	if f := find(alone, "users", triage.Added); f == nil || f.Severity != triage.High {
		t.Errorf("a second root on a single host: %+v", f)
	}
	if f := find(alone, "authorized_keys", triage.Added); f != nil {
		t.Errorf("a key on a single host has nothing to differ from: %+v", f)
	}
	base := []detect.Baseline{{Name: "clean", Set: setOf(t, ours("clean"))}}
	with := detect.Run(detect.Input{Group: "g", Set: setOf(t, ours("odd", newKey)), Baselines: base})
	if f := find(with, "authorized_keys", triage.Added); f == nil || !f.Severity.Loud() || !cmp.Equal(f.Methods, []triage.Method{triage.ByBaseline}) {
		t.Errorf("a key that the baseline does not know: %+v", f)
	}
}

// TestWeakBaseline holds what a run that nobody approved may say: it is a prior,
// speaks louder of a grave query than of another, and silences no rule.
func TestWeakBaseline(t *testing.T) {
	last := func(hosts ...*snapshot.Host) []detect.Baseline {
		return []detect.Baseline{{Name: "last", Set: setOf(t, hosts...), Weak: true}}
	}
	all := group(5, ours("a", newKey), ours("b", newKey), ours("c", newKey), ours("d", newKey), ours("e", newKey))
	r := detect.Run(detect.Input{Group: "g", Set: setOf(t, all...), Baselines: last(ours("clean"))})
	f := find(r, "authorized_keys", triage.Added)
	if f == nil || f.Severity != triage.Medium || !strings.Contains(f.Why, "the last good run does not have") || !r.Group.Baselines[0].Weak {
		t.Errorf("a key that came to all hosts since: %+v, baselines %+v", f, r.Group.Baselines)
	}
	odd := group(5, ours("odd", twinRoot))
	r = detect.Run(detect.Input{Group: "g", Set: setOf(t, odd...), Baselines: last(ours("odd", twinRoot))})
	if f := find(r, "users", triage.Added); f == nil || f.Severity != triage.High {
		t.Errorf("a second root that the last good run had too: %+v", f)
	}
	both := append(last(ours("odd", newKey)), detect.Baseline{Name: "clean", Set: setOf(t, ours("clean"))})
	r = detect.Run(detect.Input{Group: "g", Set: setOf(t, group(5, ours("odd", newKey))...), Baselines: both})
	if f := find(r, "authorized_keys", triage.Added); f == nil || !strings.Contains(f.Why, "the baseline does not have it") || r.Group.Baselines[0].Stale {
		t.Errorf("an approved baseline goes first: %+v, baselines %+v", f, r.Group.Baselines)
	}
}

func TestMajorityCompromised(t *testing.T) {
	hosts := group(10, ours("a", newKey), ours("b", newKey), ours("c", newKey), ours("d", newKey), ours("e", newKey), ours("f", newKey), ours("g", newKey))
	if f := find(detect.Run(detect.Input{Group: "g", Set: setOf(t, hosts...)}), "authorized_keys", triage.Added); f != nil && f.Severity.Loud() {
		t.Errorf("peers alone blame the majority: %+v", f)
	}
	base := []detect.Baseline{{Name: "clean", Set: setOf(t, ours("clean-1"), ours("clean-2"))}}
	f := find(detect.Run(detect.Input{Group: "g", Set: setOf(t, hosts...), Baselines: base}), "authorized_keys", triage.Added)
	if f == nil || !f.Severity.Loud() || f.HostsWith != 7 {
		t.Errorf("with a baseline: %+v", f)
	}
}

func TestStaleBaseline(t *testing.T) {
	other := &snapshot.Host{Name: "old", Begin: &snapshot.Begin{}, Tables: []snapshot.Table{
		rows("deb_packages", packColumns, "nginx|1.10-1|amd64|1|ok", "openssh-server|7.2-1|amd64|1|ok", "app|0.1-1|all|1|ok", "bash|4.3-1|amd64|1|ok"),
		rows("users", userColumns, "0|0|root|root|/root|/bin/sh"),
	}}
	r := detect.Run(detect.Input{Group: "g", Set: setOf(t, group(5)...), Baselines: []detect.Baseline{{Name: "old", Set: setOf(t, other)}}})
	if len(r.Group.Baselines) != 1 || !r.Group.Baselines[0].Stale || !strings.Contains(strings.Join(r.Notes, "\n"), "baseline old") {
		t.Errorf("baselines %+v, notes %q", r.Group.Baselines, r.Notes)
	}
	for _, f := range r.Findings {
		if f.Severity.Loud() {
			t.Errorf("a stale baseline drowns the report: %+v", f)
		}
	}
}

func TestMovedListenerIsOneChange(t *testing.T) {
	moved := ours("moved")
	for i := range moved.Tables {
		if moved.Tables[i].Query == "listening_ports" {
			moved.Tables[i] = rows("listening_ports", portColumns, "7|6|2|0.0.0.0|22|sshd|/usr/sbin/sshd|sshd|0|root", "9|6|2|127.0.0.1|80|nginx|/usr/sbin/nginx|nginx|33|www")
		}
	}
	r := detect.Run(detect.Input{Group: "g", Set: setOf(t, group(8, moved)...)})
	f := find(r, "listening_ports", triage.Changed)
	if len(r.Findings) != 1 || f == nil || !cmp.Equal(f.ChangedColumns, []string{"address"}) || f.Expected["address"] != "0.0.0.0" || f.Row["address"] != "127.0.0.1" {
		t.Errorf("findings %+v", r.Findings)
	}
}

func TestFloodIsOneFinding(t *testing.T) {
	flood := rows("authorized_keys", keyColumns)
	for i := range 500 {
		flood.Cells = append(flood.Cells, "app", "ssh-rsa", fmt.Sprintf("%064d", i), "", "c", "/srv/.ssh/authorized_keys")
	}
	r := detect.Run(detect.Input{Group: "g", Set: setOf(t, group(8, ours("odd", flood, twinRoot))...)})
	f := find(r, "authorized_keys", triage.Added)
	if f == nil || f.Rows != 500 {
		t.Fatalf("finding %+v", f)
	}
	if r.Findings[0].Query != "users" || len(r.Findings) != 2 {
		t.Errorf("the flood pushes others away: %d findings, first %s", len(r.Findings), r.Findings[0].Query)
	}
}

func TestFailedQueryIsNotMissing(t *testing.T) {
	failed := ours("failed")
	failed.Tables = failed.Tables[:1]
	failed.Errors = []triage.QueryError{{Query: "listening_ports", Error: "timed out"}}
	r := detect.Run(detect.Input{Group: "g", Set: setOf(t, group(8, failed)...)})
	if len(r.Findings) != 0 || r.Group.Partial != 1 || r.Group.Examined != 7 {
		t.Errorf("findings %+v, group %+v", r.Findings, r.Group)
	}
}

func TestTableThatNoHostAnsweredWhole(t *testing.T) {
	odd := ours("odd", rows("mounts", "device|device_alias|path|type|flags", "/a|/a|/mnt|ext4|rw", "/b|/b|/mnt|ext4|ro"))
	odd.Tables[len(odd.Tables)-1].Cut = true
	odd.Errors = []triage.QueryError{{Query: "mounts", Error: "cut"}}
	r := detect.Run(detect.Input{Group: "g", Set: setOf(t, group(8, odd)...)})
	if r.Group.Partial != 1 || r.Group.Examined != 7 {
		t.Errorf("group %+v", r.Group)
	}
}

func TestOutcomesAccountForEveryHost(t *testing.T) {
	outcomes := []triage.Outcome{
		{Host: "web-00", Status: triage.Examined},
		{Host: "web-01", Status: triage.Examined},
		{Host: "web-99", Status: triage.NotExamined, Reason: "DeliveryTimedOut"},
	}
	r := detect.Run(detect.Input{Group: "g", Set: setOf(t, group(2)...), Outcomes: outcomes, Suspects: []string{"web-99"}})
	if r.Group.HostsRequested != 3 || r.Group.Examined != 2 || r.Group.NotExamined != 1 {
		t.Errorf("group %+v", r.Group)
	}
	for _, h := range r.Hosts {
		if h.Suspect != (h.Host == "web-99") || (h.Reason != "") != (h.Host == "web-99") {
			t.Errorf("host %+v", h)
		}
	}
}

func TestSuppressions(t *testing.T) {
	set := setOf(t, group(8, ours("odd", newKey))...)
	now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	first := detect.Run(detect.Input{Group: "g", Set: set, Now: now})
	known := triage.Suppression{Finding: first.Findings[0].ID, Reason: "rotation", Author: "ana", Expires: "2026-12-01T00:00:00Z"}
	r := detect.Run(detect.Input{Group: "g", Set: set, Now: now, Suppressions: []triage.Suppression{known}})
	if len(r.Findings) != 0 || len(r.Suppressed) != 1 || r.Hosts[0].Outlier {
		t.Errorf("findings %d, suppressed %+v", len(r.Findings), r.Suppressed)
	}
	r = detect.Run(detect.Input{Group: "g", Set: set, Now: now.AddDate(0, 1, 0), Suppressions: []triage.Suppression{known}})
	if len(r.Findings) != 1 || len(r.Suppressed) != 0 || !strings.Contains(strings.Join(r.Notes, "\n"), "expired") {
		t.Errorf("after it has expired: findings %d, suppressed %+v, notes %q", len(r.Findings), r.Suppressed, r.Notes)
	}
}

func TestPivots(t *testing.T) {
	silent := ours("silent")
	silent.Tables = silent.Tables[:1]
	r := detect.Run(detect.Input{
		Group: "g", Set: setOf(t, group(4, ours("odd", newKey), silent)...),
		Pivots: []triage.Pivot{{Kind: triage.PivotSHA256, Value: "bb"}, {Kind: triage.PivotPort, Value: "80"}},
	})
	want := []triage.PivotResult{
		{Kind: triage.PivotSHA256, Value: "bb", Seen: []string{"odd"}, NotSeen: []string{"web-00", "web-01"}, Unknown: []string{"silent"}},
		{Kind: triage.PivotPort, Value: "80", Seen: []string{"odd", "web-00", "web-01"}, NotSeen: []string{}, Unknown: []string{"silent"}},
	}
	if diff := cmp.Diff(want, r.Pivots); diff != "" {
		t.Error(diff)
	}
	if f := find(r, "authorized_keys", triage.Added); f == nil || f.Methods[len(f.Methods)-1] != triage.ByPivot {
		t.Errorf("the row that was asked for: %+v", f)
	}
}

// The order of hosts and rows changes nothing, and any split into shards gives
// the same bytes.
func TestOrderAndShards(t *testing.T) {
	f := load(t, "shop-8-pack")
	want := asJSON(t, detect.Run(detect.Input{Group: "g", Set: f.group, Baselines: f.baselines}))
	for seed := range int64(5) {
		r := rand.New(rand.NewSource(seed))
		shards := []*facts.Set{setOf(t), setOf(t), setOf(t)}
		for _, i := range r.Perm(len(f.hosts)) {
			shards[r.Intn(3)].Add(f.hosts[i])
		}
		merged := setOf(t)
		for _, i := range r.Perm(3) {
			var b bytes.Buffer
			if err := shards[i].Encode(&b); err != nil {
				t.Fatal(err)
			}
			p, err := pack.Load()
			if err != nil {
				t.Fatal(err)
			}
			shard, err := facts.Decode(p, &b)
			if err != nil {
				t.Fatal(err)
			}
			if err := merged.Merge(shard); err != nil {
				t.Fatal(err)
			}
		}
		if got := asJSON(t, detect.Run(detect.Input{Group: "g", Set: merged, Baselines: f.baselines})); got != want {
			t.Fatalf("seed %d: shards give another result:\n%s", seed, cmp.Diff(want, got))
		}
	}
}

func asJSON(t *testing.T, r *triage.Result) string {
	t.Helper()
	data, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Where a template folds a value, only the first host's raw row is kept: of the
// others nobody can tell.
func TestPivotOnAFoldedValue(t *testing.T) {
	peer := func(name, address string) *snapshot.Host {
		return ours(name, rows("open_sockets_remote", "pid|protocol|family|local_address|local_port|remote_address|remote_port|state|name|path|uid",
			"7|6|2|10.0.0.1|50000|"+address+"|5432|ESTABLISHED|app|/srv/app|999"))
	}
	r := detect.Run(detect.Input{
		Group: "g", Set: setOf(t, peer("a", "10.0.0.5"), peer("b", "10.0.0.6"), peer("c", "203.0.113.9")),
		Pivots: []triage.Pivot{{Kind: triage.PivotIP, Value: "10.0.0.5"}, {Kind: triage.PivotIP, Value: "10.0.0.6"}, {Kind: triage.PivotIP, Value: "203.0.113.9"}},
	})
	want := []triage.PivotResult{
		{Kind: triage.PivotIP, Value: "10.0.0.5", Seen: []string{"a"}, NotSeen: []string{"c"}, Unknown: []string{"b"}},
		{Kind: triage.PivotIP, Value: "10.0.0.6", Seen: []string{}, NotSeen: []string{"c"}, Unknown: []string{"a", "b"}},
		{Kind: triage.PivotIP, Value: "203.0.113.9", Seen: []string{"c"}, NotSeen: []string{"a", "b"}, Unknown: []string{}},
	}
	if diff := cmp.Diff(want, r.Pivots); diff != "" {
		t.Error(diff)
	}
}

// A host that floods a query makes it no noisier for the others.
func TestFloodHidesNobodyElse(t *testing.T) {
	score := func(rowsOfFlood int) float64 {
		flood := rows("authorized_keys", keyColumns)
		for i := range rowsOfFlood {
			flood.Cells = append(flood.Cells, "app", "ssh-rsa", fmt.Sprintf("%064d", i), "", "c", "/srv/.ssh/authorized_keys")
		}
		r := detect.Run(detect.Input{Group: "g", Set: setOf(t, group(8, ours("flood", flood), ours("odd", newKey))...)})
		for _, f := range r.Findings {
			if f.Hosts[0] == "odd" {
				return f.Score
			}
		}
		return 0
	}
	few, many := score(6), score(300)
	if many < few-0.5 || many < 8 {
		t.Errorf("beside 6 rare rows of another host the finding has %.1f bits, beside 300 it has %.1f", few, many)
	}
}

func TestEmptyEvidenceIsNotExaminedWhole(t *testing.T) {
	empty := &snapshot.Host{Name: "empty", Begin: &snapshot.Begin{}, Tables: []snapshot.Table{rows("users", userColumns), rows("processes", "pid|name|path")}}
	r := detect.Run(detect.Input{Group: "g", Set: setOf(t, group(4, empty)...)})
	for _, h := range r.Hosts {
		want := triage.Examined
		if h.Host == "empty" {
			want = triage.Partial
		}
		if h.Status != want || (h.Reason == "") != (want == triage.Examined) {
			t.Errorf("%s is %s (%s), want %s", h.Host, h.Status, h.Reason, want)
		}
	}
}

func TestClockAhead(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		ahead time.Duration
		said  bool
	}{
		"in time":        {0, false},
		"a little ahead": {10 * time.Minute, false},
		"a day ahead":    {24 * time.Hour, true},
	} {
		odd := ours("odd")
		odd.Time = now.Add(c.ahead).Unix()
		r := detect.Run(detect.Input{Group: "g", Set: setOf(t, group(3, odd)...), Now: now})
		if said := strings.Contains(strings.Join(r.Notes, "\n"), "odd is dated in the future"); said != c.said {
			t.Errorf("%s: notes %q", name, r.Notes)
		}
	}
}
