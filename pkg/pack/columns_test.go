package pack

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSelected(t *testing.T) {
	for _, test := range []struct {
		name, sql string
		want      []string
		err       string
	}{
		{name: "plain", sql: "SELECT a, b FROM t", want: []string{"a", "b"}},
		{name: "of a table", sql: "select t.a, u.b from t, u", want: []string{"a", "b"}},
		{name: "renamed", sql: "SELECT t.a AS x, 'it''s, FROM' AS y FROM t", want: []string{"x", "y"}},
		{name: "distinct", sql: "SELECT DISTINCT a FROM t", want: []string{"a"}},
		{name: "subquery", sql: "SELECT (SELECT max(x), y FROM u) AS m, a FROM t", want: []string{"m", "a"}},
		{name: "expression", sql: "SELECT (f & 256) != 0 AS p, count(*) AS n FROM t", want: []string{"p", "n"}},
		{name: "from a subquery", sql: "SELECT d.a FROM (SELECT DISTINCT a, b FROM t UNION SELECT 1, 2) d", want: []string{"a"}},
		{name: "union", sql: "SELECT 'x' AS k, a AS v FROM t UNION ALL SELECT 'y' AS l, b AS w FROM u", want: []string{"k", "v"}},
		{name: "no table", sql: "SELECT 1 AS one", want: []string{"one"}},
		{name: "comments", sql: "SELECT a, -- b, '\n c /* AS d */ FROM t", want: []string{"a", "c"}},
		{name: "no select", sql: "PRAGMA x", err: "not a SELECT statement"},
		{name: "nothing", sql: "", err: "not a SELECT statement"},
		{name: "all columns", sql: "SELECT * FROM t", err: "column 1 of the select list has no name: say AS"},
		{name: "all of a table", sql: "SELECT a, t.* FROM t", err: "column 2 of the select list has no name: say AS"},
		{name: "nameless", sql: "SELECT upper(a) FROM t", err: "column 1 of the select list has no name: say AS"},
		{name: "a name twice", sql: "SELECT t.a, u.a FROM t, u", err: `selects column "a" twice`},
		{name: "uneven union", sql: "SELECT a, b FROM t UNION SELECT a FROM u", err: "UNION of 2 and 1 columns"},
		{name: "union with nothing", sql: "SELECT a FROM t UNION ALL", err: "not a SELECT statement"},
		{name: "open string", sql: "SELECT 'a FROM t", err: "' without its end"},
		{name: "open comment", sql: "SELECT a /* FROM t", err: "/* without its end"},
		{name: "open parenthesis", sql: "SELECT (a AS b FROM t", err: "parentheses do not match"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := selected(test.sql)
			if text := errorText(err); text != test.err {
				t.Fatalf("error %q, want %q", text, test.err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
