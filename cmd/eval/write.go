package main

import (
	"fmt"
	"os"

	"diffy/pkg/synth"
)

// written is a fleet that is to be written to disk, for a look at it or to
// measure reading.
type written struct {
	dir      string
	spec     synth.Spec
	attacked bool
	tables   bool
	baseline int
}

// write writes the fleet as recorded fleets are kept, logs uncompressed.
func (w written) write() error {
	if w.spec.Hosts < 1 {
		return fmt.Errorf("-hosts %d: a fleet has at least one", w.spec.Hosts)
	}
	if w.attacked {
		w.spec.Scene = synth.Attacked
	}
	if w.tables {
		w.spec.Form = synth.Plain
	}
	said := func(done int) {
		if done%100 == 0 {
			fmt.Fprintf(os.Stderr, "%d of %d hosts\n", done, w.spec.Hosts)
		}
	}
	return synth.New(w.spec).WriteTo(w.dir, synth.WriteOptions{Baseline: w.baseline, Plain: true, Said: said})
}
