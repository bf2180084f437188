package synth

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"diffy/pkg/snapshot"
	"diffy/pkg/triage"
)

// evidence asks a machine everything and returns the answers as a reader of its
// log would see them. Rows and columns come in no order.
func (m *machine) evidence() *snapshot.Host {
	begin := m.collect()
	r := chances(m.plan.spec.Seed, "order", m.index)
	h := &snapshot.Host{Name: m.name, Source: m.name + ".jsonl", Time: m.now, Begin: begin, Cut: m.cut}
	if m.plan.spec.Form == Plain {
		h.Source, h.Time = m.name, 0
	}
	for _, t := range m.answers() {
		if text, bad := m.failed[t.Query]; bad {
			h.Errors = append(h.Errors, triage.QueryError{Query: t.Query, Error: text})
			continue
		}
		h.Tables = append(h.Tables, shuffled(r, t))
	}
	h.Tables = slices.DeleteFunc(h.Tables, func(t snapshot.Table) bool { return m.silent(t.Query) })
	return h
}

// silent reports whether nothing is known of a query on this host: it failed,
// or the log ends before it.
func (m *machine) silent(query string) bool {
	if _, bad := m.failed[query]; bad {
		return true
	}
	names := m.queryNames()
	at := slices.Index(names, query)
	return m.cut && (at < 0 || at >= len(names)*2/3)
}

// answers are the tables of a machine in the order of the queries.
func (m *machine) answers() []snapshot.Table {
	var out []snapshot.Table
	for _, q := range m.queries() {
		columns, rows := m.ask(q)
		out = append(out, table(q.name, columns, rows))
	}
	for _, x := range m.extra {
		out = append(out, table(x.query, x.columns, x.rows))
	}
	return out
}

func table(name string, columns []string, rows [][]string) snapshot.Table {
	t := snapshot.Table{Query: name, Columns: columns}
	for _, row := range rows {
		if len(row) != len(columns) {
			panic(fmt.Sprintf("%s: %d cells for %d columns", name, len(row), len(columns)))
		}
		t.Cells = append(t.Cells, row...)
	}
	return t
}

func shuffled(r *rand.Rand, t snapshot.Table) snapshot.Table {
	n := t.Len()
	if n == 0 {
		return snapshot.Table{Query: t.Query}
	}
	columns, rows := r.Perm(len(t.Columns)), r.Perm(n)
	out := snapshot.Table{Query: t.Query, Cells: make([]string, 0, len(t.Cells))}
	for _, c := range columns {
		out.Columns = append(out.Columns, t.Columns[c])
	}
	for _, i := range rows {
		row := t.Row(i)
		for _, c := range columns {
			out.Cells = append(out.Cells, row[c])
		}
	}
	return out
}

// collect adds what the collector itself does on the host while it asks, and
// returns the first line of its log, if it is ours.
func (m *machine) collect() *snapshot.Begin {
	r := chances(m.plan.spec.Seed, "collector", m.index)
	dir := "/var/lib/amazon/diffy." + letters(r, alphanumeric, 6)
	own := m.rng
	m.rng = r
	defer func() { m.rng = own }()
	parent := m.process(1)
	if m.plan.spec.Form == Plain { // somebody's own schedule, from a place that is always the same
		m.packaged("/opt/osquery/bin/osqueryd", "0755", "osquery")
		m.spawn(parent, "root", "/opt/osquery/bin/osqueryd", "/", "/usr/bin/osqueryi --json --line").start = m.now - 2
		return nil
	}
	for _, p := range m.processes {
		if strings.HasSuffix(p.path, "/ssm-agent-worker") {
			path := strings.Replace(p.path, "ssm-agent-worker", "ssm-document-worker", 1)
			m.packaged(path, "0755", "amazon-ssm-agent")
			parent = m.spawn(p, "root", path, "/", path+" "+uuid(r))
			break
		}
	}
	script := m.spawn(parent, "root", "/usr/bin/dash", dir, "sh "+dir+"/collect.sh")
	tool := m.spawn(script, "root", dir+"/osqueryi", dir, dir+"/osqueryi --json --config_path=/dev/null")
	m.fresh(tool.path, "0700", "osqueryi 5.23", m.now-3)
	script.start, tool.start = m.now-3, m.now-2
	version := "5.23.0"
	queries := m.queryNames()
	for _, x := range m.extra {
		queries = append(queries, x.query)
	}
	return &snapshot.Begin{
		Pack: "linux-triage", PackVersion: "1", Queries: queries, OsqueryVersion: version,
		Collector: snapshot.Collector{Dir: dir, Processes: map[string]string{itoa(script.pid): itoa(script.start), itoa(tool.pid): itoa(tool.start)}},
	}
}
