package main

import (
	"math"
	"runtime/debug"
	"runtime/metrics"
)

// How much memory is spent on speed: collecting garbage less often saves a tenth of
// the processor time of a large analysis, and costs up to four times of what is in
// use. That is for little memory only.
const (
	generous     = 300       // percent of what is in use that may be garbage
	thrifty      = 100       // Go's default
	generousTill = 48 << 20  // bytes in use
	guard        = 512 << 20 // bytes in all that one host between two looks may make of it
)

// spend is generous until there is much in use, which look finds out. GOGC and
// GOMEMLIMIT, where somebody has set them, stay.
func (a *app) spend() (look func()) {
	if a.env("GOGC")+a.env("GOMEMLIMIT") != "" {
		return func() {}
	}
	debug.SetGCPercent(generous)
	debug.SetMemoryLimit(guard)
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	return func() {
		if metrics.Read(live); live[0].Value.Uint64() > generousTill {
			debug.SetGCPercent(thrifty)
			debug.SetMemoryLimit(math.MaxInt64)
		}
	}
}
