package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// table is what was measured over one fleet.
type table struct {
	diffy []run // of all pairs, in order
	peers []pairs
}

// pairs is a peer's runs, each with the run of diffy just before it.
type pairs struct {
	name  string
	diffy []run
	peer  []run
}

// measure runs diffy and each peer in turn, so that what else the machine does
// falls on both.
func (o options) measure(ctx context.Context, f fleet, peers []tool) (*table, error) {
	diffy := o.diffyTool()
	t := &table{}
	for _, p := range peers {
		t.peers = append(t.peers, pairs{name: p.name})
	}
	for round := range o.rounds + 1 {
		for i, p := range peers {
			fmt.Fprintf(os.Stderr, "round %d of %d: %s\n", round, o.rounds, p.name)
			a, err := diffy.once(ctx, f)
			if err != nil {
				return nil, err
			}
			b, err := p.once(ctx, f)
			if err != nil {
				return nil, err
			}
			if round == 0 { // to warm up
				continue
			}
			t.diffy = append(t.diffy, a)
			t.peers[i].diffy, t.peers[i].peer = append(t.peers[i].diffy, a), append(t.peers[i].peer, b)
		}
	}
	return t, nil
}

func (t *table) print(w io.Writer, f fleet) {
	fmt.Fprintf(w, "\n%d hosts, %.0f MB, %s. Each figure: least / median / most.\n\n", f.hosts, mega(f.size), f.about)
	fmt.Fprintln(w, "| | runs | wall, s | processor, s | MB/s | MB/s of one processor | peak, MB | diffy is so many times as fast: wall | processor |")
	fmt.Fprintln(w, "| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
	line := func(name string, runs []run, wall, cpu string) {
		fmt.Fprintf(w, "| %s | %d | %s | %s | %.0f | %.0f | %.0f | %s | %s |\n", name, len(runs),
			spread(runs, run.wallSeconds), spread(runs, run.cpuSeconds),
			mega(f.size)/median(values(runs, run.wallSeconds)), mega(f.size)/median(values(runs, run.cpuSeconds)),
			slices.Max(values(runs, func(r run) float64 { return mega(r.peak) })), wall, cpu)
	}
	line("diffy analyze", t.diffy, "", "")
	for _, p := range t.peers {
		line(p.name, p.peer, p.times(run.wallSeconds), p.times(run.cpuSeconds))
	}
}

// times is how many times as long the peer took as diffy, pair by pair.
func (p pairs) times(of func(run) float64) string {
	ratios := make([]float64, len(p.peer))
	for i := range p.peer {
		ratios[i] = of(p.peer[i]) / of(p.diffy[i])
	}
	return leastMedianMost(ratios)
}

func (r run) wallSeconds() float64 { return r.wall.Seconds() }

func (r run) cpuSeconds() float64 { return r.cpu.Seconds() }

func spread(runs []run, of func(run) float64) string { return leastMedianMost(values(runs, of)) }

func leastMedianMost(v []float64) string {
	return fmt.Sprintf("%.2f / %.2f / %.2f", slices.Min(v), median(v), slices.Max(v))
}

func values(runs []run, of func(run) float64) []float64 {
	out := make([]float64, len(runs))
	for i, r := range runs {
		out[i] = of(r)
	}
	return out
}

func median(v []float64) float64 {
	sorted := slices.Sorted(slices.Values(v))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

func mega(bytes int64) float64 { return float64(bytes) / 1e6 }

// machine says where the figures come from.
func machine() string {
	model, load := "", ""
	if file, err := os.Open("/proc/cpuinfo"); err == nil {
		defer file.Close()
		for lines := bufio.NewScanner(file); lines.Scan() && model == ""; {
			if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
			}
		}
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		load, _, _ = strings.Cut(string(text), " ")
	}
	return fmt.Sprintf("%s, %d processors (%s/%s, %s), %s; load before it began: %s.", cmp.Or(model, "unknown processor"),
		runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), time.Now().UTC().Format(time.DateOnly), cmp.Or(load, "unknown"))
}
