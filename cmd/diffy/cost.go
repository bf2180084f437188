package main

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"diffy/pkg/cost"
	"diffy/pkg/pipeline"

	"github.com/spf13/cobra"
)

func (a *app) cost() *cobra.Command {
	var hosts []int
	var rates, format string
	cmd := &cobra.Command{
		Use: "cost", Short: "Estimate what a run costs, and what is paid while none runs",
		Long: "Estimate what a run costs, from list prices without free tiers and from figures of how much a run\n" +
			"uses. It asks nobody. `diffy cost rates` prints prices and figures, each with its source; a copy\n" +
			"with those of your region is read with --rates.",
		Example: "  diffy cost\n  diffy cost --hosts 212\n  diffy cost rates >mine.yaml; diffy cost --rates mine.yaml",
		Args:    arguments(0, 0),
		RunE:    func(*cobra.Command, []string) error { return a.printCost(hosts, rates, format) },
	}
	cmd.Flags().IntSliceVar(&hosts, "hosts", []int{10, 1000, 100_000}, "size of the group; one size is told line by line")
	cmd.Flags().StringVar(&rates, "rates", "", "`FILE` with prices and figures, instead of those that come with diffy")
	addFormat(cmd, &format)
	cmd.AddCommand(a.costRates())
	return cmd
}

func (a *app) costRates() *cobra.Command {
	return &cobra.Command{
		Use: "rates", Short: "Print prices and figures, each with its source", Args: arguments(0, 0),
		RunE: func(*cobra.Command, []string) error {
			_, err := a.out.Write(cost.Source)
			return failed(err)
		},
	}
}

// priced is a run of so many hosts with its bills.
type priced struct {
	Hosts   int          `json:"hosts"`
	Batches int          `json:"batches"`
	Once    cost.Bill    `json:"once"`
	Kept    cost.Bill    `json:"kept_a_month"`
	Extras  []cost.Extra `json:"extras"`
}

func (a *app) printCost(hosts []int, file, format string) error {
	encoded, err := asJSON(format)
	if err != nil {
		return err
	}
	r, err := readRates(file)
	if err != nil {
		return err
	}
	runs := make([]priced, len(hosts))
	for i, n := range hosts {
		if n < 1 {
			return usage("diffy cost --hosts 212", "--hosts is %d: a run has at least one", n)
		}
		run := cost.Run{Hosts: n, Batches: pipeline.Batching{}.Count(n), Pinned: true}
		runs[i] = priced{Hosts: n, Batches: run.Batches, Once: r.Once(run), Kept: r.Kept(run), Extras: r.Extras(run)}
	}
	idle := r.Idle()
	switch {
	case encoded:
		return a.json(map[string]any{"region": r.Region, "runs": runs, "idle_a_month": idle})
	case len(runs) == 1:
		return a.costLines(r, runs[0], idle)
	}
	return a.costTable(r, runs, idle)
}

func readRates(file string) (*cost.Rates, error) {
	if file == "" {
		r, err := cost.Default()
		return r, failed(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, usage("diffy cost rates >FILE", "read %s: %w", file, bare(err))
	}
	r, err := cost.Parse(data)
	if err != nil {
		return nil, usage("diffy cost rates prints a list that is right", "%s: %w", file, err)
	}
	return r, nil
}

// costTable writes a row for each thing that is paid for and a column for each run.
func (a *app) costTable(r *cost.Rates, runs []priced, idle cost.Bill) error {
	head := []string{"US DOLLARS, " + r.Region}
	for _, run := range runs {
		head = append(head, plural(run.Hosts, "HOST", "HOSTS"))
	}
	var rows [][]string
	row := func(name string, value func(priced) string) {
		cells := []string{name}
		for _, run := range runs {
			cells = append(cells, value(run))
		}
		rows = append(rows, cells)
	}
	row("batches", func(p priced) string { return strconv.Itoa(p.Batches) })
	for _, service := range cost.Services() {
		row(service, func(p priced) string { return dollars(p.Once.Of(service)) })
	}
	row("one run", func(p priced) string { return dollars(p.Once.Dollars) })
	row("its evidence and results, a month", func(p priced) string { return dollars(p.Kept.Dollars) })
	for i, extra := range runs[0].Extras {
		row("more if "+extra.If, func(p priced) string { return dollars(p.Extras[i].Bill.Dollars) })
	}
	row("a month without any run", func(priced) string { return dollars(idle.Dollars) })
	return a.grid(head, rows)
}

// costLines writes one run line by line.
func (a *app) costLines(r *cost.Rates, run priced, idle cost.Bill) error {
	var rows [][]string
	add := func(what string, b cost.Bill) {
		for _, l := range b.Lines {
			rows = append(rows, []string{what, l.Service, dollars(l.Dollars), measured(l.Quantity, l.Unit)})
			what = ""
		}
		if len(b.Lines) != 1 {
			rows = append(rows, []string{what, "all", dollars(b.Dollars), ""})
		}
	}
	add(fmt.Sprintf("one run, %s, %s", plural(run.Hosts, "host", "hosts"), plural(run.Batches, "batch", "batches")), run.Once)
	add("its evidence and results, a month", run.Kept)
	for _, extra := range run.Extras {
		add("more if "+extra.If, extra.Bill)
	}
	add("a month without any run", idle)
	return a.grid([]string{"WHAT", "SERVICE", "DOLLARS", "FOR, IN " + r.Region}, rows)
}

// dollars writes an amount: to the cent, and what is less than a dollar to the
// hundredth of one.
func dollars(d float64) string {
	switch {
	case d >= 1 || d == 0:
		return strconv.FormatFloat(d, 'f', 2, 64)
	case d < 0.00005:
		return "<0.0001"
	}
	return strconv.FormatFloat(d, 'f', 4, 64)
}

// measured is "12 keys a month", or "1 key a month".
func measured(q float64, unit string) string {
	thing, rest, _ := strings.Cut(unit, " ")
	if q == 1 {
		thing = strings.TrimSuffix(thing, "s")
	}
	return strings.TrimSpace(quantity(q) + " " + thing + " " + rest)
}

// quantity writes a number without more digits than it means.
func quantity(q float64) string {
	if q >= 100 || q == math.Trunc(q) {
		return strconv.FormatFloat(q, 'f', 0, 64)
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(q, 'g', 3, 64), 64)
	if err != nil {
		rounded = q
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}
