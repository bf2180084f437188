package detect_test

import (
	"slices"
	"testing"

	"diffy/pkg/detect"
	"diffy/pkg/pack"
	"diffy/pkg/snapshot"
	"diffy/pkg/triage"

	"github.com/google/go-cmp/cmp"
)

const (
	pivotFileColumns    = "path|type|size|uid|gid|mode|mtime|ctime|btime|inode|sha256"
	pivotProcessColumns = "pid|parent|name|path|cmdline|cwd|on_disk|uid|euid|username|start_time|parent_path"
	suidColumns         = "path|username|groupname|permissions"
)

// Where a run has asked for the value itself, those answers decide: a host that
// did not give them cannot tell, whatever else it has told.
func TestPivotsAskedFor(t *testing.T) {
	tool := triage.Pivot{Kind: triage.PivotPath, Value: "/dev/shm/.x"}
	names := pivotNames(t, tool)
	none := func(query string) snapshot.Table { return snapshot.Table{Query: query} }
	file := func(row ...string) snapshot.Table { return rows(names[0], pivotFileColumns, row...) }
	asked := func(name string, tables ...snapshot.Table) *snapshot.Host {
		return ours(name, append(tables, rows("suid_bin", suidColumns, "/usr/bin/su|root|root|S"))...)
	}
	failed := asked("failed", none(names[1]))
	failed.Errors = []triage.QueryError{{Query: names[0], Error: "timeout"}}
	r := detect.Run(detect.Input{
		Group: "g",
		Set: setOf(t,
			asked("has-file", file("/dev/shm/.x|regular|10|33|33|0755|1|1|1|9|aa"), none(names[1])),
			asked("runs-it", none(names[0]), rows(names[1], pivotProcessColumns, "9|1|.x|/dev/shm/.x|.x -d|/|0|33|33|www|100|/usr/sbin/nginx")),
			asked("has-none", none(names[0]), none(names[1])),
			failed,
			asked("not-asked"),
			asked("plain", none(names[0]), none(names[1]))),
		Pivots: []triage.Pivot{tool},
	})
	want := []triage.PivotResult{{
		Kind: tool.Kind, Value: tool.Value,
		Seen: []string{"has-file", "runs-it"}, NotSeen: []string{"has-none", "plain"}, Unknown: []string{"failed", "not-asked"},
	}}
	if diff := cmp.Diff(want, r.Pivots); diff != "" {
		t.Errorf("pivots (-want +got):\n%s", diff)
	}
	for _, query := range names {
		f := find(r, query, triage.Added)
		if f == nil || !slices.Contains(f.Methods, triage.ByPivot) || !f.Severity.Loud() {
			t.Errorf("the row of %s is not raised: %+v", query, f)
		}
	}
}

// An answer that no host has rows in is an answer.
func TestPivotsOnNoHost(t *testing.T) {
	address := triage.Pivot{Kind: triage.PivotIP, Value: "203.0.113.9"}
	name := pivotNames(t, address)[0]
	r := detect.Run(detect.Input{
		Group: "g", Set: setOf(t, ours("a", snapshot.Table{Query: name}), ours("b", snapshot.Table{Query: name})),
		Pivots: []triage.Pivot{address},
	})
	want := []triage.PivotResult{{Kind: address.Kind, Value: address.Value, Seen: []string{}, NotSeen: []string{"a", "b"}, Unknown: []string{}}}
	if diff := cmp.Diff(want, r.Pivots); diff != "" {
		t.Errorf("pivots (-want +got):\n%s", diff)
	}
}

// What a host was asked for one value may show another.
func TestPivotShownByAnother(t *testing.T) {
	const digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	tool, contents := triage.Pivot{Kind: triage.PivotPath, Value: "/tmp/x"}, triage.Pivot{Kind: triage.PivotSHA256, Value: digest}
	files, hashes := pivotNames(t, tool), pivotNames(t, contents)[0]
	host := func(name, sum string) *snapshot.Host {
		return ours(name, rows(files[0], pivotFileColumns, "/tmp/x|regular|10|33|33|0644|1|1|1|9|"+sum),
			snapshot.Table{Query: files[1]}, snapshot.Table{Query: hashes})
	}
	r := detect.Run(detect.Input{Group: "g", Set: setOf(t, host("a", digest), host("b", "bb"), host("c", "bb")), Pivots: []triage.Pivot{contents}})
	want := []triage.PivotResult{{Kind: contents.Kind, Value: digest, Seen: []string{"a"}, NotSeen: []string{"b", "c"}, Unknown: []string{}}}
	if diff := cmp.Diff(want, r.Pivots); diff != "" {
		t.Errorf("pivots (-want +got):\n%s", diff)
	}
}

func pivotNames(t *testing.T, v triage.Pivot) (names []string) {
	t.Helper()
	p, err := pack.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range p.PivotQueries(v) {
		names = append(names, q.Name)
	}
	return names
}
