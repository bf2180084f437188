package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// Suppress declares a finding known and good, in place of what was declared of it
// before. It counts in every group: a finding's id is made of its group.
func (t *Table) Suppress(_ context.Context, s triage.Suppression) error {
	return writeJSON(t.path("suppressions", s.Finding)+".json", s)
}

// Suppressed lists what was declared, expired or not, in the order of findings.
func (t *Table) Suppressed(_ context.Context) ([]triage.Suppression, error) {
	files, err := t.suppressionFiles()
	if err != nil {
		return nil, err
	}
	out := make([]triage.Suppression, len(files))
	for i, file := range files {
		if err := readJSON(file, &out[i]); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(out, func(a, b triage.Suppression) int { return cmp.Compare(a.Finding, b.Finding) })
	return out, nil
}

// Unsuppress takes back what was declared of a finding, ErrNotFound when nothing
// was.
func (t *Table) Unsuppress(_ context.Context, finding string) error {
	files, err := t.suppressionFiles()
	found := false
	for _, file := range files {
		if filepath.Base(file) == pipeline.Segment(finding)+".json" {
			found = true
			err = errors.Join(err, os.Remove(file))
		}
	}
	if err == nil && !found {
		err = pipeline.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("remove suppression of %s: %w", finding, err)
	}
	return nil
}

// suppressionFiles are those of all groups and those in the folder of one.
func (t *Table) suppressionFiles() ([]string, error) {
	root := t.path("suppressions")
	files, err := jsonFiles(root)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if e.IsDir() {
			of, err := jsonFiles(filepath.Join(root, e.Name()))
			if err != nil {
				return nil, err
			}
			files = append(files, of...)
		}
	}
	return files, nil
}
