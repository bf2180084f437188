package synth

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"diffy/pkg/detect"
	"diffy/pkg/facts"
)

// The seeds: to tune on, and to report on. A figure that is published comes
// from seeds that nobody looked at while tuning.
const (
	TuningSeed    = 1
	ReportingSeed = 100_001
)

// EvalConfig chooses what is measured.
type EvalConfig struct {
	FirstSeed uint64
	Seeds     func(hosts int) int // how many fleets of a size
	Sizes     []int
	Peers     bool // measure the simple peers too
	Now       time.Time
	Said      func(done, all int) // progress; may be nil
}

// Seeds is how many fleets of a size the published figures come from: the share
// of attacked hosts that are ranked right needs many pairs to be known.
func Seeds(hosts int) int {
	switch {
	case hosts <= 10:
		return 60
	case hosts <= 50:
		return 30
	}
	return 8
}

// measure is one line of the table: a scene, a size and a method.
type measure struct {
	scene  string
	hosts  int
	method string
}

// Evaluation is the figures of all measures.
type Evaluation struct {
	order   []measure
	figures map[measure]*Figures
	config  EvalConfig
}

// trial is one fleet that is made and analysed in several ways.
type trial struct {
	scene string
	spec  Spec
	bases int // hosts of each baseline; 0: no run with baselines
	peers bool
}

// Eval makes fleets and measures what is found in them. The trials share the
// machine's processors; the figures do not depend on their order.
func Eval(ctx context.Context, c EvalConfig) (*Evaluation, error) {
	trials := c.trials()
	outcomes := make([][]outcome, len(trials))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	done := make(chan struct{}, len(trials))
	for i, t := range trials {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("evaluate: %w", err)
			}
			outcomes[i] = t.run(c.Now)
			done <- struct{}{}
			if c.Said != nil {
				c.Said(len(done), len(trials))
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	e := &Evaluation{figures: map[measure]*Figures{}, config: c}
	for _, o := range slices.Concat(outcomes...) {
		if e.figures[o.measure] == nil {
			e.figures[o.measure] = &Figures{}
			e.order = append(e.order, o.measure)
		}
		e.figures[o.measure].Add(o.figures)
	}
	return e, nil
}

func (c EvalConfig) trials() []trial {
	var out []trial
	for _, n := range c.Sizes {
		for k := range c.Seeds(n) {
			seed := c.FirstSeed + uint64(k)
			bases := 1 + k%3
			out = append(out,
				trial{"clean", Spec{Seed: seed, Hosts: n}, bases, c.Peers},
				trial{"attacked", Spec{Seed: seed, Hosts: n, Scene: Attacked}, bases, c.Peers})
			if n >= 10 {
				for _, share := range []float64{0.1, 0.25, 0.6, 1} {
					name := "campaign on " + strconv.Itoa(int(share*100)) + " %"
					out = append(out, trial{name, Spec{Seed: seed, Hosts: n, Scene: Campaign, Share: share}, bases, false})
				}
			}
			if n <= 50 {
				out = append(out, trial{"attacked, plain tables", Spec{Seed: seed, Hosts: n, Scene: Attacked, Form: Plain}, bases, false})
			}
		}
	}
	return out
}

type outcome struct {
	measure measure
	figures Figures
}

func (t trial) run(now time.Time) []outcome {
	f := New(t.spec)
	truth := f.Truth()
	set := facts.NewSet(linux())
	var peers []peer
	if t.peers {
		peers = []peer{newRowDiff(), newLeastFrequent()}
	}
	for i := range t.spec.Hosts {
		h := f.Host(i)
		set.Add(h)
		for _, p := range peers {
			p.add(h)
		}
	}
	var out []outcome
	for k, p := range peers {
		name := []string{"row diff with one host", "least frequent first"}[k]
		out = append(out, t.outcome(name, Score(truth, p.result())))
	}
	in := detect.Input{Group: truth.Fleet, Set: set, Now: now}
	out = append(out, t.outcome("diffy", Score(truth, detect.Run(in))))
	if t.bases > 0 {
		for _, b := range f.Baselines(t.bases) {
			in.Baselines = append(in.Baselines, baselineOf(b))
		}
		out = append(out, t.outcome("diffy, baseline", Score(truth, detect.Run(in))))
	}
	return out
}

func (t trial) outcome(method string, f Figures) outcome {
	return outcome{measure{t.scene, t.spec.Hosts, method}, f}
}

func baselineOf(b Baseline) detect.Baseline {
	set := facts.NewSet(linux())
	for _, h := range b.Hosts {
		set.Add(h)
	}
	return detect.Baseline{Name: b.Name, Set: set}
}

// seedRange says which seeds a size was measured with.
func (c EvalConfig) seedRange() string {
	var parts []string
	for _, n := range c.Sizes {
		parts = append(parts, fmt.Sprintf("%d fleets of %d", c.Seeds(n), n))
	}
	return fmt.Sprintf("seeds from %d: %s", c.FirstSeed, strings.Join(parts, ", "))
}
