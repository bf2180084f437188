package facts

// known is a row that has been met, by its raw cells, and the fact it is on every
// host that does not find itself in it.
type known struct {
	cells string
	fact  *Fact
	grams uint64 // what is in those cells that are templated

	next, other *known // the rows that came after this one, the latest first
}

// maxKnown bounds what rows that are remembered take, in bytes: more than those
// of near-identical hosts do. knownSize is what one takes besides its cells.
const (
	maxKnown  = 16 << 20
	knownSize = 120
)

// remember notes that a row is a fact. What was remembered before is forgotten
// when there is too much of it.
func (s *Set) remember(t *Table, cells []byte, f *Fact, grams uint64) *known {
	if s.knownBytes += len(cells) + knownSize; s.knownBytes > maxKnown {
		s.knownBytes = 0
		for _, t := range s.tables {
			t.known, t.head = nil, known{}
		}
	}
	if t.known == nil {
		t.known = map[string]*known{}
	}
	k := &known{cells: string(cells), fact: f, grams: grams}
	t.known[k.cells] = k
	return k
}

// walk goes through the rows of a table in step with the hosts before: hosts of a
// group send nearly the same rows in nearly the same order, so the next row is
// mostly one that came next there, and comparing is cheaper than looking up. What
// is guessed wrong is looked up; nothing depends on the guess.
type walk struct {
	prev  *known // the row before; of the first row the table's head
	wrong int    // guesses in a row
}

// Where so many guesses in a row were wrong, the rows come in no order.
const maxWrong = 8

// guess returns the row if it is one of those that came next, or next but one,
// else nil.
func (w *walk) guess(v *view, row []string, r int) *known {
	next := w.prev.next
	if next == nil || w.wrong == maxWrong {
		return nil
	}
	for _, k := range [...]*known{next, w.prev.other, next.next} {
		if k != nil && k.is(v, row, r) {
			w.wrong = 0
			return k
		}
	}
	w.wrong++
	return nil
}

func (k *known) is(v *view, row []string, r int) bool {
	rest, ok := k.cells, true
	for _, col := range v.cells {
		if rest, ok = cutField(rest, v.value(row, r, col.at)); !ok {
			return false
		}
	}
	return true
}

// step goes on behind a row; k is nil if it is not remembered.
func (w *walk) step(k *known) {
	if k == nil || w.wrong == maxWrong {
		return
	}
	if w.prev.next != k {
		w.prev.next, w.prev.other = k, w.prev.next
	}
	w.prev = k
}
