package local

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"diffy/pkg/pipeline"
	"diffy/pkg/pipeline/storetest"
)

func TestStores(t *testing.T) {
	table := NewTable(t.TempDir())
	storetest.Run(t, storetest.Stores{
		Objects: Folder{Root: t.TempDir()}, Baselines: table, Suppressions: table, Runs: table, Storm: table,
		Shelf: table, Declarations: table,
	})
}

// What is under runs/<run>/ lies at the top, and no key leads out.
func TestFolder(t *testing.T) {
	f := Folder{Root: t.TempDir(), Run: "r1"}
	tests := []struct {
		name string
		o    pipeline.Object
		want string // file; empty: refused
	}{
		{"result", pipeline.Object{Bucket: pipeline.Work, Key: "runs/r1/result.json"}, "result.json"},
		{"another run", pipeline.Object{Bucket: pipeline.Work, Key: "runs/r2/result.json"}, "runs/r2/result.json"},
		{"upload", pipeline.Object{Bucket: pipeline.Intake, Key: "intake/r1/x"}, "intake/r1/x"},
		{"artifact", pipeline.Object{Bucket: pipeline.Intake, Key: "artifacts/x"}, "intake/artifacts/x"},
		{"up", pipeline.Object{Bucket: pipeline.Work, Key: "runs/r1/../../x"}, ""},
		{"absolute", pipeline.Object{Bucket: pipeline.Work, Key: "/etc/x"}, ""},
		{"nothing", pipeline.Object{Bucket: pipeline.Work}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := f.Put(context.Background(), test.o, []byte("x"))
			if test.want == "" {
				if err == nil {
					t.Error("it was written")
				}
				return
			}
			if _, found := os.Stat(filepath.Join(f.Root, test.want)); err != nil || found != nil {
				t.Errorf("write: %v, %v", err, found)
			}
		})
	}
}

// A baseline whose facts were changed is an error, not a baseline.
func TestBaselineDigest(t *testing.T) {
	ctx, table := context.Background(), NewTable(t.TempDir())
	b := pipeline.Baseline{Group: "g", Version: "v", Created: "2026-11-24T00:00:00Z", Data: []byte("facts")}
	if err := table.Store(ctx, b); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(table.path("baselines", "g", "v")+".facts", []byte("fakes"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := table.Find(ctx, "g", "auto"); !errors.Is(err, pipeline.ErrDamaged) {
		t.Errorf("error %v", err)
	}
}
