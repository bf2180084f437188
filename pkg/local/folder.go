package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"diffy/pkg/pipeline"
)

// Folder keeps objects as files, all buckets in one folder under the keys that
// they have in S3. With Run it is of that run alone: what is under runs/<Run>/ lies
// at the top, and what is the run's for as long as it collects under intake/.
type Folder struct {
	Root string
	Run  string
}

var _ pipeline.Objects = Folder{}

// path returns the file of an object. A key never leads out of the folder.
func (f Folder) path(o pipeline.Object) (string, error) {
	key := o.Key
	switch {
	case f.Run == "":
	case o.Bucket == pipeline.Intake:
		key = "intake/" + strings.TrimPrefix(key, "intake/")
	default:
		key = strings.TrimPrefix(key, "runs/"+f.Run+"/")
	}
	if !fs.ValidPath(key) || key == "." {
		return "", fmt.Errorf("find %q: it is no key", o.Key)
	}
	return filepath.Join(f.Root, filepath.FromSlash(key)), nil
}

// Get implements pipeline.Objects.
func (f Folder) Get(_ context.Context, o pipeline.Object, limit int64) ([]byte, error) {
	path, err := f.path(o)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("read %s: %w", o.Key, pipeline.ErrNotFound)
	case err != nil:
		return nil, err
	}
	defer func() { _ = file.Close() }() // read only
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(data)) > limit:
		return nil, fmt.Errorf("read %s: more than %d bytes: %w", o.Key, limit, pipeline.ErrTooLarge)
	}
	return data, nil
}

// Put implements pipeline.Objects.
func (f Folder) Put(_ context.Context, o pipeline.Object, data []byte) error {
	return f.write(o, data, os.Rename)
}

// PutOnce implements pipeline.Objects.
func (f Folder) PutOnce(_ context.Context, o pipeline.Object, data []byte) error {
	err := f.write(o, data, os.Link) // fails when the name is taken
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("write %s: %w", o.Key, pipeline.ErrExists)
	}
	return err
}

// write makes the whole file beside its place first: a reader never sees half.
func (f Folder) write(o pipeline.Object, data []byte, place func(from, to string) error) error {
	path, err := f.path(o)
	if err != nil {
		return err
	}
	return writeFile(path, data, place)
}

func writeFile(path string, data []byte, place func(from, to string) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Close()); err == nil {
		err = place(file.Name(), path)
	}
	if gone := os.Remove(file.Name()); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}
