// Package cost counts what a run costs, and what is paid while none runs.
//
// In go the size of a run and a list of rates: prices, each with source and date,
// and how much of what a run uses. Out come bills: lines of quantity and dollars.
// It asks nobody: prices are those of the list, which is data (rates.yaml) that a
// user may replace. It never claims to be an invoice: free tiers, discounts and tax
// are left out, and figures that nobody could measure are marked so in the list.
package cost

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/goccy/go-yaml"
)

// Source is the list of rates as it comes with diffy, YAML with its comments.
//
//go:embed rates.yaml
var Source []byte

// Rates is a list of prices of one region, and of what a run uses.
type Rates struct {
	Region string           `yaml:"region"`
	Prices map[string]Price `yaml:"prices"`
	Usage  map[string]Usage `yaml:"usage"`
}

// Price is what so many units cost, in US dollars.
type Price struct {
	Dollars float64 `yaml:"dollars"`
	Per     float64 `yaml:"per"` // units
	Unit    string  `yaml:"unit"`
	Seen    string  `yaml:"seen"` // a day, month or year, as YYYY-MM-DD
	Source  string  `yaml:"source"`
}

// Usage is how much of something a run, a batch or a host uses; the name says of
// what and in which unit.
type Usage struct {
	Value  float64 `yaml:"value"`
	Source string  `yaml:"source"`
}

// Default returns the rates that come with diffy.
func Default() (*Rates, error) { return Parse(Source) }

// Parse reads a list of rates. It must have every name that the one that comes
// with diffy has, and no other: a misspelt price is not a free one.
func Parse(data []byte) (*Rates, error) {
	r, err := decode(data)
	if err != nil {
		return nil, err
	}
	ours, err := decode(Source)
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		sameNames("price", ours.Prices, r.Prices), sameNames("usage", ours.Usage, r.Usage), r.check(),
	)
	if err != nil {
		return nil, fmt.Errorf("read rates: %w", err)
	}
	return r, nil
}

func decode(data []byte) (*Rates, error) {
	var r Rates
	if err := yaml.UnmarshalWithOptions(data, &r, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("read rates: %w", err)
	}
	return &r, nil
}

func (r *Rates) check() error {
	var errs []error
	if r.Region == "" {
		errs = append(errs, errors.New("no region"))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Prices)) {
		switch p := r.Prices[name]; {
		case p.Dollars < 0 || p.Per <= 0:
			errs = append(errs, fmt.Errorf("price %s: want dollars of at least 0, per more than 0", name))
		case p.Unit == "" || p.Seen == "" || p.Source == "":
			errs = append(errs, fmt.Errorf("price %s: want unit, seen and source", name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Usage)) {
		if u := r.Usage[name]; u.Value < 0 || u.Source == "" {
			errs = append(errs, fmt.Errorf("usage %s: want a value of at least 0, and source", name))
		}
	}
	return errors.Join(errs...)
}

func sameNames[V any](what string, want, got map[string]V) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if _, ok := got[name]; !ok {
			errs = append(errs, fmt.Errorf("no %s is named %s", what, name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[name]; !ok {
			errs = append(errs, fmt.Errorf("%s %s is not known", what, name))
		}
	}
	return errors.Join(errs...)
}
