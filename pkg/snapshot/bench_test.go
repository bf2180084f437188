package snapshot

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// processes returns n rows such as osquery gives for processes, each with its
// separator before it.
func processes(n int, separator string) []string {
	rnd := rand.New(rand.NewPCG(1, 2))
	rows := make([]string, n)
	for i := range rows {
		quoted := ""
		if i%10 == 0 {
			quoted = `\"a b\"`
		}
		rows[i] = separator + fmt.Sprintf(`{"cgroup_path":"/system.slice/app-%d.service","cmdline":"/usr/bin/app --config /etc/app/%d.conf %s","cwd":"/","disk_bytes_read":"%d","egid":"0","euid":"0","gid":"0","name":"app-%d","nice":"0","on_disk":"1","parent":"1","path":"/usr/bin/app-%d","pid":"%d","resident_size":"%d","root":"/","start_time":"%d","state":"S","uid":"%d"}`,
			rnd.IntN(50), rnd.IntN(1000), quoted, rnd.IntN(1<<30), rnd.IntN(50), rnd.IntN(50), rnd.IntN(1<<16), rnd.IntN(1<<30), 1_790_000_000+rnd.IntN(1000), rnd.IntN(1000))
	}
	return rows
}

// printed is a table as osqueryi prints it.
func printed(rows []string) []byte {
	return []byte("[\n" + strings.Join(rows, ",\n") + "\n]\n")
}

const rowsOfAHost, tablesOfAHost = 40, 20 // 0.3 MB

// ownLog is the log of one host.
func ownLog() []byte {
	var b bytes.Buffer
	b.WriteString(strings.Replace(begins, "users,mounts", "q0", 1))
	for i := range tablesOfAHost {
		b.WriteString(snap("h", fmt.Sprintf("q%d", i), strings.Join(processes(rowsOfAHost, ""), ",")))
	}
	b.WriteString(ends)
	return b.Bytes()
}

// eventLog is the log of one host with a row a line.
func eventLog(action string) []byte {
	var b bytes.Buffer
	for i := range tablesOfAHost {
		for _, row := range processes(rowsOfAHost, "") {
			fmt.Fprintf(&b, `{"name":"pack/x/q%d","hostIdentifier":"h","calendarTime":"Mon Sep 21 15:33:20 2026 UTC","unixTime":1790000000,"epoch":0,"counter":0,"numerics":false,"columns":%s,"action":"%s"}`+"\n", i, row, action)
		}
	}
	return b.Bytes()
}

func BenchmarkTable(b *testing.B) {
	data := printed(processes(1000, "  "))
	l := Limits{}.orDefault()
	var r rows
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		r.reset()
		s := scanner{data: data}
		if f := r.array(&s, &l); f != nil {
			b.Fatal(f)
		}
		if t := r.table("processes", &l); t.Len() != 1000 {
			b.Fatal(t.Len())
		}
	}
}

// BenchmarkEncodingJSON is what BenchmarkTable is measured against.
func BenchmarkEncodingJSON(b *testing.B) {
	data := printed(processes(1000, "  "))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		var rows []map[string]string
		if err := json.Unmarshal(data, &rows); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadLog(b *testing.B) {
	for name, data := range map[string][]byte{
		"own": ownLog(), "gzip": gzipped(ownLog()), "events": eventLog("snapshot"), "differential": eventLog("added"),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				hosts, err := ReadLog(bytes.NewReader(data), "f", Limits{})
				if err != nil || len(hosts[0].Tables) != tablesOfAHost {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFolders reads hosts' folders, a file a table, from the file system's
// cache.
func BenchmarkFolders(b *testing.B) {
	root, size := b.TempDir(), 0
	data := printed(processes(rowsOfAHost, "  "))
	for host := range 10 {
		dir := filepath.Join(root, fmt.Sprintf("h%d", host))
		if err := os.Mkdir(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		for i := range tablesOfAHost {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("q%d.json", i)), data, 0o644); err != nil {
				b.Fatal(err)
			}
			size += len(data)
		}
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		units, _, err := Find([]string{root})
		if err != nil || len(units) != 10 {
			b.Fatal(err)
		}
		for _, u := range units {
			if hosts, err := u.Read(Limits{}); err != nil || len(hosts) != 1 {
				b.Fatal(err)
			}
		}
	}
}
