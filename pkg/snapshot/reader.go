package snapshot

import (
	"bytes"
	"hash/maphash"
)

// Reader reads units one after the other as Unit.Read does, and reads an answer
// that hosts give alike to the byte only once: those hosts share the memory of the
// table, which nobody may change. A Reader is for one goroutine.
type Reader struct {
	limits  Limits
	repeats repeats
}

// NewReader returns a Reader that has met nothing yet.
func NewReader(l Limits) *Reader {
	return &Reader{limits: l, repeats: repeats{seed: maphash.MakeSeed(), once: map[uint64]struct{}{}, tables: map[uint64]repeat{}}}
}

// Read reads one unit.
func (r *Reader) Read(u Unit) ([]*Host, error) {
	reading := newReading(u.Path, r.limits)
	reading.repeats = &r.repeats
	return u.read(reading)
}

// repeats remembers tables by the bytes of the array that they were read from.
// Under the same limits the same bytes are the same table.
type repeats struct {
	seed   maphash.Seed
	once   map[uint64]struct{} // digests of arrays that were met once
	tables map[uint64]repeat   // by digest
	size   int                 // bytes that tables hold, about
}

type repeat struct {
	raw   []byte
	table Table
}

// Arrays shorter than leastRepeat are read as fast as looked up. The other two
// bound what hosts that have nothing in common can cost.
const (
	leastRepeat = 512      // bytes
	maxRepeats  = 16 << 20 // bytes
	maxOnce     = 1 << 16
)

// array is the text of an array in a line, and the table that it is known to be.
type array struct {
	raw   []byte // nil: not to be remembered
	sum   uint64
	known *Table // nil: not met before
}

// find looks an array up by its text, which is good until the line is.
func (r *repeats) find(raw []byte) array {
	if r == nil || len(raw) < leastRepeat {
		return array{}
	}
	a := array{raw: raw, sum: maphash.Bytes(r.seed, raw)}
	if t, ok := r.tables[a.sum]; ok && bytes.Equal(t.raw, raw) {
		a.known = &t.table
	}
	return a
}

// keep remembers what an array was read as, if it has been met before: what only
// one host says is not worth its memory.
func (r *repeats) keep(a array, t Table) {
	if _, again := r.once[a.sum]; !again {
		if len(r.once) == maxOnce {
			clear(r.once)
		}
		r.once[a.sum] = struct{}{}
		return
	}
	if r.size += 3 * len(a.raw); r.size > maxRepeats { // the text, its copy in the table, the cells
		r.size = 0
		clear(r.tables)
	}
	r.tables[a.sum] = repeat{bytes.Clone(a.raw), t}
}
