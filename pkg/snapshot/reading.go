package snapshot

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// reading is the reading of one unit: its hosts, as far as they are known.
type reading struct {
	limits  Limits
	budget  int64 // bytes that the unit may still have
	source  string
	hosts   map[string]*host // by name as given
	order   []*host
	tables  int
	stray   []string // problems that name no host
	strays  int
	cut     bool     // a file ended before its end
	repeats *repeats // nil: every answer is read
	*scratch
}

func newReading(source string, l Limits) *reading {
	l = l.orDefault()
	return &reading{
		limits: l, budget: l.LogBytes, source: source, hosts: make(map[string]*host),
		scratch: scratches.Get().(*scratch),
	}
}

// host finds a host by its name as given; nil if there are too many.
func (r *reading) host(given []byte, source string) *host {
	if h, ok := r.hosts[string(given)]; ok {
		if h.Source != source {
			h.Source = r.source // several files
		}
		return h
	}
	if len(r.order) == r.limits.Hosts {
		return nil
	}
	h := &host{Host: Host{Source: source}, given: string(given)}
	r.hosts[h.given] = h
	r.order = append(r.order, h)
	return h
}

// lost records a problem of evidence that may be any host's. The text is made
// only where it is kept.
func (r *reading) lost(text func() string) {
	if r.strays++; r.strays <= maxSameErrors {
		r.stray = append(r.stray, text())
	}
}

// finish ends the reading and returns the hosts, by name. A problem that names no host is an error of
// each; if there is no host, it is the error.
func (r *reading) finish() ([]*Host, error) {
	r.release()
	r.scratch = nil
	if more := r.strays - maxSameErrors; more > 0 {
		r.stray[maxSameErrors-1] += fmt.Sprintf(" (and %d more like it)", more)
	}
	if len(r.order) == 0 {
		if len(r.stray) == 0 {
			return nil, fmt.Errorf("%s: expected lines of an osquery log, found none", r.source)
		}
		return nil, errors.New(printable(r.stray[0]))
	}
	names := shorten(r.given())
	hosts := make([]*Host, 0, len(r.order))
	for _, h := range r.order {
		h.Cut = h.Cut || r.cut
		for _, text := range r.stray {
			h.fail("", text)
		}
		own := names
		if h.own {
			own = nil // our pack's names have no prefix
		}
		hosts = append(hosts, h.finish(own, &r.limits))
	}
	slices.SortFunc(hosts, func(a, b *Host) int { return strings.Compare(a.Name, b.Name) })
	return hosts, nil
}

// given returns the names of all queries of other people's logs.
func (r *reading) given() map[string]struct{} {
	given := make(map[string]struct{})
	for _, h := range r.order {
		if h.own {
			continue
		}
		for query := range h.answers {
			given[query] = struct{}{}
		}
		for query := range h.failed {
			given[query] = struct{}{}
		}
	}
	return given
}
