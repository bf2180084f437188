package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"diffy/pkg/facts"
	"diffy/pkg/pack"
	"diffy/pkg/snapshot"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/sync/errgroup"
)

// evidence reads PATHs into canonical facts.
type evidence struct {
	app    *app
	pack   *pack.Pack
	leave  []string // PATHs whose hosts are left out: baselines are no hosts of the group
	mu     sync.Mutex
	from   map[string]string // host → the PATH it was read from
	bar    *progressbar.ProgressBar
	newest int64
}

// read reads the hosts of all PATHs on every core. The same host from two PATHs
// is an error that names both.
func (e *evidence) read(ctx context.Context, paths []string) (*facts.Set, error) {
	units, err := e.units(paths)
	if err != nil {
		return nil, err
	}
	e.from = map[string]string{}
	e.progress(len(units))
	workers := min(runtime.GOMAXPROCS(0), max(1, len(units)))
	shards := make([]*facts.Set, workers)
	work := make(chan unit)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(work)
		for _, u := range units {
			select {
			case work <- u:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for i := range shards {
		shards[i] = facts.NewSet(e.pack)
		group.Go(func() error {
			for u := range work {
				if err := e.add(shards[i], u); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, s := range shards[1:] {
		if err := shards[0].Merge(s); err != nil {
			return nil, failed(err)
		}
	}
	return shards[0], nil
}

// unit is a part of a PATH that can be read by itself.
type unit struct {
	path string // as given
	read func() ([]*snapshot.Host, error)
}

func (e *evidence) units(paths []string) ([]unit, error) {
	var out []unit
	for _, path := range paths {
		if path == "-" {
			out = append(out, unit{path, func() ([]*snapshot.Host, error) { return snapshot.ReadLog(e.app.in, "stdin", snapshot.DefaultLimits) }})
			continue
		}
		units, skipped, err := snapshot.Find([]string{path})
		if err != nil {
			return nil, &exit{code: exitUsage, err: err, hint: "a PATH is a snapshot log, a folder of <query>.json, or a folder of such hosts"}
		}
		for _, s := range skipped {
			fmt.Fprintf(e.app.err, "diffy: %s skipped: %s\n", harmless(s.Path), harmless(s.Reason))
		}
		for _, u := range units {
			if within(u.Path, e.leave) {
				continue
			}
			out = append(out, unit{path, func() ([]*snapshot.Host, error) { return u.Read(snapshot.DefaultLimits) }})
		}
	}
	return out, nil
}

func (e *evidence) add(set *facts.Set, u unit) error {
	hosts, err := u.read()
	if err != nil {
		return failed(err)
	}
	for _, h := range hosts {
		e.mu.Lock()
		first, twice := e.from[h.Name]
		if !twice {
			e.from[h.Name] = u.path
		}
		e.newest = max(e.newest, h.Time)
		e.mu.Unlock()
		if twice && first != u.path {
			return usage("give each host once", "host %q is in %s and in %s", h.Name, first, u.path)
		}
		set.Add(h)
	}
	if e.bar != nil {
		_ = e.bar.Add(1) // a bar that cannot be drawn stops nothing
	}
	return nil
}

// progress shows a bar on a terminal when reading takes longer than a second.
func (e *evidence) progress(units int) {
	f, ok := e.app.err.(*os.File)
	if !ok || !e.app.terminal(f) || units < 2 {
		return
	}
	e.bar = progressbar.NewOptions(units,
		progressbar.OptionSetWriter(f), progressbar.OptionSetDescription("reading"), progressbar.OptionShowCount(),
		progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(time.Second))
}

// created is when the newest line of the evidence was written, "" if it does
// not say.
func (e *evidence) created() string {
	if e.newest == 0 {
		return ""
	}
	return time.Unix(e.newest, 0).UTC().Format(time.RFC3339)
}

// without leaves out of paths those that are also given as baselines.
func without(paths, baselines []string) []string {
	return slices.DeleteFunc(slices.Clone(paths), func(p string) bool { return within(p, baselines) })
}

// within reports whether a path is one of the folders or files, or below one.
func within(path string, folders []string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool {
		rel, err := filepath.Rel(folder, path)
		return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
	})
}
