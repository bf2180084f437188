package snapshot

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Unit is evidence that can be read by itself: a host's folder, a log, or
// several logs that tell of the same hosts.
type Unit struct {
	Path string // the file or folder; of several logs the folder they were found in

	kind  form
	files []string // in the order in which they are read
	named claims   // of all units that were found with it
}

// Skip is something in a folder that is not read, and why.
type Skip struct {
	Path, Reason string
}

// Find looks for evidence in files and folders, folders to any depth. It reads
// the beginning of files to tell their form; only where several logs of osqueryd
// are found under one path it reads them whole, to see which of them tell of the
// same hosts and make up one unit.
//
// A path that is not there, cannot be read or is a file without evidence is an
// error. What is no evidence in a folder is skipped, and so are symbolic links,
// which a host that packed the folder could point anywhere. Units come sorted by
// path. The same host may be in two units: the caller sees it when they are read
// and has Host.Source to name them. But a log <host>.jsonl that speaks of a host
// with a log of its own keeps the name of its file.
//
// Standard input is no path: see ReadLog.
func Find(paths []string) ([]Unit, []Skip, error) {
	f := finder{folders: make(map[string]*Unit)}
	for _, path := range paths {
		if err := f.path(path); err != nil {
			return nil, nil, err
		}
	}
	for _, u := range f.folders {
		f.units = append(f.units, *u)
	}
	var files []string
	for _, u := range f.units {
		files = append(files, u.files...)
	}
	named := claimsOf(files)
	for i := range f.units {
		f.units[i].named = named
	}
	slices.SortFunc(f.units, func(a, b Unit) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), slices.Compare(a.files, b.files))
	})
	return f.units, f.skipped, nil
}

// finder is one search.
type finder struct {
	units   []Unit
	skipped []Skip
	logs    []string         // of osqueryd, under the path that is being searched
	folders map[string]*Unit // that are being gathered from single files
}

func (f *finder) skip(path, reason string) {
	f.skipped = append(f.skipped, Skip{path, reason})
}

// path searches one of the paths that the caller named.
func (f *finder) path(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("read %s: %s", path, cause(err))
	}
	switch {
	case info.IsDir():
		if _, err := f.folder(path); err != nil {
			return fmt.Errorf("read %s: %s", path, cause(err))
		}
		f.units = append(f.units, groupLogs(path, f.logs)...)
		f.logs = nil
		return nil
	case !info.Mode().IsRegular(): // a pipe can be read once only
		f.units = append(f.units, Unit{Path: path, kind: formOwn, files: []string{path}})
		return nil
	}
	return f.file(path)
}

// file takes a file that the caller named.
func (f *finder) file(path string) error {
	switch kind, reason := sniff(path); {
	case kind == formTable || kind == formAnswers:
		f.gather(kind, path)
	case kind == formOwn || kind == formLog || isLines(path):
		f.units = append(f.units, Unit{Path: path, kind: formOwn, files: []string{path}})
	default:
		return errors.New(path + ": " + reason)
	}
	return nil
}

// gather puts files together that lie in the same folder: a host's tables, or
// the answers of the same hosts to several queries.
func (f *finder) gather(kind form, file string) {
	dir := filepath.Dir(file)
	key := fmt.Sprint(kind, dir)
	if f.folders[key] == nil {
		f.folders[key] = &Unit{Path: dir, kind: kind}
	}
	if u := f.folders[key]; !slices.Contains(u.files, file) {
		u.files = append(u.files, file)
	}
}

// isLines reports whether a file's name says that it is a log, so that it is one
// even when its content cannot be told: a host is not lost because its log is
// empty or damaged.
func isLines(path string) bool {
	name := strings.TrimSuffix(path, ".gz")
	return strings.HasSuffix(name, ".jsonl") || strings.HasSuffix(name, ".ndjson")
}

// folder searches a folder and reports whether there is evidence in it. Its
// error is that the folder itself cannot be read.
func (f *finder) folder(dir string) (found bool, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	var files []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case e.IsDir():
			sub, err := f.folder(path)
			if err != nil {
				f.skip(path, "cannot be read: "+cause(err))
			}
			found = found || sub
		case e.Type()&fs.ModeSymlink != 0:
			f.skip(path, "a symbolic link is not followed")
		case !e.Type().IsRegular():
			f.skip(path, "expected a file or folder")
		default:
			files = append(files, path)
		}
	}
	if len(entries) == 0 {
		f.skip(dir, "expected files of evidence, found an empty folder")
	}
	return f.contents(dir, files, !found) || found, nil
}
