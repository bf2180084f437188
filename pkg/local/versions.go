package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"diffy/pkg/pipeline"
)

// Versions lists the baselines of a group, newest first, weak ones last.
func (t *Table) Versions(_ context.Context, group string) ([]pipeline.Version, error) {
	return versionsIn(t.path("baselines", group))
}

// Groups names the groups that have baselines, in order.
func (t *Table) Groups(context.Context) ([]string, error) {
	root := t.path("baselines")
	entries, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var groups []string
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		versions, err := versionsIn(filepath.Join(root, e.Name()))
		if err != nil {
			return nil, err
		}
		if len(versions) > 0 {
			groups = append(groups, versions[0].Group)
		}
	}
	slices.Sort(groups)
	return groups, nil
}

func versionsIn(dir string) ([]pipeline.Version, error) {
	chosen, err1 := readHeaders(dir)
	weak, err2 := readHeaders(filepath.Join(dir, "good"))
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	var out []pipeline.Version
	for _, h := range slices.Concat(chosen, weak) {
		out = append(out, pipeline.Version{Baseline: h.Baseline, Approval: h.Approval})
	}
	pipeline.MarkUsed(out)
	return out, nil
}

// Approve records that somebody calls a version clean. Approving again records
// the later approval.
func (t *Table) Approve(_ context.Context, group, version, by string, at time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	path := t.base(group, version, false) + ".json"
	var stored storedBaseline
	if err := readJSON(path, &stored); err != nil {
		return fmt.Errorf("approve baseline %s of %s: %w", version, group, err)
	}
	stored.Approved = true
	stored.Approval = pipeline.Approval{By: by, At: at.UTC().Format(time.RFC3339)}
	return writeJSON(path, stored)
}

// Delete removes a version, and the weak one of that name. Called again after it
// was interrupted it removes what is left.
func (t *Table) Delete(_ context.Context, group, version string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	found := false
	for _, weak := range []bool{false, true} {
		err := remove(t.base(group, version, weak))
		found = found || err == nil
		if err != nil && !errors.Is(err, pipeline.ErrNotFound) {
			return fmt.Errorf("delete baseline %s of %s: %w", version, group, err)
		}
	}
	if !found {
		return fmt.Errorf("delete baseline %s of %s: %w", version, group, pipeline.ErrNotFound)
	}
	_ = os.Remove(t.weakDir(group)) // stays while there are other versions
	_ = os.Remove(t.path("baselines", group))
	return nil
}

// remove removes the files of a version: the header first, so that nobody reads
// half of it. ErrNotFound when there is neither.
func remove(base string) error {
	header, facts := os.Remove(base+".json"), os.Remove(base+".facts")
	none := func(err error) bool { return errors.Is(err, fs.ErrNotExist) }
	switch {
	case none(header) && none(facts):
		return pipeline.ErrNotFound
	case none(header):
		return facts
	case none(facts):
		return header
	}
	return errors.Join(header, facts)
}
