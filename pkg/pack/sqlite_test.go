package pack

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"modernc.org/sqlite"
)

// schema is what osquery's own specifications say of its tables.
type schema struct {
	Source  string              `json:"source"`
	Tables  map[string][]string `json:"tables"`  // all columns, in order
	Hidden  map[string][]string `json:"hidden"`  // those that SELECT * leaves out
	Aliases map[string]string   `json:"aliases"` // other name → table
}

func readSchema(t testing.TB) schema {
	t.Helper()
	content, err := os.ReadFile("testdata/osquery.json")
	if err != nil {
		t.Fatal(err)
	}
	var s schema
	if err := json.Unmarshal(content, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// visible returns the columns that SELECT * gives.
func (s schema) visible(table string) []string {
	return slices.DeleteFunc(slices.Clone(s.Tables[table]), func(c string) bool {
		return slices.Contains(s.Hidden[table], c)
	})
}

// functions gives SQLite the functions that osquery adds, once a process.
var functions = sync.OnceValue(func() error {
	for name, arguments := range map[string]int32{"sha256": 1, "regex_match": 3} {
		err := sqlite.RegisterDeterministicScalarFunction(name, arguments,
			func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) { return "", nil })
		if err != nil {
			return err
		}
	}
	return nil
})

// osquery opens a database with osquery's tables, all of them empty.
func osquery(t testing.TB) *sql.DB {
	t.Helper()
	if err := functions(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1) // a second connection would have a database of its own
	t.Cleanup(func() { _ = db.Close() })
	s := readSchema(t)
	for table, columns := range s.Tables {
		quoted := `"` + strings.Join(columns, `", "`) + `"`
		execute(t, db, fmt.Sprintf("CREATE TABLE %q (%s)", table, quoted))
	}
	for alias, table := range s.Aliases {
		execute(t, db, fmt.Sprintf("CREATE VIEW %q AS SELECT * FROM %q", alias, table))
	}
	return db
}

func execute(t testing.TB, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.Exec(statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func columnsOf(t *testing.T, db *sql.DB, statement string) []string {
	t.Helper()
	rows, err := db.Query(statement)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	return columns
}

// Every statement, as written and as a host reads it, selects the columns that
// the loader reads off it.
func TestStatementsPrepare(t *testing.T) {
	db, p := osquery(t), load(t)
	for _, q := range p.Queries {
		t.Run(q.Name, func(t *testing.T) {
			for _, statement := range []string{q.SQL, oneLine(q.SQL)} {
				if diff := cmp.Diff(columnsOf(t, db, statement), q.Columns); diff != "" {
					t.Errorf("columns (-SQLite +read):\n%s", diff)
				}
			}
		})
	}
}

// Every rule for a plain table shares out exactly the columns of SELECT *, and
// joins columns that there are.
func TestTablesAreOsquerys(t *testing.T) {
	s, p := readSchema(t), load(t)
	for _, q := range p.Tables {
		if q.Name == "loaded_libraries" { // a query's usual name, no table
			continue
		}
		t.Run(q.Name, func(t *testing.T) {
			want := slices.Sorted(slices.Values(s.visible(q.Name)))
			if diff := cmp.Diff(want, slices.Sorted(slices.Values(q.Columns))); diff != "" {
				t.Errorf("columns (-osquery +rule):\n%s", diff)
			}
			if j := q.Join; j != nil {
				for _, c := range append(slices.Clone(j.Columns), j.On) {
					if !slices.Contains(s.Tables[j.Table], c) {
						t.Errorf("joins %s.%s, which osquery does not have", j.Table, c)
					}
				}
			}
		})
	}
}
