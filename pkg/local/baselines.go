package local

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"

	"diffy/pkg/pipeline"
)

// storedBaseline is the header of a version: baselines/<group>/<version>.json. The
// facts lie beside it and are written first.
type storedBaseline struct {
	pipeline.Baseline
	Approval
	SHA256 string `json:"sha256"` // of the facts, hex
}

// Find implements pipeline.Baselines.
func (t *Table) Find(_ context.Context, group, version string) ([]pipeline.Baseline, error) {
	if version != "" && version != "auto" {
		b, err := t.version(group, version)
		if err != nil {
			return nil, err
		}
		return []pipeline.Baseline{b}, nil
	}
	headers, err := readHeaders(t.path("baselines", group))
	if err != nil {
		return nil, err
	}
	headers = inUse(headers)
	out := make([]pipeline.Baseline, len(headers))
	for i, h := range headers {
		if out[i], err = t.version(group, h.Version); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Store implements pipeline.Baselines.
func (t *Table) Store(_ context.Context, b pipeline.Baseline) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	old, err := t.version(b.Group, b.Version)
	switch {
	case err == nil && string(old.Data) == string(b.Data):
		return nil
	case err == nil:
		return fmt.Errorf("store baseline %s of %s: %w", b.Version, b.Group, pipeline.ErrExists)
	case !errors.Is(err, pipeline.ErrNotFound):
		return err
	}
	base := t.path("baselines", b.Group, b.Version)
	if err := writeFile(base+".facts", b.Data, os.Rename); err != nil {
		return fmt.Errorf("store baseline %s of %s: %w", b.Version, b.Group, err)
	}
	b.Approved = false
	return writeJSON(base+".json", storedBaseline{Baseline: b, SHA256: digest(b.Data)})
}

// inUse picks the versions that count where none is named: the approved ones, else
// the latest.
func inUse(headers []storedBaseline) []storedBaseline {
	approved := slices.DeleteFunc(slices.Clone(headers), func(b storedBaseline) bool { return !b.Approved })
	if len(approved) > 0 {
		return approved
	}
	return headers[:min(len(headers), 1)]
}

// readHeaders returns the versions in a group's folder, newest first.
func readHeaders(dir string) ([]storedBaseline, error) {
	files, err := jsonFiles(dir)
	if err != nil {
		return nil, err
	}
	out := make([]storedBaseline, len(files))
	for i, file := range files {
		if err := readJSON(file, &out[i]); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out, func(a, b storedBaseline) int {
		return cmp.Or(cmp.Compare(b.Created, a.Created), cmp.Compare(b.Version, a.Version))
	})
	return out, nil
}

// version reads one version whole.
func (t *Table) version(group, version string) (pipeline.Baseline, error) {
	base := t.path("baselines", group, version)
	var stored storedBaseline
	if err := readJSON(base+".json", &stored); err != nil {
		return pipeline.Baseline{}, fmt.Errorf("find baseline %s of %s: %w", version, group, err)
	}
	data, err := os.ReadFile(base + ".facts")
	if err == nil && digest(data) != stored.SHA256 {
		err = errors.New("its facts do not have their digest")
	}
	if err != nil {
		return pipeline.Baseline{}, fmt.Errorf("read baseline %s of %s: %w", version, group, err)
	}
	stored.Data = data
	return stored.Baseline, nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
