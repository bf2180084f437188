package local

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"diffy/pkg/pipeline"
)

// storedBaseline is the header of a version: baselines/<group>/<version>.json, that
// of a weak one baselines/<group>/good/<run>.json. The facts lie beside it and are
// written first.
type storedBaseline struct {
	pipeline.Baseline
	pipeline.Approval
	SHA256 string `json:"sha256"` // of the facts, hex
}

// keptWeak is how many weak baselines a group has at most.
const keptWeak = 2

// base is the path of a version without its extensions.
func (t *Table) base(group, version string, weak bool) string {
	if weak {
		return filepath.Join(t.weakDir(group), pipeline.Segment(version))
	}
	return t.path("baselines", group, version)
}

func (t *Table) weakDir(group string) string {
	return filepath.Join(t.path("baselines", group), "good")
}

// Find implements pipeline.Baselines.
func (t *Table) Find(ctx context.Context, group, version string) ([]pipeline.Baseline, error) {
	if version != "" && version != "auto" {
		b, err := t.version(group, version)
		if err != nil {
			return nil, err
		}
		return []pipeline.Baseline{b}, nil
	}
	versions, err := t.Versions(ctx, group)
	if err != nil {
		return nil, err
	}
	var out []pipeline.Baseline
	for _, v := range inUse(versions) {
		b, err := t.read(group, v.Version, v.Weak)
		switch {
		case err != nil && v.Weak: // it is no loss
		case err != nil:
			return nil, err
		default:
			out = append(out, b)
		}
	}
	return out, nil
}

// inUse picks the versions that Find returns: those that count, or every weak one
// where one of them does.
func inUse(versions []pipeline.Version) []pipeline.Version {
	weak := slices.ContainsFunc(versions, func(v pipeline.Version) bool { return v.Used && v.Weak })
	return slices.DeleteFunc(versions, func(v pipeline.Version) bool { return !v.Used && !(weak && v.Weak) })
}

// Store implements pipeline.Baselines.
func (t *Table) Store(_ context.Context, b pipeline.Baseline) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	old, err := t.read(b.Group, b.Version, b.Weak)
	switch {
	case err == nil && string(old.Data) == string(b.Data):
		return nil
	case err == nil && !b.Weak:
		return fmt.Errorf("store baseline %s of %s: %w", b.Version, b.Group, pipeline.ErrExists)
	case err != nil && !b.Weak && !errors.Is(err, pipeline.ErrNotFound):
		return err
	}
	base := t.base(b.Group, b.Version, b.Weak)
	if err := writeFile(base+".facts", b.Data, os.Rename); err != nil {
		return fmt.Errorf("store baseline %s of %s: %w", b.Version, b.Group, err)
	}
	b.Approved = false
	err = writeJSON(base+".json", storedBaseline{Baseline: b, SHA256: digest(b.Data)})
	if err == nil && b.Weak {
		err = t.forget(b.Group)
	}
	return err
}

// forget removes the weak baselines that later ones have taken the place of.
func (t *Table) forget(group string) error {
	headers, err := readHeaders(t.weakDir(group))
	if err != nil {
		return err
	}
	for _, h := range headers[min(keptWeak, len(headers)):] {
		if err := remove(t.base(group, h.Version, true)); err != nil {
			return fmt.Errorf("forget weak baseline %s of %s: %w", h.Version, group, err)
		}
	}
	return nil
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

// version reads one version whole, one that was stored on purpose rather than a
// weak one.
func (t *Table) version(group, version string) (pipeline.Baseline, error) {
	b, err := t.read(group, version, false)
	if errors.Is(err, pipeline.ErrNotFound) {
		return t.read(group, version, true)
	}
	return b, err
}

func (t *Table) read(group, version string, weak bool) (pipeline.Baseline, error) {
	base := t.base(group, version, weak)
	var stored storedBaseline
	if err := readJSON(base+".json", &stored); err != nil {
		return pipeline.Baseline{}, fmt.Errorf("find baseline %s of %s: %w", version, group, err)
	}
	data, err := os.ReadFile(base + ".facts")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("its facts are gone: %w", pipeline.ErrDamaged)
	case err == nil && digest(data) != stored.SHA256:
		err = fmt.Errorf("its facts do not have their digest: %w", pipeline.ErrDamaged)
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
