package cost

import (
	"math"
	"time"
)

// Times are how long a run takes.
type Times struct {
	Usual time.Duration // by the figures of the rates
	Most  time.Duration // until every host that does not answer has been given up
}

// How the state machine waits, in seconds: see the poll step of package pipeline.
const (
	firstLook = 10
	lookAgain = 15
	deadline  = 600 // of a batch
)

// Times estimates how long a run takes whose map runs so many branches at once.
func (r *Rates) Times(run Run, branches int) Times {
	if run.Batches == 0 {
		return Times{}
	}
	waves := math.Ceil(float64(run.Batches) / float64(branches))
	hosts := float64(run.Hosts)
	around := r.of("resolve_seconds") + hosts*r.of("resolve_host_seconds") +
		r.of("analyze_seconds") + hosts*r.of("analyze_host_seconds") + r.of("publish_seconds")
	extract := r.of("extract_seconds") + hosts/float64(run.Batches)*r.of("extract_host_seconds")
	wave := r.of("collect_seconds") + firstLook + (r.of("polls")-1)*lookAgain + r.of("polls")*r.of("poll_seconds") + extract
	return Times{Usual: seconds(around + waves*wave), Most: seconds(around + waves*(deadline+extract))}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
