package snapshot

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// processes returns an array of rows such as osqueryi prints for processes.
func processes(n int, gap string) []byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	b.WriteString("[")
	for i := range n {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString(gap)
		escaped := ""
		if i%10 == 0 {
			escaped = `\"quoted\"`
		}
		fmt.Fprintf(&b, `{"cgroup_path":"/system.slice/app-%d.service","cmdline":"/usr/bin/app --config /etc/app/%d.conf %s","cwd":"/","disk_bytes_read":"%d","egid":"0","euid":"0","gid":"0","name":"app-%d","nice":"0","on_disk":"1","parent":"1","path":"/usr/bin/app-%d","pid":"%d","resident_size":"%d","root":"/","start_time":"%d","state":"S","uid":"%d"}`,
			rnd.IntN(50), rnd.IntN(1000), escaped, rnd.IntN(1<<30), rnd.IntN(50), rnd.IntN(50), rnd.IntN(1<<16), rnd.IntN(1<<30), 1_790_000_000+rnd.IntN(1000), rnd.IntN(1000))
	}
	b.WriteString(gap + "]")
	return []byte(b.String())
}

func BenchmarkRows(b *testing.B) {
	data := processes(1000, "\n  ")
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

func BenchmarkEncodingJSON(b *testing.B) {
	data := processes(1000, "\n  ")
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		var rows []map[string]string
		if err := json.Unmarshal(data, &rows); err != nil {
			b.Fatal(err)
		}
	}
}
