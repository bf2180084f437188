package local

import (
	"context"
	"strings"

	"diffy/pkg/pipeline"
)

// shelf is the objects of one run together with what earlier runs have left, which
// is only read.
type shelf struct {
	Folder
	own     string // the run that is written
	retried string // an earlier run …
	dir     string // … and its folder, where that is not the one that the table knows
	table   *Table
}

// Get implements pipeline.Objects.
func (s shelf) Get(ctx context.Context, o pipeline.Object, limit int64) ([]byte, error) {
	rest, ok := strings.CutPrefix(o.Key, "runs/")
	run, _, _ := strings.Cut(rest, "/")
	if !ok || run == s.own {
		return s.Folder.Get(ctx, o, limit)
	}
	if run == s.retried && s.dir != "" {
		return Folder{Root: s.dir, Run: run}.Get(ctx, o, limit)
	}
	dir, err := s.table.Folder(ctx, run)
	if err != nil {
		return nil, err
	}
	return Folder{Root: dir, Run: run}.Get(ctx, o, limit)
}

// Objects is what a run has left in its folder, together with what earlier runs
// have left that it refers to.
func Objects(t *Table, run, dir string) pipeline.Objects {
	return shelf{Folder: Folder{Root: dir, Run: run}, own: run, table: t}
}
