package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"diffy/pkg/pipeline"
)

// verifyFolder checks the objects of the manifest in a run's folder, those of
// earlier runs in theirs.
func (a *app) verifyFolder(ctx context.Context, dir string) (v verification, err error) {
	name := filepath.Join(dir, "manifest.json")
	data, err := os.ReadFile(name)
	if err != nil {
		return v, usage("give the folder that a run has left: it has a manifest.json", "read %s: %w", name, bare(err))
	}
	v, m, err := begin(data)
	if err != nil {
		return v, failed(fmt.Errorf("in %s: %w", dir, err))
	}
	listed := map[string]bool{}
	for _, o := range m.Objects {
		from := dir
		if o.Run == "" {
			listed[o.Key] = true
		} else if from, err = a.table().Folder(ctx, o.Run); err != nil {
			return v, failed(err)
		}
		if why := differs(from, o); why != "" {
			v.Problems = append(v.Problems, problem{o.Key, why})
		} else {
			v.Verified++
		}
	}
	more, err := unlisted(dir, listed)
	v.Problems = append(v.Problems, more...)
	return v, failed(err)
}

// differs says in what an object is not what the manifest says of it. The key is
// no way out of the folder, whatever it says.
func differs(dir string, o pipeline.ManifestEvidence) string {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "the folder of run " + o.Run + " is not there"
	}
	defer func() { _ = root.Close() }() // read only
	file, err := root.Open(filepath.FromSlash(o.Key))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "it is missing"
	case err != nil:
		return "it cannot be read: " + bare(err).Error()
	}
	defer func() { _ = file.Close() }() // read only
	hash := sha256.New()
	size, err := io.Copy(hash, file)
	if err != nil {
		return "it cannot be read: " + bare(err).Error()
	}
	return compared(hex.EncodeToString(hash.Sum(nil)), size, o)
}

// unlisted finds evidence that the manifest does not know.
func unlisted(dir string, listed map[string]bool) ([]problem, error) {
	var out []problem
	err := fs.WalkDir(os.DirFS(dir), "evidence", func(key string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && key == "evidence":
			return fs.SkipAll
		case err != nil:
			return err
		case !e.IsDir() && !listed[key]:
			out = append(out, problem{key, "it is not in the manifest"})
		}
		return nil
	})
	return out, err
}
