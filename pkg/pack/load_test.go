package pack

import (
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

const (
	goodHeader     = "name: tiny\nversion: \"1\"\ntemplates: \"1\"\norder: [jobs]\n"
	goodTechniques = "T1053.003: \"Scheduled Task/Job: Cron\"\n"
	goodQuery      = `name: jobs
why: What runs by itself.
tier: ext
mode: alert
cost: slow
privacy: secret
prior: 1.5
anchor: true
momentary: true
on_request: true
techniques: [T1053.003]
where: {column: c, suffix: [.service], not_suffix: [.mount], equal: [x], not: [""]}
join: {as: process, column: pid, table: processes, on: pid, columns: [path]}
sql: |
  SELECT a.path, command AS c, pid
  FROM crontab a
key: [path, process.path]
compare: [c]
volatile: [pid]
template: {c: text, process.path: path}
`
	goodTable = "name: crontab\nwhy: What runs by itself.\nkey: [path]\ncompare: [command]\nshown: [event]\n"
)

// tree returns a pack of one query and one table, some files of it replaced.
func tree(replaced map[string]string) fstest.MapFS {
	files := map[string]string{
		"pack.yaml":                     goodHeader,
		"techniques.yaml":               goodTechniques,
		"queries/persistence/jobs.yaml": goodQuery,
		"tables/crontab.yaml":           goodTable,
	}
	maps.Copy(files, replaced)
	fsys := fstest.MapFS{}
	for name, content := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return fsys
}

func TestLoadFS(t *testing.T) {
	p, err := LoadFS(tree(nil))
	if err != nil {
		t.Fatal(err)
	}
	want := &Query{
		Name: "jobs", Tactic: "persistence", Why: "What runs by itself.",
		SQL:       "SELECT a.path, command AS c, pid\nFROM crontab a",
		OnRequest: true, Tier: TierExt, Mode: ModeAlert, Cost: CostSlow, Privacy: PrivacySecret,
		Columns: []string{"path", "c", "pid"},
		Key:     []string{"path", "process.path"}, Compare: []string{"c"}, Volatile: []string{"pid"},
		Template: map[string]string{"c": TemplateText, "process.path": TemplatePath},
		Prior:    1.5, Techniques: []string{"T1053.003"}, Anchor: true, Momentary: true,
		Where: &Filter{
			Column: "c", Suffix: []string{".service"}, NotSuffix: []string{".mount"},
			Equal: []string{"x"}, Not: []string{""},
		},
		Join: &Join{As: "process", Column: "pid", Table: "processes", On: "pid", Columns: []string{"path"}},
	}
	if diff := cmp.Diff(want, p.Query("jobs")); diff != "" {
		t.Errorf("query (-want +got):\n%s", diff)
	}
	table := &Query{
		Name: "crontab", Why: "What runs by itself.",
		Tier: TierCore, Mode: ModeCohort, Cost: CostFast, Privacy: PrivacyNone,
		Columns: []string{"path", "command", "event"},
		Key:     []string{"path"}, Compare: []string{"command"}, Shown: []string{"event"},
	}
	if diff := cmp.Diff([]*Query{table}, p.Tables); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
}

// Each mistake is named with its file and line, and nothing else is.
func TestLoadFSErrors(t *testing.T) {
	const jobs = "queries/persistence/jobs.yaml"
	replace := func(old, with string) map[string]string {
		if !strings.Contains(goodQuery, old) {
			t.Fatalf("%q is not in the query", old)
		}
		return map[string]string{jobs: strings.Replace(goodQuery, old, with, 1)}
	}
	for _, test := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"unknown field", replace("key:", "kye:"), []string{jobs + `:17: unknown field "kye"`}},
		{"field twice", replace("cost: slow", "mode: ctx"), []string{jobs + `:5: field "mode" is already on line 4`}},
		{"column twice in template", replace("{c: text,", "{c: text, c: path,"), []string{jobs + `:20: field "c" is already on line 20`}},
		{"bad YAML", replace("prior: 1.5", "prior: [1.5"), []string{jobs + `:8: ',' or ']' must be specified`}},
		{"no mapping", map[string]string{jobs: "- name\n"}, []string{jobs + ":1: expected fields with values"}},
		{"empty file", map[string]string{jobs: ""}, []string{jobs + ":1: expected one YAML document"}},
		{"text for a list", replace("key: [path, process.path]", "key: path"), []string{jobs + ":17: expected a list"}},
		{"list for a text", replace("why: What runs by itself.", "why: [a]"), []string{jobs + ":2: expected a text"}},
		{"text for a flag", replace("anchor: true", "anchor: perhaps"), []string{jobs + ":8: expected true or false"}},
		{"text for a number", replace("prior: 1.5", "prior: high"), []string{jobs + ":7: expected a number"}},
		{"number in a list of texts", replace("[x]", "[1]"), []string{jobs + ":12: expected a text"}},
		{"unknown tier", replace("tier: ext", "tier: extra"), []string{jobs + `:3: unknown tier "extra": expected core, ext, sens`}},
		{"unknown mode", replace("mode: alert", "mode: loud"), []string{jobs + `:4: unknown mode "loud": expected cohort, alert, ctx`}},
		{"unknown cost", replace("cost: slow", "cost: SLOW"), []string{jobs + `:5: unknown cost "SLOW": expected fast, medium, slow`}},
		{
			"unknown privacy", replace("privacy: secret", "privacy: some"),
			[]string{jobs + `:6: unknown privacy "some": expected none, metadata, personal, secret`},
		},
		{"prior too high", replace("prior: 1.5", "prior: 2.5"), []string{jobs + ":7: prior 2.5 is not between -4 and 2"}},
		{"prior too low", replace("prior: 1.5", "prior: -5"), []string{jobs + ":7: prior -5 is not between -4 and 2"}},
		{
			"unknown technique", replace("[T1053.003]", "[T1053.999]"),
			[]string{jobs + `:11: unknown technique "T1053.999": techniques.yaml lists those known`},
		},
		{
			"unknown template", replace("c: text", "c: texts"),
			[]string{jobs + `:20: unknown template "texts": expected text, path, address, port, unit, schedule, options`},
		},
		{"template of nothing", replace("{c: text,", "{d: text,"), []string{jobs + `:20: template for column "d", which is not selected`}},
		{"role of nothing", replace("compare: [c]", "compare: [c, d]"), []string{jobs + `:18: column "d" is not selected`}},
		{"joined column of nothing", replace("[path, process.path]", "[path, process.cwd]"), []string{jobs + `:17: column "process.cwd" is not selected`}},
		{"two roles", replace("volatile: [pid]", "volatile: [pid, c]"), []string{jobs + `:19: column "c" has two roles`}},
		{"no role", replace("volatile: [pid]", "volatile: []"), []string{jobs + `:14: column "pid" is selected and has no role`}},
		{"filter by nothing", replace("{column: c,", "{column: d,"), []string{jobs + `:12: where names column "d", which is not selected`}},
		{
			"filter for nothing", replace("{column: c, suffix: [.service], not_suffix: [.mount], equal: [x], not: [\"\"]}", "{column: c}"),
			[]string{jobs + ":12: where chooses nothing: expected suffix, not_suffix, equal or not"},
		},
		{"unknown field of where", replace("equal:", "equals:"), []string{jobs + `:12: unknown field "equals" in where`}},
		{"join by nothing", replace("column: pid,", "column: ppid,"), []string{jobs + `:13: join by column "ppid", which is not selected`}},
		{"half a join", replace("on: pid, ", ""), []string{jobs + ":13: join needs as, column, table, on and columns"}},
		{"unknown field of join", replace("table:", "tables:"), []string{jobs + `:13: unknown field "tables" in join`}},
		{"no statement", replace("SELECT a.path, command AS c, pid", "DELETE"), []string{jobs + ":14: sql: not a SELECT statement"}},
		{"nameless column", replace("command AS c", "1 + 1"), []string{jobs + ":14: sql: column 2 of the select list has no name: say AS"}},
		{"tab in a statement", replace("FROM crontab", "FROM\tcrontab"), []string{jobs + ":14: sql has a tab or another control character"}},
		{"no why", replace("why: What runs by itself.\n", ""), []string{jobs + ":1: no why: one sentence that says what the rows show"}},
		{"name unlike the file's", replace("name: jobs", "name: job"), []string{
			jobs + `:1: name "job" does not match the file's, "jobs"`,
			`pack.yaml:4: order names query "jobs", which is nowhere`,
			"pack.yaml:1: order leaves out query \"job\" of " + jobs,
		}},
		{"unknown tactic", map[string]string{
			"queries/mischief/more.yaml": strings.Replace(goodQuery, "name: jobs", "name: more", 1),
			"pack.yaml":                  strings.Replace(goodHeader, "[jobs]", "[jobs, more]", 1),
		}, []string{`queries/mischief/more.yaml:1: folder "mischief" is no ATT&CK tactic, nor context`}},
		{
			"query twice",
			map[string]string{"queries/impact/jobs.yaml": goodQuery},
			[]string{jobs + `:1: query "jobs" is already in queries/impact/jobs.yaml`},
		},
		{
			"order names a query twice",
			map[string]string{"pack.yaml": strings.Replace(goodHeader, "[jobs]", "[jobs, jobs]", 1)},
			[]string{`pack.yaml:4: order names query "jobs" twice`},
		},
		{
			"unknown field of the pack",
			map[string]string{"pack.yaml": goodHeader + "tier: core\n"},
			[]string{`pack.yaml:5: unknown field "tier"`},
		},
		{
			"no version",
			map[string]string{"pack.yaml": strings.Replace(goodHeader, "version: \"1\"\n", "", 1)},
			[]string{"pack.yaml:1: expected name, version, templates and order"},
		},
		{
			"technique that is none",
			map[string]string{"techniques.yaml": goodTechniques + "TA0003: Persistence\n"},
			[]string{`techniques.yaml:2: "TA0003" is no technique: expected T1234 or T1234.567`},
		},
		{
			"table with a statement",
			map[string]string{"tables/crontab.yaml": goodTable + "sql: SELECT 1 AS x\n"},
			[]string{"tables/crontab.yaml:6: a plain table has no sql"},
		},
		{
			"table without columns",
			map[string]string{"tables/crontab.yaml": "name: crontab\nwhy: Nothing.\n"},
			[]string{"tables/crontab.yaml:1: no column has a role"},
		},
		{"two mistakes", replace("tier: ext\nmode: alert", "tier: extra\nmode: loud"), []string{
			jobs + `:3: unknown tier "extra": expected core, ext, sens`,
			jobs + `:4: unknown mode "loud": expected cohort, alert, ctx`,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := LoadFS(tree(test.files))
			if err == nil {
				t.Fatal("no error")
			}
			got := strings.Split(strings.TrimPrefix(err.Error(), "load pack: "), "\n")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadFSOfNothing(t *testing.T) {
	_, err := LoadFS(fstest.MapFS{})
	want := "load pack: read pack.yaml: open pack.yaml: file does not exist\n" +
		"read techniques.yaml: open techniques.yaml: file does not exist"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
