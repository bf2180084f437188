package snapshot

import "sync"

// scratch is memory that reading needs and hosts do not keep. It goes from unit
// to unit: for a host of usual size it costs more to get than all else.
type scratch struct {
	line line
	file []byte // a file's content
	log  []byte // lines that have been read and not yet passed
}

// scratches holds nothing but memory: which one a unit gets changes nothing.
var scratches = sync.Pool{New: func() any { return new(scratch) }}

// maxScratch is how much memory is kept, in bytes: more than a usual host needs.
const maxScratch = 8 << 20

// release gives the memory back, unless a host made it very large.
func (s *scratch) release() {
	size := cap(s.file) + cap(s.log)
	for _, t := range []*rows{&s.line.rows, &s.line.gone} {
		size += cap(t.text) + 8*cap(t.spans) + 32*cap(t.late)
		t.reset()
		clear(t.columns[:cap(t.columns)]) // their names are the hosts'
		clear(t.heads[:cap(t.heads)])
	}
	s.line.members, s.line.array, s.line.repeats = [fieldCount]member{}, array{}, nil
	if size <= maxScratch {
		scratches.Put(s)
	}
}
