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

// Suppress writes suppressions/<group>/<finding>.json, or without a group
// suppressions/<finding>.json. It declares a finding of a group known and good, in place of what was
// declared of it before. Without a group it counts in every one, which a finding's
// id, being made of its group, narrows down again.
func (t *Table) Suppress(_ context.Context, group string, s triage.Suppression) error {
	return writeJSON(t.suppression(group, s.Finding), pipeline.Declared{Group: group, Suppression: s})
}

func (t *Table) suppression(group, finding string) string {
	if group == "" {
		return t.path("suppressions", finding) + ".json"
	}
	return t.path("suppressions", group, finding) + ".json"
}

// Suppressed lists what was declared, expired or not, in the order of findings.
func (t *Table) Suppressed(context.Context) ([]pipeline.Declared, error) {
	files, err := t.suppressionFiles()
	if err != nil {
		return nil, err
	}
	out := make([]pipeline.Declared, len(files))
	for i, file := range files {
		if err := readJSON(file, &out[i]); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(out, func(a, b pipeline.Declared) int {
		return cmp.Or(cmp.Compare(a.Finding, b.Finding), cmp.Compare(a.Group, b.Group))
	})
	return out, nil
}

// Unsuppress takes back what was declared of a finding in a group, or in every one
// where that is empty; ErrNotFound when nothing was.
func (t *Table) Unsuppress(_ context.Context, group, finding string) error {
	err := os.Remove(t.suppression(group, finding))
	if errors.Is(err, fs.ErrNotExist) {
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
