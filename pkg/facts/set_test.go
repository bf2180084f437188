package facts

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"diffy/pkg/pack"
	"diffy/pkg/snapshot"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func loadPack(t interface {
	Helper()
	Fatal(...any)
},
) *pack.Pack {
	t.Helper()
	p, err := pack.Load()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// table makes a table of rows, one string a row, cells separated by blanks; "·"
// is an empty cell.
func table(query, columns string, rows ...string) snapshot.Table {
	t := snapshot.Table{Query: query, Columns: strings.Fields(columns)}
	for _, row := range rows {
		for _, cell := range strings.Fields(row) {
			t.Cells = append(t.Cells, strings.ReplaceAll(cell, "·", ""))
		}
	}
	return t
}

func plainHost(name string, tables ...snapshot.Table) *snapshot.Host {
	return &snapshot.Host{Name: name, Source: name + ".json", Tables: tables}
}

const (
	portColumns    = "pid protocol family address port path"
	processColumns = "pid name path cmdline uid on_disk"
)

func TestAddLeavesOutWhatMeansNothing(t *testing.T) {
	s := NewSet(loadPack(t))
	for i, name := range []string{"web-1", "web-2"} {
		s.Add(plainHost(name,
			table("system_info", "hostname", name),
			table("interface_addresses", "interface address", fmt.Sprintf("eth0 10.0.0.%d", i+1)),
			table("processes", processColumns, fmt.Sprintf("%d00 node /usr/bin/node node--id=%s--bind=10.0.0.%d 33 1", i+1, name, i+1)),
			table("listening_ports", portColumns, fmt.Sprintf("%d00 6 2 10.0.0.%d 8080 ·", i+1, i+1)),
		))
	}
	for _, table := range s.Tables() {
		if name := table.Rule.Name; name != "processes" && name != "listening_ports" {
			continue
		}
		facts := table.Sorted()
		if len(facts) != 1 || len(facts[0].Hosts) != 2 {
			t.Errorf("%s: the two hosts differ in %d facts: %q", table.Rule.Name, len(facts), keys(facts))
		}
		if table.Rule.Name == "listening_ports" {
			if got := facts[0].Row.Value("process.path"); got != "/usr/bin/node" {
				t.Errorf("joined program %q", got)
			}
			if _, ok := facts[0].Row.Sent()["process.path"]; ok {
				t.Error("a joined column is part of the row as sent")
			}
		}
	}
}

func keys(facts []*Fact) [][]string {
	out := make([][]string, len(facts))
	for i, f := range facts {
		out[i] = append(slices.Clone(f.Key), f.Values...)
	}
	return out
}

func TestAddKnowsTheCollectorExactly(t *testing.T) {
	h := &snapshot.Host{
		Name:  "i-1",
		Begin: &snapshot.Begin{Collector: snapshot.Collector{Dir: "/run/diffy.x", Processes: map[string]string{"70": "1000"}}},
		Tables: []snapshot.Table{table("processes", "pid start_time name path cmdline",
			"70 1000 sh /usr/bin/dash sh",
			"70 1001 sh /usr/bin/dash reused",
			"71 1000 osqueryi /run/diffy.x/osqueryi osqueryi",
			"72 1000 osqueryi /run/diffy.x/osqueryi2 osqueryi2",
			"73 1000 osqueryi /run/diffy.xx/osqueryi elsewhere",
		)},
	}
	s := NewSet(loadPack(t))
	s.Add(h)
	if got := s.Hosts()[0]; got.Own != 2 || got.Rows != 5 {
		t.Errorf("%d of %d rows are the collector's, want 2 of 5", got.Own, got.Rows)
	}
	if got := len(s.Tables()[0].Facts); got != 3 {
		t.Errorf("%d facts, want the 3 that are not the collector's", got)
	}
}

func TestAddTwice(t *testing.T) {
	s := NewSet(loadPack(t))
	s.Add(plainHost("web-1", table("users", "uid username", "0 root")))
	s.Add(plainHost("web-1", table("users", "uid username", "0 toor")))
	hosts := s.Hosts()
	if len(hosts) != 1 || len(hosts[0].Errors) != 1 || len(s.Tables()[0].Facts) != 1 {
		t.Errorf("hosts %d, errors %v, facts %d", len(hosts), hosts[0].Errors, len(s.Tables()[0].Facts))
	}
}

// randomHosts draws hosts that share most rows.
func randomHosts(t *rapid.T) []*snapshot.Host {
	n := rapid.IntRange(1, 6).Draw(t, "hosts")
	hosts := make([]*snapshot.Host, n)
	for i := range hosts {
		var users, ports []string
		for k := range rapid.IntRange(0, 5).Draw(t, "users") {
			users = append(users, fmt.Sprintf("%d u%d /bin/%s", k, k, rapid.SampledFrom([]string{"sh", "bash"}).Draw(t, "shell")))
		}
		for range rapid.IntRange(0, 4).Draw(t, "ports") {
			ports = append(ports, fmt.Sprintf("%d 6 2 0.0.0.0 %d /x", rapid.IntRange(1, 9).Draw(t, "pid"), rapid.SampledFrom([]int{22, 80, 40000, 50000}).Draw(t, "port")))
		}
		hosts[i] = plainHost(fmt.Sprintf("h%d", i), table("users", "uid username shell", users...), table("listening_ports", portColumns, ports...))
	}
	return hosts
}

func encoded(t interface{ Fatal(...any) }, s *Set) []byte {
	var b bytes.Buffer
	if err := s.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// shuffled returns the host with its tables, rows and columns in another order.
func shuffled(h *snapshot.Host, r *rand.Rand) *snapshot.Host {
	out := *h
	out.Tables = nil
	for _, t := range h.Tables {
		columns := r.Perm(len(t.Columns))
		moved := snapshot.Table{Query: t.Query}
		for _, c := range columns {
			moved.Columns = append(moved.Columns, t.Columns[c])
		}
		for _, i := range r.Perm(t.Len()) {
			for _, c := range columns {
				moved.Cells = append(moved.Cells, t.Row(i)[c])
			}
		}
		out.Tables = append(out.Tables, moved)
	}
	r.Shuffle(len(out.Tables), func(i, j int) { out.Tables[i], out.Tables[j] = out.Tables[j], out.Tables[i] })
	return &out
}

func TestOrderAndShardsChangeNothing(t *testing.T) {
	p := loadPack(t)
	rapid.Check(t, func(t *rapid.T) {
		hosts := randomHosts(t)
		whole := NewSet(p)
		for _, h := range hosts {
			whole.Add(h)
		}
		want := view0(whole)
		r := rand.New(rand.NewSource(rapid.Int64().Draw(t, "seed")))
		shards := []*Set{NewSet(p), NewSet(p), NewSet(p)}
		for _, i := range r.Perm(len(hosts)) {
			shards[r.Intn(len(shards))].Add(shuffled(hosts[i], r))
		}
		merged := NewSet(p)
		for _, i := range r.Perm(len(shards)) {
			if err := merged.Merge(shards[i]); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, view0(merged)); diff != "" {
			t.Fatalf("merged shards differ from one pass (-one +merged):\n%s", diff)
		}
	})
}

// view0 is a Set in a form that does not depend on places or column order.
func view0(s *Set) map[string][]string {
	out := map[string][]string{}
	for _, t := range s.Tables() {
		for _, f := range t.Sorted() {
			var hosts []string
			for _, h := range f.Hosts {
				hosts = append(hosts, s.Host(h).Name)
			}
			slices.Sort(hosts)
			out[t.ID()] = append(out[t.ID()], fmt.Sprintf("%q %q %v %v", f.Key, f.Values, hosts, f.Row.Sent()))
		}
	}
	return out
}

func TestEncode(t *testing.T) {
	p := loadPack(t)
	rapid.Check(t, func(t *rapid.T) {
		s := NewSet(p)
		for _, h := range randomHosts(t) {
			s.Add(h)
		}
		bytes1 := encoded(t, s)
		back, err := Decode(p, bytes.NewReader(bytes1))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(bytes1, encoded(t, back)) {
			t.Fatal("decoding and encoding again gives other bytes")
		}
	})
}

func TestDecodeOtherTemplates(t *testing.T) {
	p := loadPack(t)
	data := encoded(t, NewSet(p))
	other := *p
	other.Templates = "other"
	if _, err := Decode(&other, bytes.NewReader(data)); !errors.Is(err, ErrTemplates) {
		t.Errorf("error %v, want ErrTemplates", err)
	}
	for name, data := range map[string][]byte{"nothing": nil, "no gzip": []byte("x"), "cut": data[:len(data)/2]} {
		if _, err := Decode(p, bytes.NewReader(data)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestMergeSameHost(t *testing.T) {
	p := loadPack(t)
	a, b := NewSet(p), NewSet(p)
	a.Add(plainHost("h", table("users", "uid username", "0 root")))
	b.Add(plainHost("h", table("users", "uid username", "0 root")))
	if err := a.Merge(b); err == nil {
		t.Error("no error for a host that is in both sets")
	}
}
