package synth

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"diffy/pkg/pack"
	"diffy/pkg/snapshot"
	"diffy/pkg/triage"
)

func TestSameSeedSameBytes(t *testing.T) {
	for seed := range uint64(12) {
		spec := Spec{Seed: seed, Hosts: 9, Scene: Attacked, Form: Form(seed % 2)}
		a, b := New(spec), New(spec)
		for _, i := range []int{8, 0, 5} { // hosts do not depend on those made before them
			if got, want := rowsOf(a.Host(i)), rowsOf(b.Host(i)); !bytes.Equal(got, want) {
				t.Errorf("seed %d host %d: two fleets of one spec differ", seed, i)
			}
		}
		if diff := cmp.Diff(a.Truth(), b.Truth()); diff != "" {
			t.Errorf("seed %d: truth (-one +other):\n%s", seed, diff)
		}
		spec.Seed += 1000
		if bytes.Equal(rowsOf(a.Host(0)), rowsOf(New(spec).Host(0))) {
			t.Errorf("seed %d: another seed gives the same host", seed)
		}
	}
}

func rowsOf(h *snapshot.Host) []byte {
	var out []byte
	for i := range h.Tables {
		out = append(out, h.Tables[i].Query...)
		out = rowsText(out, &h.Tables[i])
	}
	return out
}

func TestScenesShareTheirHosts(t *testing.T) {
	for seed := range uint64(8) {
		clean := New(Spec{Seed: seed, Hosts: 10})
		struck := New(Spec{Seed: seed, Hosts: 10, Scene: Campaign, Share: 0.3})
		attacked := struck.Truth().AttackedHosts
		if len(attacked) != 3 {
			t.Errorf("seed %d: %d hosts attacked, want 3 of 10", seed, len(attacked))
		}
		for i := range 10 {
			h := struck.Host(i)
			same := bytes.Equal(rowsOf(h), rowsOf(clean.Host(i)))
			if same == slices.Contains(attacked, h.Name) {
				t.Errorf("seed %d: host %s attacked %v, and as in the clean fleet %v", seed, h.Name, !same, same)
			}
		}
	}
}

// TestAsksWhatThePackAsks holds the queries against the pack: the names, in
// order, and the columns that its statements select.
func TestAsksWhatThePackAsks(t *testing.T) {
	p, err := pack.Load()
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, q := range p.Select([]string{pack.TierExt}) {
		want = append(want, q.Name+" "+q.Tier+" "+strings.Join(q.Columns, " "))
	}
	for _, q := range packQueries {
		tier := map[bool]string{true: pack.TierExt, false: pack.TierCore}[q.ext]
		got = append(got, q.name+" "+tier+" "+q.columns)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("queries (-pack +ours):\n%s", diff)
	}
}

func TestPlainTablesAreKnown(t *testing.T) {
	p, err := pack.Load()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, table := range p.Tables {
		known[table.Name] = true
	}
	for _, q := range plainQueries {
		rule := p.Rule(q.name, strings.Fields(q.columns), false)
		if known[q.name] && rule.Name != q.name {
			t.Errorf("%s falls under the rule of %s", q.name, rule.Name)
		}
	}
}

// TestLogsReadBack reads what is written with the reader of real logs.
func TestLogsReadBack(t *testing.T) {
	for seed := range uint64(40) {
		f := New(Spec{Seed: seed, Hosts: 4, Scene: Attacked})
		for i := range 4 {
			h := f.Host(i)
			hosts, err := snapshot.ReadLog(bytes.NewReader(logText(h)), h.Source, snapshot.DefaultLimits)
			if err != nil || len(hosts) != 1 {
				t.Fatalf("seed %d host %d: %d hosts, %v", seed, i, len(hosts), err)
			}
			read := hosts[0]
			if h.Cut != read.Cut || h.Cut {
				continue // what a cut log lacks, the reader words for itself
			}
			if len(read.Errors) != len(h.Errors) {
				t.Errorf("seed %d host %d: errors %v, want %v", seed, i, read.Errors, h.Errors)
			}
			if got, want := sortedTables(read), sortedTables(h); got != want {
				t.Errorf("seed %d host %d: read back otherwise:\n%s", seed, i, cmp.Diff(want, got))
			}
			if diff := cmp.Diff(h.Begin, read.Begin); diff != "" {
				t.Errorf("seed %d host %d: begin (-made +read):\n%s", seed, i, diff)
			}
		}
	}
}

func sortedTables(h *snapshot.Host) string {
	var lines []string
	for i := range h.Tables {
		lines = append(lines, h.Tables[i].Query+string(rowsText(nil, &h.Tables[i])))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestHostsLookReal holds the size of hosts to what real ones have.
func TestHostsLookReal(t *testing.T) {
	bounds := map[string][2]int{
		"processes": {13, 120}, "systemd_units": {70, 160}, "persistence_files": {50, 180}, "users": {18, 60}, "mounts": {14, 60},
		"listening_ports": {3, 60}, "kernel_modules": {18, 60}, "suid_bin": {18, 60}, "key_binaries": {14, 36}, "sudoers": {6, 30},
	}
	for seed := range uint64(60) {
		f := New(Spec{Seed: seed, Hosts: 5})
		packages := 0
		for _, table := range f.Host(2).Tables {
			if b, ok := bounds[table.Query]; ok && (table.Len() < b[0] || table.Len() > b[1]) {
				t.Errorf("seed %d: %d rows of %s, want %v", seed, table.Len(), table.Query, b)
			}
			if strings.HasSuffix(table.Query, "b_packages") || table.Query == "rpm_packages" {
				packages += table.Len()
			}
		}
		if packages < 160 || packages > 480 {
			t.Errorf("seed %d: %d packages", seed, packages)
		}
	}
}

func TestLogsOfASize(t *testing.T) {
	for seed := range uint64(8) {
		f := New(Spec{Seed: seed, Hosts: 30, Bytes: 280_000, Form: Form(seed % 2)})
		if n := len(logText(f.Host(1))); n < 240_000 || n > 420_000 {
			t.Errorf("seed %d: a log of %d bytes, want about 280,000", seed, n)
		}
	}
}

func TestFailedQueriesAreErrors(t *testing.T) {
	for seed := range uint64(200) {
		f := New(Spec{Seed: seed, Hosts: 6})
		for i := range 6 {
			h := f.Host(i)
			for _, e := range h.Errors {
				if slices.ContainsFunc(h.Tables, func(t snapshot.Table) bool { return t.Query == e.Query }) {
					t.Errorf("seed %d: %s failed and answered", seed, e.Query)
				}
				return
			}
		}
	}
	t.Error("no query failed in 200 fleets")
}

// has reports whether a host's evidence has a row that is wanted.
func has(h *snapshot.Host, w Want) bool {
	for i := range h.Tables {
		if h.Tables[i].Query != w.Query {
			continue
		}
		for r := range h.Tables[i].Len() {
			if fits(h.Tables[i].Raw(r), w) {
				return true
			}
		}
	}
	return false
}

func fits(row triage.Row, w Want) bool {
	for column, value := range w.Match {
		if row[column] != value {
			return false
		}
	}
	for column, pattern := range w.Like {
		if ok, _ := regexp.MatchString("^(?:"+pattern+")$", row[column]); !ok {
			return false
		}
	}
	return true
}
