package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"diffy/pkg/facts"
	"diffy/pkg/pack"
	"diffy/pkg/snapshot"

	"golang.org/x/sync/errgroup"
)

// stdin is the PATH that means standard input.
const stdin = "-"

// pathHint is what to do when a PATH holds no evidence.
const pathHint = "a PATH is a snapshot log, a folder of <query>.json, a folder of such hosts, or - for stdin"

// evidence is what PATHs hold, read host by host.
type evidence struct {
	app   *app
	leave []string // PATHs whose hosts are left out: baselines are no hosts of the group

	mu     sync.Mutex
	from   map[string]string   // host → the file or folder it was read from
	twice  map[string][]string // hosts that were read from two, and from which
	lost   []string            // what could not be read, one sentence each
	newest int64
}

// unit is a part of a PATH that can be read by itself.
type unit struct {
	name  string // file or folder
	alone bool   // all there is in its PATH
	read  func(r *snapshot.Reader) ([]*snapshot.Host, error)
}

// facts reads the hosts of all PATHs into canonical facts.
func (e *evidence) facts(ctx context.Context, p *pack.Pack, paths []string) (*facts.Set, error) {
	shards := make([]*facts.Set, workers())
	for i := range shards {
		shards[i] = facts.NewSet(p)
	}
	if err := e.each(ctx, paths, func(worker int, h *snapshot.Host) { shards[worker].Add(h) }); err != nil {
		return nil, err
	}
	for _, s := range shards[1:] {
		if err := shards[0].Merge(s); err != nil {
			return nil, failed(err)
		}
	}
	return shards[0], nil
}

func workers() int { return runtime.GOMAXPROCS(0) }

// each reads the hosts of all PATHs on every core and hands each to do once. Calls
// with one worker's number never overlap. The same host twice is an error that
// names both places, and no host at all is one too.
func (e *evidence) each(ctx context.Context, paths []string, do func(worker int, h *snapshot.Host)) error {
	units, err := e.units(paths)
	if err != nil {
		return err
	}
	e.from, e.twice = map[string]string{}, map[string][]string{}
	shown := e.app.progress()
	look, work := e.app.spend(), make(chan unit)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(work)
		for i, u := range units {
			if i%64 == 63 {
				look()
			}
			select {
			case work <- u:
				shown.step("reading", i, len(units))
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for worker := range workers() {
		group.Go(func() error {
			reader := snapshot.NewReader(snapshot.DefaultLimits)
			for u := range work {
				if err := e.read(reader, u, func(h *snapshot.Host) { do(worker, h) }); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err = group.Wait()
	look()
	shown.done()
	return e.check(err, paths)
}

// check says what is wrong with all that was read.
func (e *evidence) check(err error, paths []string) error {
	slices.Sort(e.lost)
	for _, sentence := range e.lost {
		e.app.say("%s", sentence)
	}
	if err != nil {
		var known *exit
		if errors.As(err, &known) {
			return err
		}
		return failed(err)
	}
	first := ""
	for host := range e.twice {
		if first == "" || host < first {
			first = host
		}
	}
	switch {
	case first != "":
		places := e.twice[first]
		slices.Sort(places)
		return usage("give each host once", "host %q is in %s and in %s", first, places[0], places[1])
	case len(e.from) == 0:
		return usage(pathHint, "no host found in %s", strings.Join(paths, ", "))
	}
	return nil
}

// units finds what there is to read.
func (e *evidence) units(paths []string) ([]unit, error) {
	var out []unit
	other := &skipped{app: e.app}
	defer other.rest()
	for _, path := range paths {
		if path == stdin {
			out = append(out, unit{"stdin", true, func(*snapshot.Reader) ([]*snapshot.Host, error) {
				return snapshot.ReadLog(e.app.in, "stdin", snapshot.DefaultLimits)
			}})
			continue
		}
		units, none, err := snapshot.Find([]string{path})
		if err != nil {
			return nil, usage(pathHint, "%w", err)
		}
		for _, s := range none {
			other.say(s.Path, s.Reason)
		}
		for _, u := range units {
			if !within(u.Path, e.leave) {
				out = append(out, unit{u.Path, len(units) == 1, func(r *snapshot.Reader) ([]*snapshot.Host, error) { return r.Read(u) }})
			}
		}
	}
	return out, nil
}

// read reads the hosts of one unit. A unit in which no host can be named stops no
// other; a PATH without any other is an error.
func (e *evidence) read(r *snapshot.Reader, u unit, do func(*snapshot.Host)) error {
	hosts, err := u.read(r)
	if err != nil && u.alone {
		return usage(pathHint, "%w", err)
	}
	if err != nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.lost = append(e.lost, fmt.Sprintf("%s could not be read: %v", u.name, err))
		return nil
	}
	for _, h := range hosts {
		if e.once(h) {
			do(h)
		}
	}
	return nil
}

// once notes a host and reports whether it is here for the first time.
func (e *evidence) once(h *snapshot.Host) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if first, twice := e.from[h.Name]; twice {
		e.twice[h.Name] = []string{first, h.Source}
		return false
	}
	e.from[h.Name] = h.Source
	e.newest = max(e.newest, h.Time)
	return true
}

// created is when the newest line of the evidence was written, "" if it does
// not say.
func (e *evidence) created() string {
	if e.newest == 0 {
		return ""
	}
	return time.Unix(e.newest, 0).UTC().Format(time.RFC3339)
}

// whole reports whether everything that was asked of a host is there.
func whole(h *snapshot.Host) bool { return !h.Cut && len(h.Errors) == 0 }

// without leaves out of paths those that are also given as baselines.
func without(paths, baselines []string) []string {
	return slices.DeleteFunc(slices.Clone(paths), func(p string) bool { return within(p, baselines) })
}

// within reports whether a path is one of the folders or files, or below one.
func within(path string, folders []string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool {
		folder, err1 := filepath.Abs(folder)
		path, err2 := filepath.Abs(path)
		rel, err3 := filepath.Rel(folder, path)
		return errors.Join(err1, err2, err3) == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
	})
}
