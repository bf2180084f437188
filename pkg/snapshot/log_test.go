package snapshot

import (
	"bytes"
	"strings"
	"testing"

	"diffy/pkg/triage"

	gocmp "github.com/google/go-cmp/cmp"
)

// told is what a test wants to see of a host.
type told struct {
	Name   string
	Time   int64
	Cut    bool
	Tables map[string][]triage.Row
	Broken []string // tables that are marked as cut
	Errors []string
}

func tell(h *Host) told {
	out := told{Name: h.Name, Time: h.Time, Cut: h.Cut, Tables: content(h)}
	for _, t := range h.Tables {
		if t.Cut {
			out.Broken = append(out.Broken, t.Query)
		}
	}
	for _, e := range h.Errors {
		out.Errors = append(out.Errors, e.Query+": "+e.Error)
	}
	return out
}

const (
	begins = `{"name":"diffy_begin","hostIdentifier":"h","unixTime":10,"columns":{"format":"1","queries":"users,mounts"}}` + "\n"
	ends   = `{"name":"diffy_end","hostIdentifier":"h","unixTime":12,"columns":{"queries":"2","errors":"0"}}` + "\n"
	users  = `{"name":"users","hostIdentifier":"h","unixTime":11,"action":"snapshot","snapshot":[{"uid":"0"}]}` + "\n"
	mounts = `{"name":"mounts","hostIdentifier":"h","unixTime":11,"action":"snapshot","snapshot":[]}` + "\n"
)

var (
	root   = []triage.Row{{"uid": "0"}}
	nobody = []triage.Row{{"uid": "65534"}}
	none   = []triage.Row{}
)

func TestOwnLogs(t *testing.T) {
	both := map[string][]triage.Row{"users": root, "mounts": none}
	tests := []struct {
		name, log string
		want      []told
	}{
		{"whole", begins + users + mounts + ends, []told{{Name: "h", Time: 12, Tables: both}}},
		{"a failed query", begins + users + `{"name":"mounts","hostIdentifier":"h","error":"no such\u001b[31m table"}` + "\n" + ends, []told{{
			Name: "h", Time: 12, Tables: map[string][]triage.Row{"users": root},
			Errors: []string{"mounts: f: line 3: the host says: no such [31m table"},
		}}},
		{"no end", begins + users + mounts, []told{{
			Name: "h", Time: 11, Cut: true, Tables: both,
			Errors: []string{": f: expected a diffy_end line: the log was cut or the collector was stopped"},
		}}},
		{"no begin", users + mounts + ends, []told{{
			Name: "h", Time: 12, Cut: true, Tables: both,
			Errors: []string{": f: line 3: expected a diffy_begin line before diffy_end: the beginning of the log is not there"},
		}}},
		{"a query without a line", begins + users + ends, []told{{
			Name: "h", Time: 12, Tables: map[string][]triage.Row{"users": root},
			Errors: []string{"mounts: f: expected a line of this query, which diffy_begin names"},
		}}},
		{"a query twice", begins + users + users + mounts + ends, []told{{
			Name: "h", Time: 12, Tables: both,
			Errors: []string{"users: f: line 3: expected one line of this query and host: the last one counts"},
		}}},
		{"two snapshots", begins + users + begins + strings.Replace(users, `"0"`, `"65534"`, 1) + mounts + ends, []told{{
			Name: "h", Time: 12, Tables: map[string][]triage.Row{"users": nobody, "mounts": none},
			Errors: []string{": f: line 3: expected one snapshot of this host: what came before this diffy_begin is left out"},
		}}},
		{"two hosts", begins + strings.ReplaceAll(begins+users+mounts+ends, `"h"`, `"g"`) + users + mounts + ends, []told{
			{Name: "g", Time: 12, Tables: both}, {Name: "h", Time: 12, Tables: both},
		}},
		{"another format", strings.Replace(begins, `"format":"1"`, `"format":"2"`, 1) + users + mounts + ends, []told{{
			Name: "h", Time: 12, Tables: both,
			Errors: []string{"diffy_begin: f: line 1: expected format 1: the log is of another version"},
		}}},
		{"our own names have no pack prefix", begins + users + mounts + strings.Replace(mounts, "mounts", "pack_x_mounts", 1) + ends, []told{{
			Name: "h", Time: 12, Tables: map[string][]triage.Row{"users": root, "mounts": none, "pack_x_mounts": none},
		}}},
		{"a line cut in its table", begins + users[:len(users)-3] + "\n" + mounts + ends, []told{{
			Name: "h", Time: 12, Tables: both, Broken: []string{"users"},
			Errors: []string{"users: f: line 2, byte 94: expected , or ] after a row, found the end of the line"},
		}}},
		{"the last line cut", begins + mounts + users[:len(users)-6], []told{{
			Name: "h", Time: 11, Cut: true, Tables: map[string][]triage.Row{"mounts": none},
			Errors: []string{
				"users: f: line 3, byte 91: expected the end of a string, found the end of the file",
				": f: expected a diffy_end line: the log was cut or the collector was stopped",
			},
		}}},
		{"a line of something else", begins + "cannot open /dev/x\n" + users + mounts + ends, []told{{
			Name: "h", Time: 12, Tables: both,
			Errors: []string{": f: line 2, byte 0: expected a line of an osquery log, which is an object, found other text"},
		}}},
		{"a line without rows", begins + users + mounts + `{"name":"x","hostIdentifier":"h"}` + "\n" + ends, []told{{
			Name: "h", Time: 12, Tables: both,
			Errors: []string{"x: f: line 4: expected one of snapshot, columns, diffResults, rows and error"},
		}}},
		{"a member twice", begins + users + mounts + `{"name":"x","hostIdentifier":"h","name":"y","snapshot":[]}` + "\n" + ends, []told{{
			Name: "h", Time: 12, Tables: both,
			Errors: []string{"x: f: line 4, byte 40: expected one of its kind, found a second member for the same thing"},
		}}},
		{"rows twice", begins + users + mounts + `{"name":"x","hostIdentifier":"h","snapshot":[],"rows":[]}` + "\n" + ends, []told{{
			Name: "h", Time: 12, Tables: both,
			Errors: []string{"x: f: line 4, byte 54: expected one of its kind, found a second member for the same thing"},
		}}},
		{"a time that is none", begins + users + strings.Replace(mounts, "11", `"noon"`, 1) + ends, []told{{
			Name: "h", Time: 12, Tables: both,
			Errors: []string{"mounts: f: line 3: expected Unix seconds as unixTime: taken as unknown"},
		}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { readsAs(t, test.log, test.want) })
	}
}

// readsAs holds what is read of a log against what is wanted.
func readsAs(t *testing.T, log string, want []told) {
	t.Helper()
	hosts, err := ReadLog(strings.NewReader(log), "f", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var got []told
	for _, h := range hosts {
		got = append(got, tell(h))
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestOtherLogs(t *testing.T) {
	line := func(name, rest string) string { return `{"name":"` + name + `","hostIdentifier":"h",` + rest + "}\n" }
	tests := []struct {
		name, log string
		want      []told
	}{
		{"the latest snapshot counts", line("users", `"unixTime":"20","snapshot":[{"uid":"0"}]`) + line("users", `"unixTime":"10","snapshot":[{"uid":"65534"}]`), []told{{
			Name: "h", Time: 20, Tables: map[string][]triage.Row{"users": root},
		}}},
		{"hostname instead of hostIdentifier", `{"name":"users","hostname":"h","snapshot":[{"uid":0}]}` + "\n", []told{{
			Name: "h", Tables: map[string][]triage.Row{"users": root},
		}}},
		{"osqueryd about itself", users + `{"hostIdentifier":"h","severity":0,"message":"x"}` + "\nI1124 09:22:01.123456  1234 scheduler.cpp:83] Executing\n\n", []told{{
			Name: "h", Time: 11, Tables: map[string][]triage.Row{"users": root},
		}}},
		{"pack prefixes", line("pack_x_users", `"snapshot":[]`) + line("pack/y/mounts", `"snapshot":[]`) + line("pack:z:a:b", `"snapshot":[]`) + line("packages", `"snapshot":[]`) + line("pack_usage", `"snapshot":[]`), []told{{
			Name: "h", Tables: map[string][]triage.Row{"users": none, "mounts": none, "a:b": none, "packages": none, "pack_usage": none},
		}}},
		{"packs with the same query", line("pack_b_users", `"snapshot":[]`) + line("pack_a_users", `"snapshot":[{"uid":"0"}]`), []told{{
			Name: "h", Tables: map[string][]triage.Row{"users": root, "pack_b_users": none},
		}}},
		{"a query and a pack with the same", line("users", `"snapshot":[{"uid":"0"}]`) + line("pack_a_users", `"snapshot":[]`), []told{{
			Name: "h", Tables: map[string][]triage.Row{"users": root, "pack_a_users": none},
		}}},
		{"rows of a snapshot one by one", line("users", `"unixTime":1,"columns":{"uid":"7"},"action":"snapshot"`) + line("users", `"unixTime":2,"columns":{"uid":"0"},"action":"snapshot"`) +
			line("users", `"unixTime":2,"columns":{"gid":"0","uid":"65534"},"action":"snapshot"`) + line("users", `"unixTime":1,"columns":{"uid":"8"},"action":"snapshot"`), []told{{
			Name: "h", Time: 2, Tables: map[string][]triage.Row{"users": {{"gid": "0", "uid": "65534"}, {"uid": "0"}}},
		}}},
		{"an action nobody knows", line("users", `"columns":{"uid":"7"},"action":"moved"`) + line("users", `"columns":{"uid":"0"},"action":"snapshot"`), []told{{
			Name: "h", Tables: map[string][]triage.Row{"users": root},
			Errors: []string{"users: f: line 1: expected the action snapshot, added or removed: the row is left out"},
		}}},
		{"a new epoch begins again", line("users", `"epoch":1,"counter":0,"columns":{"uid":"7"},"action":"added"`) + line("users", `"epoch":2,"counter":0,"columns":{"uid":"0"},"action":"added"`), []told{{
			Name: "h", Tables: map[string][]triage.Row{"users": root},
		}}},
		{"a new database begins again", line("users", `"unixTime":1,"counter":0,"columns":{"uid":"7"},"action":"added"`) + line("users", `"unixTime":2,"counter":0,"columns":{"uid":"0"},"action":"added"`), []told{{
			Name: "h", Time: 2, Tables: map[string][]triage.Row{"users": root},
		}}},
		{"a changed statement does not", line("users", `"unixTime":1,"counter":0,"columns":{"uid":"7"},"action":"added"`) + line("users", `"unixTime":1,"counter":0,"columns":{"uid":"0"},"action":"added"`) +
			line("users", `"unixTime":2,"counter":0,"diffResults":{"removed":[{"uid":"7"}],"added":[]}`), []told{{
			Name: "h", Time: 2, Tables: map[string][]triage.Row{"users": root},
		}}},
		{"the same row twice", line("users", `"columns":{"uid":"0"},"action":"added"`) + line("users", `"columns":{"uid":"0"},"action":"added"`) + line("users", `"columns":{"uid":"0"},"action":"removed"`), []told{{
			Name: "h", Tables: map[string][]triage.Row{"users": root},
		}}},
		{"everything removed", line("users", `"columns":{"uid":"0"},"action":"added"`) + line("users", `"columns":{"uid":"0"},"action":"removed"`), []told{{
			Name: "h", Tables: map[string][]triage.Row{"users": none},
		}}},
		{"a log that begins late", line("users", `"counter":7,"columns":{"uid":"0"},"action":"added"`) + line("users", `"counter":8,"columns":{"uid":"1"},"action":"removed"`), []told{{
			Name: "h", Tables: map[string][]triage.Row{"users": root}, Broken: []string{"users"},
			Errors: []string{
				"users: f: line 1: expected the first state of this query (counter 0): rows that have not changed since are not in the log",
				"users: f: line 2: expected that a removed row had been added: the log does not have all states of this query",
			},
		}}},
		{"events have no first state", line("process_events", `"counter":7,"columns":{"uid":"0"},"action":"added"`), []told{{
			Name: "h", Tables: map[string][]triage.Row{"process_events": root},
		}}},
		{"a broken line that names its host", strings.ReplaceAll(users, `"h"`, `"g"`) + `{"snapshot":[{"uid":"0"}{],"action":"snapshot","name":"mounts","hostIdentifier":"h"}` + "\n", []told{
			{Name: "g", Time: 11, Tables: map[string][]triage.Row{"users": root}},
			{Name: "h", Tables: map[string][]triage.Row{}, Errors: []string{": f: line 2, byte 24: expected , or ] after a row, found an object"}},
		}},
		{"a broken line of nobody", strings.ReplaceAll(users, `"h"`, `"g"`) + users + `{"snapshot":[{"uid":"0"}` + "\n" + `{"x":1}`, []told{
			{Name: "g", Time: 11, Tables: map[string][]triage.Row{"users": root}, Errors: []string{
				": f: line 3, byte 24: expected , or ] after a row, found the end of the line",
				": f: line 4, byte 0: expected a hostIdentifier, found none",
			}},
			{Name: "h", Time: 11, Tables: map[string][]triage.Row{"users": root}, Errors: []string{
				": f: line 3, byte 24: expected , or ] after a row, found the end of the line",
				": f: line 4, byte 0: expected a hostIdentifier, found none",
			}},
		}},
		{"a name that is a path", strings.ReplaceAll(users, `"h"`, `"../../x\u001b"`), []told{{
			Name: "..%2F..%2Fx%1B", Time: 11, Tables: map[string][]triage.Row{"users": root},
			Errors: []string{": f: expected a host's name that is safe in a path and on a terminal: shown encoded"},
		}}},
		{"errors of a kind are counted", users + strings.Repeat(line("users", `"columns":{},"action":"snapshot"`), 10), []told{{
			Name: "h", Time: 11, Tables: map[string][]triage.Row{"users": none},
			Errors: []string{
				"users: f: line 2, byte 47: expected a row with columns: left out",
				"users: f: line 3, byte 47: expected a row with columns: left out",
				"users: f: line 4, byte 47: expected a row with columns: left out (and 7 more errors of this query)",
			},
		}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { readsAs(t, test.log, test.want) })
	}
}

func TestLogsWithoutAHost(t *testing.T) {
	tests := []struct{ name, log, want string }{
		{"empty", "", "f: expected lines of an osquery log, found none"},
		{"white space", "\n \n", "f: expected lines of an osquery log, found none"},
		{"text", "Error: x\nmore\n", "f: line 1, byte 0: expected a line of an osquery log, which is an object, found other text"},
		{"a table", `[{"uid":"0"}]`, "f: line 1, byte 0: expected a line of an osquery log, which is an object, found an array"},
		{"an empty name", `{"name":"users","hostIdentifier":"","snapshot":[]}`, "f: line 1, byte 0: expected a hostIdentifier, found none"},
		{"gzip without content", "\x1f\x8b\x08", "f: gzip header: unexpected EOF"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			hosts, err := ReadLog(strings.NewReader(test.log), "f", Limits{})
			if err == nil || err.Error() != test.want || hosts != nil {
				t.Errorf("%v, %v", hosts, err)
			}
		})
	}
}

func TestCutGzip(t *testing.T) {
	log := begins + users + strings.Repeat(mounts, 1000) + ends
	packed := gzipped([]byte(log))
	damaged := bytes.Clone(packed)
	damaged[len(damaged)-6] ^= 0xFF
	tests := []struct {
		name, why string
		data      []byte
	}{
		{"cut", "the gzip data are cut", packed[:len(packed)-20]},
		{"cut in the checksum", "the gzip data are cut", packed[:len(packed)-2]},
		{"damaged", "the gzip data are damaged", damaged},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			hosts, err := ReadLog(bytes.NewReader(test.data), "f", Limits{})
			if err != nil || len(hosts) != 1 || !hosts[0].Cut {
				t.Fatalf("%v, %v", encoded(hosts), err)
			}
			if diff := gocmp.Diff(root, content(hosts[0])["users"]); diff != "" {
				t.Error(diff)
			}
			if text := encoded(hosts[0].Errors); !strings.Contains(text, test.why) {
				t.Errorf("errors do not say %q: %s", test.why, text)
			}
		})
	}
}
