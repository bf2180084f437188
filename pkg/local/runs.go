package local

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"diffy/pkg/pipeline"
)

// Runs lists the runs of this machine, latest first.
func (t *Table) Runs(_ context.Context) ([]pipeline.Run, error) {
	files, err := jsonFiles(t.path("runs"))
	if err != nil {
		return nil, err
	}
	out := make([]pipeline.Run, len(files))
	for i, file := range files {
		if err := readJSON(file, &out[i]); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out, func(a, b pipeline.Run) int {
		return cmp.Or(cmp.Compare(b.Started, a.Started), cmp.Compare(b.ID, a.ID))
	})
	return out, nil
}

// KeepFolder remembers where the files of a run are when that is not its folder
// in here.
func (t *Table) KeepFolder(_ context.Context, run, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil || dir == t.path("runs", run) {
		return err
	}
	return writeFile(t.path("runs", run)+".folder", []byte(dir), os.Rename)
}

// Folder returns where the files of a run are.
func (t *Table) Folder(_ context.Context, run string) (string, error) {
	dir, err := os.ReadFile(t.path("runs", run) + ".folder")
	if errors.Is(err, os.ErrNotExist) {
		return t.path("runs", run), nil
	}
	return string(dir), err
}
