package facts

import (
	"bufio"
	"compress/gzip"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"slices"

	"diffy/pkg/pack"
)

// A Set is stored as a compressed gob stream, which keeps values byte for byte:
// the format and the hosts in name order, then for each table what chose its
// rule and its facts in their order. The same Set gives the same bytes.
type encodedSet struct {
	Format    string
	Pack      string
	Version   string
	Templates string
	Hosts     []*Host
}

type encodedTable struct {
	Query   string
	Columns []string // that chose the rule
	Ours    bool
	Facts   int
}

type encodedFact struct {
	Key     []string
	Values  []string
	Hosts   []uint32 // places in the list of hosts
	First   uint32
	Columns []string
	Row     []string
}

const setFormat = "diffy.facts/1"

// ErrTemplates says that a Set was made with other templates or another pack
// than it is to be compared by: it has to be made again from the evidence.
var ErrTemplates = errors.New("facts were made by another pack or other templates")

// Encode writes the Set.
func (s *Set) Encode(w io.Writer) error {
	zip := gzip.NewWriter(w)
	out := gob.NewEncoder(zip)
	hosts := s.Hosts()
	place := make([]uint32, len(hosts)) // place in s.hosts → place in name order
	for i, h := range hosts {
		place[s.index[h.Name]] = uint32(i)
	}
	err := out.Encode(encodedSet{setFormat, s.pack.Name, s.pack.Version, s.pack.Templates, hosts})
	for _, t := range s.Tables() {
		err = errors.Join(err, out.Encode(encodedTable{t.Rule.Name, t.columns, t.ours, len(t.Facts)}))
		for _, f := range t.Sorted() {
			moved := make([]uint32, len(f.Hosts))
			for i, h := range f.Hosts {
				moved[i] = place[h]
			}
			slices.Sort(moved)
			err = errors.Join(err, out.Encode(encodedFact{f.Key, f.Values, moved, place[f.first], f.Row.Columns, f.Row.Values}))
		}
	}
	if err = errors.Join(err, zip.Close()); err != nil {
		return fmt.Errorf("encode facts: %w", err)
	}
	return nil
}

// Decode reads a Set that Encode wrote with the same pack and templates.
func Decode(p *pack.Pack, r io.Reader) (*Set, error) {
	zip, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("decode facts: %w", err)
	}
	in := gob.NewDecoder(bufio.NewReader(zip))
	var head encodedSet
	if err := in.Decode(&head); err != nil {
		return nil, fmt.Errorf("decode facts: %w", err)
	}
	if head.Format != setFormat {
		return nil, fmt.Errorf("decode facts: format %q, expected %q", head.Format, setFormat)
	}
	if head.Pack != p.Name || head.Version != p.Version || head.Templates != p.Templates {
		return nil, fmt.Errorf("decode facts of pack %s %s, templates %s: %w", head.Pack, head.Version, head.Templates, ErrTemplates)
	}
	s := NewSet(p)
	for _, h := range head.Hosts {
		if _, twice := s.index[h.Name]; twice {
			return nil, fmt.Errorf("decode facts: host %q twice", h.Name)
		}
		s.addHost(h)
	}
	for {
		var head encodedTable
		if err := in.Decode(&head); errors.Is(err, io.EOF) {
			return s, nil
		} else if err != nil {
			return nil, fmt.Errorf("decode facts: %w", err)
		}
		if err := s.decodeTable(in, head); err != nil {
			return nil, fmt.Errorf("decode facts of %s: %w", head.Query, err)
		}
	}
}

func (s *Set) decodeTable(in *gob.Decoder, head encodedTable) error {
	t := s.table(head.Query, head.Columns, head.Ours)
	for range head.Facts {
		var e encodedFact
		if err := in.Decode(&e); err != nil {
			return err
		}
		for _, h := range append(e.Hosts, e.First) {
			if int(h) >= len(s.hosts) {
				return fmt.Errorf("fact names host %d of %d", h, len(s.hosts))
			}
		}
		if len(e.Columns) != len(e.Row) || len(e.Key) != len(t.Rule.Key) || len(e.Values) != len(t.Rule.Compare) {
			return errors.New("fact does not fit its rule")
		}
		f := &Fact{Key: e.Key, Values: e.Values, Hosts: e.Hosts, Row: Raw{e.Columns, e.Row}, first: e.First}
		t.Facts[f.identity()] = f
	}
	return nil
}
