// Command eval measures what diffy's detection finds on synthetic fleets with
// ground truth, beside two simple peers, and writes the figures as Markdown.
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
	sizes := flag.String("sizes", "3,10,50,500", "fleets of these sizes")
	seeds := flag.Int("seeds", 0, "so many fleets of each size; 0: as many as published figures need")
	peers := flag.Bool("peers", true, "measure the simple peers too")
	out := flag.String("o", "", "write to this file instead of stdout")
	flag.Parse()
	if err := run(*tune, *sizes, *seeds, *peers, *out); err != nil {
		fmt.Fprintln(os.Stderr, "eval:", err)
		os.Exit(1)
	}
}

func run(tune bool, sizes string, seeds int, peers bool, out string) error {
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
		config.FirstSeed = synth.TuningSeed
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
