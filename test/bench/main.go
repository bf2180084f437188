// Command bench measures `diffy analyze` as a whole process and, in turn with it
// over the very same files, peers that only group the rows by query and key
// columns to counts of hosts: DuckDB, CPython's json and Go's encoding/json.
//
// In go a synthetic fleet, written once to out/bench, and a built diffy; out
// comes a table as Markdown. A peer that cannot be had here is named and left
// out. Figures of one machine and hour: what holds elsewhere are the ratios, which
// are taken pair by pair.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
)

// options is what is measured.
type options struct {
	diffy  string // the binary
	dir    string // where fleets and results are kept
	hosts  int
	bytes  int // of a host's log
	rounds int
	slow   bool // the peers that take many times as long too
}

func main() {
	var o options
	flag.StringVar(&o.diffy, "diffy", "bin/diffy", "measure this binary")
	flag.StringVar(&o.dir, "dir", "out/bench", "keep fleets and results in this folder")
	flag.IntVar(&o.hosts, "hosts", 1000, "so many hosts")
	flag.IntVar(&o.bytes, "bytes", 280_000, "at least so many bytes a host")
	flag.IntVar(&o.rounds, "rounds", 5, "so many runs of each, after one to warm up")
	flag.BoolVar(&o.slow, "slow", true, "measure CPython and encoding/json too")
	counted := flag.String("count", "", "be the peer: count what is in this fleet's folder with encoding/json")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if *counted != "" {
		err = count(*counted, filepath.Join(o.dir, keysFile))
	} else {
		err = o.run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures both orders of rows.
func (o options) run(ctx context.Context) error {
	if err := writeKeys(filepath.Join(o.dir, keysFile)); err != nil {
		return err
	}
	fleets, err := o.fleets()
	if err != nil {
		return err
	}
	peers := o.peers(ctx)
	fmt.Println(machine())
	for _, f := range fleets {
		those := peers
		if f.shuffled { // it makes no difference to the slow ones
			those = peers[:min(1, len(peers))]
		}
		t, err := o.measure(ctx, f, those)
		if err != nil {
			return err
		}
		t.print(os.Stdout, f)
	}
	return nil
}
