package local

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// Table keeps runs, locks, baselines and suppressions as files of one folder.
// Several goroutines of one process may use it. Between processes the last writer
// wins; nothing is ever half there.
type Table struct {
	root string
	mu   sync.Mutex // held from reading a record to writing it
}

var (
	_ pipeline.Runs         = (*Table)(nil)
	_ pipeline.Baselines    = (*Table)(nil)
	_ pipeline.Suppressions = (*Table)(nil)
)

// NewTable returns the table of a folder, which need not be there yet.
func NewTable(root string) *Table { return &Table{root: root} }

func (t *Table) path(kind string, names ...string) string {
	path := filepath.Join(t.root, kind)
	for _, name := range names {
		path = filepath.Join(path, pipeline.Segment(name))
	}
	return path
}

// SaveRun implements pipeline.Runs.
func (t *Table) SaveRun(_ context.Context, r pipeline.Run) error {
	return writeJSON(t.path("runs", r.ID)+".json", r)
}

// BeginRun implements pipeline.Runs.
func (t *Table) BeginRun(ctx context.Context, r pipeline.Run) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, err := t.LoadRun(ctx, r.ID)
	switch {
	case err == nil:
		return fmt.Errorf("save run %s: %w", r.ID, pipeline.ErrExists)
	case !errors.Is(err, pipeline.ErrNotFound):
		return err
	}
	return t.SaveRun(ctx, r)
}

// LoadRun implements pipeline.Runs.
func (t *Table) LoadRun(_ context.Context, id string) (r pipeline.Run, err error) {
	return r, readJSON(t.path("runs", id)+".json", &r)
}

// Suppressions implements pipeline.Suppressions: the files of
// suppressions/<group>, and those of suppressions itself for all groups.
func (t *Table) Suppressions(_ context.Context, group string) ([]triage.Suppression, error) {
	files, err1 := jsonFiles(t.path("suppressions", group))
	general, err2 := jsonFiles(t.path("suppressions"))
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	files = append(files, general...)
	out := make([]triage.Suppression, len(files))
	for i, file := range files {
		if err := readJSON(file, &out[i]); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out, func(a, b triage.Suppression) int { return cmp.Compare(a.Finding, b.Finding) })
	return out, nil
}

// jsonFiles lists the records of a folder, which need not be there.
func jsonFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if !e.IsDir() && strings.HasSuffix(e.Name(), ".json") {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files, nil
}

func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", " ")
	if err == nil {
		err = writeFile(path, append(data, '\n'), os.Rename)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func readJSON(path string, v any) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read %s: %w", path, pipeline.ErrNotFound)
	}
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}
