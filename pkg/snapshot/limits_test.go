package snapshot

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

func snap(host, query, rows string) string {
	return `{"name":"` + query + `","hostIdentifier":"` + host + `","snapshot":[` + rows + `]}` + "\n"
}

func TestLimitsOfLogs(t *testing.T) {
	row := `{"uid":"0"}`
	tests := []struct {
		name   string
		limits Limits
		log    string
		want   []string // host, tables, what is wrong
	}{
		{
			"a host that is too large leaves the others alone",
			Limits{HostBytes: 150},
			snap("a", "users", row) + snap("b", "users", row) + snap("a", "mounts", strings.Repeat(row+",", 5)+row) + snap("b", "mounts", row) + snap("a", "groups", row),
			[]string{
				"a users mounts cut=false", "groups: f: line 5: beyond the limit of 150 bytes for one host: left out",
				"b users mounts cut=false",
			},
		},
		{
			"a line that is too long for any host",
			Limits{HostBytes: 150},
			snap("a", "users", row) + snap("b", "users", strings.Repeat(row+",", 100)+row) + snap("b", "mounts", row),
			[]string{
				"a users cut=false",
				"b users cut=false", "users: f: line 2, byte 150: expected the end of a string, found the limit of 150 bytes",
				"mounts: f: line 3: beyond the limit of 150 bytes for one host: left out",
			},
		},
		{
			"a log that is too large",
			Limits{LogBytes: 100},
			snap("a", "users", row) + snap("a", "mounts", row),
			[]string{
				"a users cut=true", "mounts: f: line 2, byte 37: expected , or } after a value, found the place where the limit of 100 bytes for all hosts of one log is reached",
				": f: after line 2: expected more, but the limit of 100 bytes for all hosts of one log is reached",
			},
		},
		{
			"too many hosts",
			Limits{Hosts: 2},
			snap("a", "users", row) + snap("b", "users", row) + snap("c", "users", row),
			[]string{
				"a users cut=false", ": f: line 3: a host beyond the limit of 2 hosts: left out",
				"b users cut=false", ": f: line 3: a host beyond the limit of 2 hosts: left out",
			},
		},
		{
			"rows that come one by one",
			Limits{QueryRows: 2},
			strings.Repeat(`{"name":"users","hostIdentifier":"a","columns":{"uid":"0"},"action":"added"}`+"\n", 4),
			[]string{
				"a users cut=false",
				"users: f: line 3, byte 0: a row beyond the limit of 2 rows: left out",
				"users: f: line 4, byte 0: a row beyond the limit of 2 rows: left out",
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			hosts, err := ReadLog(strings.NewReader(test.log), "f", test.limits)
			var got []string
			if err != nil {
				got = append(got, err.Error())
			}
			for _, h := range hosts {
				text := h.Name
				for _, t := range h.Tables {
					text += " " + t.Query
				}
				got = append(got, fmt.Sprintf("%s cut=%v", text, h.Cut))
				for _, e := range h.Errors {
					got = append(got, e.Query+": "+e.Error)
				}
			}
			if diff := gocmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// zeros is n times the same row, compressed while it is read.
func zeros(n int) io.Reader {
	var b bytes.Buffer
	b.Write([]byte(snap("a", "users", `{"uid":"0"}`)))
	b.WriteString(`{"name":"mounts","hostIdentifier":"a","snapshot":[{"path":"`)
	b.Write(bytes.Repeat([]byte{'0'}, n))
	return bytes.NewReader(gzipped(b.Bytes()))
}

func TestGzipBomb(t *testing.T) {
	hosts, err := ReadLog(zeros(64<<20), "f", Limits{})
	if err != nil || len(hosts) != 1 || !hosts[0].Cut {
		t.Fatalf("%v, %v", hosts, err)
	}
	if tableOf(hosts[0], "users") == nil {
		t.Error("what came before is not there")
	}
	if text := encoded(hosts[0].Errors); !strings.Contains(text, "the limit of 300 bytes for each compressed one is reached") {
		t.Error(text)
	}
	if n := hosts[0].Bytes; n > 32<<20 {
		t.Errorf("%d bytes were read", n)
	}
}
