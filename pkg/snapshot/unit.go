package snapshot

import (
	"os"
	"path/filepath"

	"diffy/pkg/triage"
)

// Read reads the unit's hosts, sorted by name. Whatever is wrong with a host or
// one of its queries is in Host.Errors; an error means that the unit has no host
// that could be named. A log <host>.jsonl that holds nothing is such a host, cut.
func (u Unit) Read(l Limits) ([]*Host, error) { return u.read(newReading(u.Path, l)) }

func (u Unit) read(r *reading) ([]*Host, error) {
	if u.kind == formTable {
		r.folder(folderHost(u.Path), u.Path, u.files)
		return r.finish()
	}
	for _, file := range u.files {
		r.open(file)
	}
	hosts, err := r.finish()
	if len(u.files) == 1 {
		u.named.rename(u.files[0], hosts)
	}
	if err != nil && isLines(u.Path) {
		return []*Host{{
			Name: hostName(stem(u.Path)), Source: u.Path, Cut: true,
			Errors: []triage.QueryError{{Error: err.Error()}},
		}}, nil
	}
	return hosts, err
}

// open reads one log of the unit.
func (r *reading) open(path string) {
	file, err := os.Open(path)
	if err != nil {
		r.lost(func() string { return path + ": cannot be opened: " + cause(err) })
		r.cut = true
		return
	}
	defer file.Close()
	r.log(file, path)
}

// folderHost is the name of the host that a folder is named for.
func folderHost(dir string) string {
	if whole, err := filepath.Abs(dir); err == nil {
		dir = whole
	}
	return filepath.Base(dir)
}
