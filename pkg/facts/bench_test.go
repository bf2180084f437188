package facts_test

import (
	"slices"
	"sort"
	"testing"

	"diffy/pkg/facts"
	"diffy/pkg/pack"
	"diffy/pkg/snapshot"
	"diffy/pkg/synth"
)

// hostBytes is what a host's log has, as in the benchmark of the whole command.
const hostBytes = 280_000

func fleet(b *testing.B, n int) []*snapshot.Host {
	b.Helper()
	f := synth.New(synth.Spec{Seed: 1, Hosts: n, Scene: synth.Attacked, Bytes: hostBytes})
	hosts := make([]*snapshot.Host, n)
	for i := range hosts {
		hosts[i] = f.Host(i)
	}
	return hosts
}

// inOrder puts rows and columns into the order in which osquery prints them.
func inOrder(h *snapshot.Host) {
	for i := range h.Tables {
		t := &h.Tables[i]
		width, order := len(t.Columns), make([]int, len(t.Columns))
		for c := range order {
			order[c] = c
		}
		sort.Slice(order, func(a, b int) bool { return t.Columns[order[a]] < t.Columns[order[b]] })
		rows := make([][]string, t.Len())
		for r := range rows {
			for _, c := range order {
				rows[r] = append(rows[r], t.Row(r)[c])
			}
		}
		slices.SortFunc(rows, slices.Compare)
		sorted := snapshot.Table{Query: t.Query, Cells: slices.Concat(rows...), Cut: t.Cut}
		for _, c := range order[:width] {
			sorted.Columns = append(sorted.Columns, t.Columns[c])
		}
		*t = sorted
	}
}

// BenchmarkAdd makes the facts of a group, whose rows come in the same order on
// every host, as osquery prints them, or in none.
func BenchmarkAdd(b *testing.B) {
	p, err := pack.Load()
	if err != nil {
		b.Fatal(err)
	}
	const n = 100
	hosts := fleet(b, n)
	run := func(b *testing.B) {
		b.SetBytes(n * hostBytes)
		b.ReportAllocs()
		for b.Loop() {
			s := facts.NewSet(p)
			for _, h := range hosts {
				s.Add(h)
			}
			if got := len(s.Hosts()); got != n {
				b.Fatalf("%d hosts, want %d", got, n)
			}
		}
	}
	b.Run("no order", run)
	for _, h := range hosts {
		inOrder(h)
	}
	b.Run("order", run)
}
