package pack

import (
	"errors"
	"path"
)

// CheckFile says what is wrong with one file of a pack: a query in the folder of
// its tactic, or a rule in tables. It may name the techniques of p. The error joins
// all mistakes, each with the file's name and line.
func (p *Pack) CheckFile(name string, content []byte) error {
	d := &document{file: name}
	d.query(content, path.Base(path.Dir(name)) == "tables", p.Techniques)
	return errors.Join(d.problems...)
}
