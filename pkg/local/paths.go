package local

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"time"

	"diffy/pkg/facts"
	"diffy/pkg/pack"
	"diffy/pkg/pipeline"
	"diffy/pkg/snapshot"
)

// nobodys is the group of hosts that nobody has named one for.
const nobodys = "local"

// forgetful keeps no weak baselines: one run of hosts that nobody has named says
// nothing of the next one's, which may be of other hosts altogether.
type forgetful struct{ pipeline.Baselines }

// Store implements pipeline.Baselines.
func (f forgetful) Store(ctx context.Context, b pipeline.Baseline) error {
	if b.Weak {
		return nil
	}
	return f.Baselines.Store(ctx, b)
}

// baselinePaths takes evidence at hand for baselines: each path is one, of all the
// hosts in it. New versions go to the store as ever.
type baselinePaths struct {
	paths []string
	pack  *pack.Pack
	pipeline.Baselines
}

// Find implements pipeline.Baselines: the paths, whatever group and version are
// asked for.
func (b baselinePaths) Find(_ context.Context, group, _ string) ([]pipeline.Baseline, error) {
	out := make([]pipeline.Baseline, len(b.paths))
	for i, path := range b.paths {
		var err error
		if out[i], err = b.read(group, path); err != nil {
			return nil, fmt.Errorf("read baseline %s: %w", path, err)
		}
	}
	return out, nil
}

func (b baselinePaths) read(group, path string) (pipeline.Baseline, error) {
	units, _, err := snapshot.Find([]string{path})
	if err != nil {
		return pipeline.Baseline{}, err
	}
	set := facts.NewSet(b.pack)
	var latest int64
	for _, unit := range units {
		hosts, err := unit.Read(snapshot.DefaultLimits)
		if err != nil {
			return pipeline.Baseline{}, err
		}
		for _, h := range hosts {
			set.Add(h)
			latest = max(latest, h.Time)
		}
	}
	var data bytes.Buffer
	if err := set.Encode(&data); err != nil {
		return pipeline.Baseline{}, err
	}
	created := ""
	if latest > 0 {
		created = time.Unix(latest, 0).UTC().Format(time.RFC3339)
	}
	return pipeline.Baseline{
		Group: group, Version: filepath.Base(path), Created: created, Hosts: len(set.Hosts()),
		Pack: b.pack.Name + " " + b.pack.Version, Data: data.Bytes(), Approved: true, // by whoever names it
	}, nil
}
