package pack

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
)

//go:embed pack.yaml techniques.yaml queries tables
var embedded embed.FS

var technique = regexp.MustCompile(`^T\d{4}(\.\d{3})?$`)

// Load returns the pack that is compiled in.
func Load() (*Pack, error) { return LoadFS(embedded) }

// LoadFS reads a pack: pack.yaml (name, version, templates, order of the
// queries), techniques.yaml (ATT&CK id: name), queries/<tactic>/<name>.yaml and
// tables/<table>.yaml. The error joins all that is wrong, each with file and line.
func LoadFS(files fs.FS) (*Pack, error) {
	l := &loader{files: files, pack: &Pack{byName: map[string]*Query{}, tables: map[string]*Query{}}}
	order := l.header()
	l.techniques()
	found := l.queries()
	l.plain()
	l.arrange(order, found)
	if err := errors.Join(l.problems...); err != nil {
		return nil, fmt.Errorf("load pack: %w", err)
	}
	return l.pack, nil
}

type loader struct {
	files    fs.FS
	pack     *Pack
	problems []error
}

// read opens one file as a document; what is wrong with it goes to the loader.
func (l *loader) read(name string, use func(d *document, content []byte)) {
	content, err := fs.ReadFile(l.files, name)
	if err != nil {
		l.problems = append(l.problems, fmt.Errorf("read %s: %w", name, err))
		return
	}
	d := &document{file: name}
	use(d, content)
	l.problems = append(l.problems, d.problems...)
}

func (l *loader) header() (order []word) {
	l.read("pack.yaml", func(d *document, content []byte) {
		for _, f := range d.parse(content) {
			switch f.key {
			case "name":
				l.pack.Name = d.text(f.value).text
			case "version":
				l.pack.Version = d.text(f.value).text
			case "templates":
				l.pack.Templates = d.text(f.value).text
			case "order":
				order = d.list(f.value)
			default:
				d.fail(f.line, "unknown field %q", f.key)
			}
		}
		if l.pack.Name == "" || l.pack.Version == "" || l.pack.Templates == "" {
			d.fail(1, "expected name, version, templates and order")
		}
	})
	return order
}

func (l *loader) techniques() {
	l.read("techniques.yaml", func(d *document, content []byte) {
		fields := d.parse(content)
		l.pack.Techniques = make(map[string]string, len(fields))
		for _, f := range fields {
			if !technique.MatchString(f.key) {
				d.fail(f.line, "%q is no technique: expected T1234 or T1234.567", f.key)
			}
			l.pack.Techniques[f.key] = d.text(f.value).text
		}
	})
}

// queries reads every query and returns the file of each name.
func (l *loader) queries() map[string]string {
	found := map[string]string{}
	for _, name := range l.glob("queries/*/*.yaml") {
		q := l.query(name, false)
		if first, twice := found[q.Name]; twice {
			l.problems = append(l.problems, fmt.Errorf("%s:1: query %q is already in %s", name, q.Name, first))
			continue
		}
		found[q.Name] = name
		l.pack.byName[q.Name] = q
	}
	return found
}

func (l *loader) plain() {
	for _, name := range l.glob("tables/*.yaml") {
		q := l.query(name, true)
		l.pack.tables[q.Name] = q
		l.pack.Tables = append(l.pack.Tables, q)
	}
}

func (l *loader) query(name string, table bool) (q *Query) {
	q = &Query{Name: path.Base(name)}
	l.read(name, func(d *document, content []byte) {
		q = d.query(content, table, l.pack.Techniques)
	})
	return q
}

// arrange puts the queries in the order of pack.yaml, which names each once.
func (l *loader) arrange(order []word, found map[string]string) {
	d := &document{file: "pack.yaml"}
	listed := map[string]bool{}
	for _, w := range order {
		q := l.pack.byName[w.text]
		switch {
		case q == nil:
			d.fail(w.line, "order names query %q, which is nowhere", w.text)
		case listed[w.text]:
			d.fail(w.line, "order names query %q twice", w.text)
		default:
			l.pack.Queries = append(l.pack.Queries, q)
		}
		listed[w.text] = true
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if !listed[name] {
			d.fail(1, "order leaves out query %q of %s", name, found[name])
		}
	}
	l.problems = append(l.problems, d.problems...)
}

func (l *loader) glob(pattern string) []string {
	names, err := fs.Glob(l.files, pattern)
	if err != nil {
		l.problems = append(l.problems, err)
	}
	return names
}
