package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"diffy/pkg/pipeline"
)

// Version is what is known of a stored baseline without its facts.
type Version struct {
	pipeline.Baseline
	Approval
	Used bool // by those who ask for the group's baseline and name no version
}

// Approval says who has looked at a baseline and called it clean, and when.
type Approval struct {
	By string `json:"approved_by,omitempty"`
	At string `json:"approved_at,omitempty"` // RFC 3339, UTC
}

// Versions lists the baselines of a group, newest first.
func (t *Table) Versions(group string) ([]Version, error) {
	return versionsIn(t.path("baselines", group))
}

// AllVersions lists the baselines of every group, the groups by name.
func (t *Table) AllVersions() ([]Version, error) {
	root := t.path("baselines")
	entries, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var out []Version
	for _, e := range entries {
		if e.IsDir() {
			found, err := versionsIn(filepath.Join(root, e.Name()))
			if err != nil {
				return nil, err
			}
			out = append(out, found...)
		}
	}
	slices.SortStableFunc(out, func(a, b Version) int { return strings.Compare(a.Group, b.Group) })
	return out, nil
}

func versionsIn(dir string) ([]Version, error) {
	headers, err := readHeaders(dir)
	if err != nil {
		return nil, err
	}
	used := inUse(headers)
	var out []Version
	for _, h := range headers {
		counts := slices.ContainsFunc(used, func(u storedBaseline) bool { return u.Version == h.Version })
		out = append(out, Version{h.Baseline, h.Approval, counts})
	}
	return out, nil
}

// Approve records that somebody calls a version clean. Approving again records
// the later approval.
func (t *Table) Approve(_ context.Context, group, version, by string, at time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	path := t.path("baselines", group, version) + ".json"
	var stored storedBaseline
	if err := readJSON(path, &stored); err != nil {
		return fmt.Errorf("approve baseline %s of %s: %w", version, group, err)
	}
	stored.Approved, stored.Approval = true, Approval{By: by, At: at.UTC().Format(time.RFC3339)}
	return writeJSON(path, stored)
}

// Delete removes a version: the header first, so that nobody reads half of it.
func (t *Table) Delete(_ context.Context, group, version string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	base := t.path("baselines", group, version)
	err := os.Remove(base + ".json")
	if errors.Is(err, fs.ErrNotExist) {
		err = pipeline.ErrNotFound
	}
	if err == nil {
		err = os.Remove(base + ".facts")
	}
	if err != nil {
		return fmt.Errorf("delete baseline %s of %s: %w", version, group, err)
	}
	_ = os.Remove(filepath.Dir(base)) // stays while there are other versions
	return nil
}
