package pack

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// A document is one YAML file of the pack. Everything wrong with it is added to
// problems with its line, so that one load names all mistakes.
type document struct {
	file     string
	problems []error
}

// field is one key of a mapping with its value.
type field struct {
	key   string
	line  int
	value ast.Node
}

// word is a string with the line it stands on.
type word struct {
	text string
	line int
}

func (d *document) fail(line int, format string, args ...any) {
	d.problems = append(d.problems, fmt.Errorf("%s:%d: %s", d.file, line, fmt.Sprintf(format, args...)))
}

// parse returns the fields of the file's mapping.
func (d *document) parse(content []byte) []field {
	file, err := parser.ParseBytes(content, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.syntax(err)
		return nil
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		d.fail(1, "expected one YAML document")
		return nil
	}
	return d.mapping(file.Docs[0].Body)
}

func (d *document) syntax(err error) {
	var bad *yaml.SyntaxError
	if errors.As(err, &bad) && bad.Token != nil && bad.Token.Position != nil {
		d.fail(bad.Token.Position.Line, "%s", bad.Message)
		return
	}
	d.fail(1, "%v", err)
}

// mapping returns a mapping's fields; a key that comes twice is an error.
func (d *document) mapping(node ast.Node) []field {
	var values []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		d.fail(lineOf(node), "expected fields with values")
		return nil
	}
	fields := make([]field, 0, len(values))
	first := make(map[string]int, len(values))
	for _, v := range values {
		f := field{key: v.Key.GetToken().Value, line: lineOf(v.Key), value: v.Value}
		if line, twice := first[f.key]; twice {
			d.fail(f.line, "field %q is already on line %d", f.key, line)
			continue
		}
		first[f.key] = f.line
		fields = append(fields, f)
	}
	return fields
}

func (d *document) text(node ast.Node) word {
	w := word{line: lineOf(node)}
	switch n := node.(type) {
	case *ast.StringNode:
		w.text = n.Value
	case *ast.LiteralNode:
		w.text = n.Value.Value
	default:
		d.fail(w.line, "expected a text")
	}
	return w
}

func (d *document) flag(node ast.Node) bool {
	b, ok := node.(*ast.BoolNode)
	if !ok {
		d.fail(lineOf(node), "expected true or false")
		return false
	}
	return b.Value
}

func (d *document) number(node ast.Node) float64 {
	switch n := node.(type) {
	case *ast.FloatNode:
		return n.Value
	case *ast.IntegerNode:
		switch v := n.Value.(type) {
		case int64:
			return float64(v)
		case uint64:
			return float64(v)
		}
	}
	d.fail(lineOf(node), "expected a number")
	return 0
}

func (d *document) list(node ast.Node) []word {
	seq, ok := node.(*ast.SequenceNode)
	if !ok {
		d.fail(lineOf(node), "expected a list")
		return nil
	}
	words := make([]word, 0, len(seq.Values))
	for _, v := range seq.Values {
		words = append(words, d.text(v))
	}
	return words
}

func lineOf(node ast.Node) int {
	if node == nil {
		return 1
	}
	if t := node.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 1
}

func texts(words []word) []string {
	if len(words) == 0 {
		return nil
	}
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = w.text
	}
	return list
}
