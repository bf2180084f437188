package pack

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"diffy/pkg/triage"
)

// Which statements a value is asked for with, by the names that evidence has.
func TestPivotQueries(t *testing.T) {
	p := load(t)
	for _, test := range []struct {
		name string
		in   triage.Pivot
		want []string
	}{
		{"a path", triage.Pivot{Kind: triage.PivotPath, Value: "/tmp/x"}, []string{"pivot_file_2e56aa36f538", "pivot_process_2e56aa36f538"}},
		{"a library", triage.Pivot{Kind: triage.PivotPreload, Value: "/tmp/x"}, []string{"pivot_file_2e56aa36f538"}},
		{"a list of libraries", triage.Pivot{Kind: triage.PivotPreload, Value: "x.so y.so"}, nil},
		{"a name is no path", triage.Pivot{Kind: triage.PivotPath, Value: "xmrig"}, nil},
		{"a zero byte", triage.Pivot{Kind: triage.PivotPath, Value: "/tmp/x\x00y"}, nil},
		{"an address", triage.Pivot{Kind: triage.PivotIP, Value: "203.0.113.9"}, []string{"pivot_socket_d861b7e91033"}},
		{"a digest", triage.Pivot{Kind: triage.PivotSHA256, Value: strings.Repeat("a", 64)}, []string{"pivot_hash_ffe054fe7ae0"}},
		{"a port", triage.Pivot{Kind: triage.PivotPort, Value: "4444"}, []string{"pivot_port_79f06f8fde33"}},
		{"what the pack asks anyway", triage.Pivot{Kind: triage.PivotModule, Value: "diamorphine"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, q := range p.PivotQueries(test.in) {
				got = append(got, q.Name)
				if rule := p.Rule(q.Name, nil, true); rule.Name != q.Name[:len(q.Name)-13] {
					t.Errorf("the rule of %s is that of %s", q.Name, rule.Name)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	path, library := triage.Pivot{Kind: triage.PivotPath, Value: "/tmp/x"}, triage.Pivot{Kind: triage.PivotPreload, Value: "/tmp/x"}
	if asked := p.PivotQueries(path, library, path); len(asked) != 2 {
		t.Errorf("one value, named three times, is asked for as %+v", asked)
	}
	for _, name := range []string{"pivot_file_2e56aa36f5", "pivot_file_2E56AA36F538", "crontab_2e56aa36f538", "_2e56aa36f538", ""} {
		if q := p.pivotRule(name); q != nil {
			t.Errorf("%q has the rule of %s", name, q.Name)
		}
	}
}

// A statement of a pivot finds the rows that have the value and no others.
func TestPivotQueriesFind(t *testing.T) {
	const digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	db, p := osquery(t), load(t)
	execute(t, db, `INSERT INTO file (path, type, size, mode) VALUES ('/tmp/x', 'regular', 10, '0755'), ('/tmp/y', 'regular', 999999999, '0755')`)
	execute(t, db, `INSERT INTO hash (path, sha256) VALUES ('/tmp/x', '`+digest+`'), ('/tmp/y', 'bb')`)
	execute(t, db, `INSERT INTO processes (pid, parent, path, on_disk) VALUES (7, 1, '/tmp/x', 1), (1, 0, '/sbin/init', 1)`)
	execute(t, db, `INSERT INTO process_open_sockets (pid, remote_address, remote_port, local_port) VALUES (7, '::ffff:203.0.113.9', 4444, 51000), (1, '10.0.0.1', 443, 22)`)
	for _, test := range []struct {
		kind  triage.PivotKind
		value string
		rows  []int // of each of its statements
	}{
		{triage.PivotPath, "/tmp/x", []int{1, 1}},
		{triage.PivotPath, "/tmp/y", []int{1, 0}},
		{triage.PivotPath, "/tmp/%", []int{0, 0}},
		{triage.PivotSHA256, digest, []int{1}},
		{triage.PivotSHA256, strings.Repeat("b", 64), []int{0}},
		{triage.PivotIP, "203.0.113.9", []int{1}},
		{triage.PivotIP, "203.0.113.8", []int{0}},
		{triage.PivotPort, "4444", []int{1}},
		{triage.PivotPort, "22", []int{1}},
		{triage.PivotPort, "44", []int{0}},
	} {
		var got []int
		for _, q := range p.PivotQueries(triage.Pivot{Kind: test.kind, Value: test.value}) {
			got = append(got, count(t, db, oneLine(q.SQL)))
		}
		if diff := cmp.Diff(test.rows, got); diff != "" {
			t.Errorf("rows of %s %s (-want +got):\n%s", test.kind, test.value, diff)
		}
	}
}

// count runs a statement inside of another, which takes one statement only.
func count(t *testing.T, db *sql.DB, statement string) (n int) {
	t.Helper()
	if err := db.QueryRow("SELECT count(*) FROM (" + statement + ")").Scan(&n); err != nil {
		t.Fatalf("%q: %v", statement, err)
	}
	return n
}

// Whatever the value, a statement of a pivot is one line and one statement, and
// differs from the pack's in one literal, which is the value.
func FuzzPivotQueries(f *testing.F) {
	for _, value := range []string{
		"/tmp/x", "/'; DROP TABLE file; --", "/' OR 1=1 OR path = '", "/a'||(SELECT 1)||'", "/\\'", "/\"", "/{value}", "/'{value}'",
		"/a\nb\tc\r", "/;", "/ ", "/\xff\xfe", "/\u2028", "/*", "/--", "/%", strings.Repeat("/'", 500),
	} {
		f.Add(value)
	}
	p := load(f)
	db := osquery(f)
	f.Fuzz(func(t *testing.T, value string) {
		for _, kind := range triage.PivotKinds {
			for _, q := range p.PivotQueries(triage.Pivot{Kind: kind, Value: value}) {
				line := oneLine(q.SQL)
				if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' }) {
					t.Fatalf("control characters in %q", line)
				}
				before, after, _ := strings.Cut(oneLine(p.Query(q.Name[:len(q.Name)-13]).SQL), placeholder)
				literal, ok1 := strings.CutPrefix(line, before)
				literal, ok2 := strings.CutSuffix(literal, after)
				if !ok1 || !ok2 {
					t.Fatalf("more than the literal is another: %q", line)
				}
				var got string
				if err := db.QueryRow("SELECT " + literal).Scan(&got); err != nil {
					t.Fatalf("%q: %v", literal, err)
				}
				if want, _ := lookedUp(triage.Pivot{Kind: kind, Value: value}); got != want {
					t.Fatalf("%q became %q", want, got)
				}
				count(t, db, line)
			}
		}
	})
}
