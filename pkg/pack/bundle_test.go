package pack

import (
	"database/sql"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBundle(t *testing.T) {
	p := &Pack{Queries: []*Query{
		{Name: "a", Tier: TierCore, SQL: "SELECT x\nFROM t\nWHERE y = 'two  blanks';"},
		{Name: "b", Tier: TierExt, SQL: "SELECT 1"},
		{Name: "c", Tier: TierExt, SQL: "SELECT 2", OnRequest: true},
	}}
	p.byName = map[string]*Query{"a": p.Queries[0], "b": p.Queries[1], "c": p.Queries[2]}
	for _, test := range []struct {
		name  string
		tiers []string
		extra []BundleQuery
		want  string
	}{
		{"core", nil, nil, "a\tSELECT x FROM t WHERE y = 'two  blanks'\n"},
		{"what is asked for by name", nil, []BundleQuery{{Name: "c"}}, "c\tSELECT 2\na\tSELECT x FROM t WHERE y = 'two  blanks'\n"},
		{
			"a pivot",
			[]string{TierExt},
			[]BundleQuery{{"pivot_1", "SELECT 3"}},
			"pivot_1\tSELECT 3\na\tSELECT x FROM t WHERE y = 'two  blanks'\nb\tSELECT 1\n",
		},
		{"a name that is none", nil, []BundleQuery{{"x\ty z", "SELECT 3"}}, "x_y_z\tSELECT 3\na\tSELECT x FROM t WHERE y = 'two  blanks'\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, string(p.Bundle(test.tiers, test.extra))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// yara_quick needs a file that no host has: it is asked for by name or not at all.
// Queries for a pivot need its value.
func TestBundleOfThePack(t *testing.T) {
	p := load(t)
	all := string(p.Bundle([]string{TierExt, TierSens}, nil))
	pivots := len(slices.DeleteFunc(slices.Clone(p.Queries), func(q *Query) bool { return len(q.Pivots) == 0 }))
	if lines := strings.Count(all, "\n"); pivots == 0 || lines != len(p.Queries)-1-pivots {
		t.Errorf("%d lines of %d queries, %d of them for pivots", lines, len(p.Queries), pivots)
	}
	if strings.Contains(all, "yara_quick\t") {
		t.Error("yara_quick is in the bundle")
	}
	if asked := string(p.Bundle(nil, []BundleQuery{{Name: "yara_quick"}})); !strings.Contains(asked, "yara_quick\tSELECT path") {
		t.Error("yara_quick is not in the bundle that asks for it")
	}
}

func TestOneLine(t *testing.T) {
	for _, test := range []struct{ name, sql, want string }{
		{"white space", "SELECT\t a,\r\n  b ", "SELECT a, b"},
		{"comments", "SELECT a -- not b\nFROM t /* nor\nu */ WHERE c", "SELECT a FROM t WHERE c"},
		{"strings", "SELECT 'a  -- b', \"c  d\"", "SELECT 'a  -- b', \"c  d\""},
		{"line break in a string", "SELECT 'a\nb'", "SELECT 'a'||char(10)||'b'"},
		{"line break in a name", "SELECT \"a\nb\"", "SELECT \"a b\""},
		{"a string without end", "SELECT 'a\tb", "SELECT 'a'||char(9)||'b"},
		{"end of the statement", "SELECT 1 ; \n", "SELECT 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := oneLine(test.sql); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// Whatever a value holds, the statement stays one line and means the same.
func FuzzOneLine(f *testing.F) {
	for _, value := range []string{"", "'", "a\nb\tc", "''\n'", "\r\n", "-- x\n;", "/*", "\x1b[0m", "\xff\xfe", "\x7f", "é\u2028"} {
		f.Add(value)
	}
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = db.Close() })
	f.Fuzz(func(t *testing.T, value string) {
		line := oneLine("SELECT '" + strings.ReplaceAll(value, "'", "''") + "'\nAS v")
		if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' }) {
			t.Fatalf("control characters in %q", line)
		}
		if strings.Contains(value, "\x00") {
			return // where SQLite's own text ends
		}
		var got string
		if err := db.QueryRow(line).Scan(&got); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if got != value {
			t.Fatalf("%q became %q", value, got)
		}
	})
}
