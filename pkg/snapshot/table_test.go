package snapshot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"diffy/pkg/triage"

	gocmp "github.com/google/go-cmp/cmp"
)

// readTable reads one file of a host's folder.
func readTable(t *testing.T, l Limits, data string) *Host {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "web-1")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"users.json": data, "os_version.json": "[]"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	hosts := readPaths(t, l, dir)
	if len(hosts) != 1 {
		t.Fatalf("one host expected, found %d", len(hosts))
	}
	for i := range hosts[0].Errors { // without the test's own folder
		e := &hosts[0].Errors[i]
		e.Error = strings.ReplaceAll(e.Error, filepath.Dir(dir)+"/", "")
	}
	return hosts[0]
}

func TestTables(t *testing.T) {
	tests := []struct {
		name, data string
		rows       []triage.Row
		errors     []string
		cut        bool
	}{
		{name: "none", data: `[]`},
		{name: "null is no table of rows", data: `null`},
		{name: "empty string, as old versions write", data: `""`},
		{name: "columns in another order", data: `[{"a":"1","b":"2"},{"b":"4","a":"3"}]`, rows: []triage.Row{{"a": "1", "b": "2"}, {"a": "3", "b": "4"}}},
		{name: "a column that comes later", data: `[{"a":"1"},{"a":"2","b":"3"},{"c":"4"}]`, rows: []triage.Row{{"a": "1"}, {"a": "2", "b": "3"}, {"c": "4"}}},
		{name: "a column that is not there", data: `[{"a":"1","b":"2","c":"3"},{"a":"4","c":"5"},{"b":"6"}]`, rows: []triage.Row{{"a": "1", "b": "2", "c": "3"}, {"a": "4", "c": "5"}, {"b": "6"}}},
		{name: "null is no value", data: `[{"a":null,"b":"1"},{"a":"","b":null}]`, rows: []triage.Row{{"b": "1"}, {"a": ""}}},
		{name: "numbers", data: `[{"a":-1,"b":1.5e9,"c":18446744073709551615,"d":true}]`, rows: []triage.Row{{"a": "-1", "b": "1.5e9", "c": "18446744073709551615", "d": "true"}}},
		{
			name: "escapes", data: `[{"a":"\"\\\/\b\f\n\r\t","b":"\u00e9\ud83d\ude00","\u0063\"":"x"},{"a":"","b":"","c\"":"y"}]`,
			rows: []triage.Row{{"a": "\"\\/\b\f\n\r\t", "b": "é😀", `c"`: "x"}, {"a": "", "b": "", `c"`: "y"}},
		},
		{name: "lone surrogates stay different", data: `[{"a":"\ud800","b":"\udc00\ud800x"}]`, rows: []triage.Row{{"a": "\xed\xa0\x80", "b": "\xed\xb0\x80\xed\xa0\x80x"}}},
		{name: "bytes that are no text", data: "[{\"a\":\"\x00\xff\x80\n\",\"b\":\"\\u0000\"}]", rows: []triage.Row{{"a": "\x00\xff\x80\n", "b": "\x00"}}},
		{
			name: "unknown escapes", data: `[{"a":"\x41\u12","b":"1"},{"a":"\q"}]`, rows: []triage.Row{{"a": `\x41\u12`, "b": "1"}, {"a": `\q`}},
			errors: []string{"users: web-1/users.json: byte 7: expected an escape after a backslash: kept as it is (and 1 more like it)"},
		},
		{
			name: "cut in a row", data: `[{"a":"1","b":"2"},{"a":"3","b`, rows: []triage.Row{{"a": "1", "b": "2"}}, cut: true,
			errors: []string{"users: web-1/users.json: byte 30: expected the end of a string, found the end of the file"},
		},
		{
			name: "cut after a row", data: `[{"a":"1"}`, rows: []triage.Row{{"a": "1"}}, cut: true,
			errors: []string{"users: web-1/users.json: byte 10: expected , or ] after a row, found the end of the file"},
		},
		{
			name: "cut in the first row", data: `[{"a":"1`,
			errors: []string{"users: web-1/users.json: byte 8: expected the end of a string, found the end of the file"},
		},
		{name: "empty file", data: "", errors: []string{"users: web-1/users.json: byte 0: expected an array of rows, found an empty file"}},
		{name: "white space", data: " \n\x00\x00", errors: []string{"users: web-1/users.json: byte 4: expected an array of rows, found an empty file"}},
		{name: "an error text", data: "Error: near line 1: no such table: users\n", errors: []string{"users: web-1/users.json: byte 0: expected an array of rows, found other text"}},
		{name: "an object", data: `{"error":"no such table"}`, errors: []string{"users: web-1/users.json: byte 0: expected an array of rows, found an object"}},
		{name: "a string", data: `"no such table"`, errors: []string{"users: web-1/users.json: byte 0: expected an array of rows, found a string"}},
		{
			name: "something behind", data: `[{"a":"1"}] [{"a":"2"}]`, rows: []triage.Row{{"a": "1"}}, cut: true,
			errors: []string{"users: web-1/users.json: byte 12: expected the end of the file, found an array"},
		},
		{
			name: "rows of a wrong type", data: `[{"a":"1"},["a"],"x",2,{"a":"3"}]`, rows: []triage.Row{{"a": "1"}, {"a": "3"}}, cut: true,
			errors: []string{"users: web-1/users.json: byte 11: expected an object as row: left out (and 2 more like it)"},
		},
		{
			name: "values of a wrong type", data: `[{"a":{"b":["}"]},"c":"1"},{"a":[],"c":"2"}]`, rows: []triage.Row{{"c": "1"}, {"c": "2"}}, cut: true,
			errors: []string{"users: web-1/users.json: byte 6: expected a string or a number as value: left out (and 1 more like it)"},
		},
		{
			name: "rows without columns", data: `[{},{"a":"1"},{}]`, rows: []triage.Row{{"a": "1"}},
			errors: []string{"users: web-1/users.json: byte 1: expected a row with columns: left out (and 1 more like it)"},
		},
		{
			name: "a column twice", data: `[{"a":"1","a":"2"},{"a":"3","b":"4","b":"5"}]`, rows: []triage.Row{{"a": "1"}, {"a": "3", "b": "4"}}, cut: true,
			errors: []string{"users: web-1/users.json: byte 10: expected each column once in a row: its first value counts (and 1 more like it)"},
		},
		{
			name: "brackets that do not match", data: `[{"a":[}]}]`,
			errors: []string{
				"users: web-1/users.json: byte 7: expected ], found }",
				"users: web-1/users.json: byte 6: expected a string or a number as value: left out",
			},
		},
		{
			name: "no comma", data: `[{"a":"1"} {"a":"2"}]`, rows: []triage.Row{{"a": "1"}}, cut: true,
			errors: []string{"users: web-1/users.json: byte 11: expected , or ] after a row, found an object"},
		},
		{
			name: "a column with a very long name", data: `[{"a":"1","` + strings.Repeat("x", maxColumnName+1) + `":"2","b":"3"},{"a":"4","b":"5"}]`,
			rows: []triage.Row{{"a": "1", "b": "3"}, {"a": "4", "b": "5"}}, cut: true,
			errors: []string{"users: web-1/users.json: byte 10: a column's name beyond the limit of 1024 bytes: left out"},
		},
		{name: "no colon", data: `[{"a" "1"}]`, errors: []string{"users: web-1/users.json: byte 6: expected : after a column's name, found a string"}},
		{name: "no name", data: `[{1:"1"}]`, errors: []string{"users: web-1/users.json: byte 2: expected a column's name, found a number"}},
		{name: "no value", data: `[{"a":}]`, errors: []string{"users: web-1/users.json: byte 6: expected a value, found }"}},
		{name: "no row", data: `[,]`, errors: []string{"users: web-1/users.json: byte 1: expected a row, found ,"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := readTable(t, Limits{}, test.data)
			var errors []string
			for _, e := range h.Errors {
				errors = append(errors, e.Query+": "+e.Error)
			}
			if diff := gocmp.Diff(test.errors, errors); diff != "" {
				t.Error(diff)
			}
			table := tableOf(h, "users")
			if test.rows == nil && test.errors != nil {
				if table != nil {
					t.Fatalf("no table expected, found %d rows", table.Len())
				}
				return
			}
			var rows []triage.Row
			for i := range table.Len() {
				rows = append(rows, table.Raw(i))
			}
			if diff := gocmp.Diff(test.rows, rows); diff != "" {
				t.Error(diff)
			}
			if table.Cut != test.cut {
				t.Errorf("cut: %v", table.Cut)
			}
		})
	}
}

func tableOf(h *Host, query string) *Table {
	for i := range h.Tables {
		if h.Tables[i].Query == query {
			return &h.Tables[i]
		}
	}
	return nil
}

func TestNesting(t *testing.T) {
	deep := func(n int) string { return `[{"a":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}]` }
	if h := readTable(t, Limits{}, deep(maxDepth)); len(h.Errors) != 1 || !strings.Contains(h.Errors[0].Error, "left out") {
		t.Errorf("a value of a wrong type expected, found %v", h.Errors)
	}
	want := []triage.QueryError{
		{Query: "users", Error: "web-1/users.json: byte 70: expected JSON that is not nested as deep, found an array"},
		{Query: "users", Error: "web-1/users.json: byte 6: expected a string or a number as value: left out"},
	}
	if diff := gocmp.Diff(want, readTable(t, Limits{}, deep(1_000_000)).Errors); diff != "" {
		t.Error(diff)
	}
}

func TestLimitsOfTables(t *testing.T) {
	tests := []struct {
		name   string
		limits Limits
		data   string
		rows   []triage.Row
		error  string
	}{
		{
			"rows",
			Limits{QueryRows: 2},
			`[{"a":"1"},{"a":"2"},{"a":"3"},{"a":"4"}]`,
			[]triage.Row{{"a": "1"}, {"a": "2"}},
			"byte 21: a row beyond the limit of 2 rows: left out (and 1 more like it)",
		},
		{
			"cells",
			Limits{QueryCells: 4},
			`[{"a":"1","b":"2"},{"a":"3"},{"a":"5"}]`,
			[]triage.Row{{"a": "1", "b": "2"}, {"a": "3"}},
			"byte 29: a row beyond the limit of 4 cells: left out",
		},
		{
			"late columns",
			Limits{QueryCells: 4},
			`[{"a":"1","b":"2"},{"a":"3","c":"4"}]`,
			[]triage.Row{{"a": "1", "b": "2"}, {"a": "3"}},
			"byte 0: columns that the first row does not have, beyond the limit of 4 cells: left out",
		},
		{
			"value",
			Limits{ValueBytes: 3},
			`[{"a":"abc","b":"abcd"},{"a":"a\"b\"c","b":12345}]`,
			[]triage.Row{{"a": "abc", "b": "abc"}, {"a": `a"b`, "b": "123"}},
			"byte 17: a value beyond the limit of 3 bytes: only its beginning is kept (and 2 more like it)",
		},
		{
			"host",
			Limits{HostBytes: 20},
			`[{"a":"1"},{"a":"2"},{"a":"3"}]`,
			[]triage.Row{{"a": "1"}},
			"byte 18: expected the end of a string, found the place where the limit of 18 bytes for one host is reached",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := readTable(t, test.limits, test.data)
			want := []triage.QueryError{{Query: "users", Error: "web-1/users.json: " + test.error}}
			if diff := gocmp.Diff(want, h.Errors); diff != "" {
				t.Error(diff)
			}
			table := tableOf(h, "users")
			var rows []triage.Row
			for i := range table.Len() {
				rows = append(rows, table.Raw(i))
			}
			if diff := gocmp.Diff(test.rows, rows); diff != "" {
				t.Error(diff)
			}
			if !table.Cut {
				t.Error("the table is not marked")
			}
		})
	}
}

func TestLimitOfColumns(t *testing.T) {
	var b strings.Builder
	for i := range maxColumns + 2 {
		b.WriteString(`,"c` + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + strings.Repeat("y", i/26) + `":"1"`)
	}
	h := readTable(t, Limits{}, "[{"+b.String()[1:]+"}]")
	if n := len(tableOf(h, "users").Columns); n != maxColumns {
		t.Errorf("%d columns", n)
	}
	if len(h.Errors) != 1 || !strings.Contains(h.Errors[0].Error, "limit of 2000 columns: left out (and 1 more") {
		t.Errorf("%v", h.Errors)
	}
}
