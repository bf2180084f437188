// Command eval measures what diffy's detection finds on synthetic fleets with
// ground truth, beside two simple peers, and writes the figures as Markdown; or
// it writes one such fleet to disk.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"diffy/pkg/synth"
)

func main() {
	tune := flag.Bool("tune", false, "use the seeds to tune on, and list what was missed and what was wrong")
	first := flag.Uint64("first", synth.TuningSeed, "with -tune: the first seed, below those kept for reporting")
	sizes := flag.String("sizes", "3,10,50,500", "fleets of these sizes")
	seeds := flag.Int("seeds", 0, "so many fleets of each size; 0: as many as published figures need")
	peers := flag.Bool("peers", true, "measure the simple peers too")
	out := flag.String("o", "", "write to this file instead of stdout")
	var w written
	flag.StringVar(&w.dir, "write", "", "measure nothing: write one fleet and its truth to this folder")
	flag.IntVar(&w.spec.Hosts, "hosts", 10, "with -write: so many hosts")
	flag.IntVar(&w.spec.Bytes, "bytes", 0, "with -write: at least so many bytes a host; 0: as it comes")
	flag.Uint64Var(&w.spec.Seed, "seed", synth.TuningSeed, "with -write: the fleet's seed")
	flag.BoolVar(&w.attacked, "attacked", false, "with -write: some hosts are attacked")
	flag.BoolVar(&w.tables, "tables", false, "with -write: osquery's plain tables instead of the pack's logs")
	flag.IntVar(&w.baseline, "baseline", 0, "with -write: so many clean hosts of each make beside it")
	flag.Parse()
	var err error
	if w.dir != "" {
		err = w.write()
	} else {
		err = run(*tune, *first, *sizes, *seeds, *peers, *out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "eval:", err)
		os.Exit(1)
	}
}

func run(tune bool, first uint64, sizes string, seeds int, peers bool, out string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	config := synth.EvalConfig{
		FirstSeed: synth.ReportingSeed, Seeds: synth.Seeds, Peers: peers, Now: time.Now().UTC(),
		Said: func(done, all int) {
			if done%50 == 0 {
				fmt.Fprintf(os.Stderr, "%d of %d fleets\n", done, all)
			}
		},
	}
	if tune {
		if config.FirstSeed = first; first >= synth.ReportingSeed {
			return fmt.Errorf("-first %d: seeds from %d on are kept for reporting", first, synth.ReportingSeed)
		}
	}
	if seeds > 0 {
		config.Seeds = func(int) int { return seeds }
	}
	for _, text := range strings.Split(sizes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("-sizes %s: %q is no number of hosts", sizes, text)
		}
		config.Sizes = append(config.Sizes, n)
	}
	e, err := synth.Eval(ctx, config)
	if err != nil {
		return err
	}
	w := os.Stdout
	if out != "" {
		if w, err = os.Create(out); err != nil {
			return err
		}
		defer w.Close()
	}
	if err := e.Markdown(w); err != nil {
		return err
	}
	if tune {
		return e.Failures(os.Stderr)
	}
	return nil
}
