package detect

import "math/bits"

// hostSet is a set of hosts by their place in the group.
type hostSet []uint64

func newHostSet(n int) hostSet { return make(hostSet, (n+63)/64) }

func (s hostSet) add(i int)      { s[i/64] |= 1 << (i % 64) }
func (s hostSet) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

func (s hostSet) count() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

func (s hostSet) empty() bool { return s.count() == 0 }

func (s hostSet) equal(o hostSet) bool {
	for i, w := range s {
		if w != o[i] {
			return false
		}
	}
	return true
}

// within reports whether all hosts of the set are in the other.
func (s hostSet) within(o hostSet) bool {
	for i, w := range s {
		if w&^o[i] != 0 {
			return false
		}
	}
	return true
}

// isBoth reports whether the set is the hosts that are in both of two others.
func (s hostSet) isBoth(a, b hostSet) bool {
	for i, w := range s {
		if w != a[i]&b[i] {
			return false
		}
	}
	return true
}

func (s hostSet) combine(o hostSet, op func(a, b uint64) uint64) hostSet {
	out := make(hostSet, len(s))
	for i, w := range s {
		out[i] = op(w, o[i])
	}
	return out
}

func (s hostSet) and(o hostSet) hostSet {
	return s.combine(o, func(a, b uint64) uint64 { return a & b })
}

func (s hostSet) or(o hostSet) hostSet {
	return s.combine(o, func(a, b uint64) uint64 { return a | b })
}

func (s hostSet) minus(o hostSet) hostSet {
	return s.combine(o, func(a, b uint64) uint64 { return a &^ b })
}

// overlap counts the hosts in both sets.
func (s hostSet) overlap(o hostSet) int {
	n := 0
	for i, w := range s {
		n += bits.OnesCount64(w & o[i])
	}
	return n
}

// each calls f with every host of the set, in order.
func (s hostSet) each(f func(i int)) {
	for k, w := range s {
		for ; w != 0; w &= w - 1 {
			f(k*64 + bits.TrailingZeros64(w))
		}
	}
}

// first returns the first host of the set, -1 when it is empty.
func (s hostSet) first() int {
	for k, w := range s {
		if w != 0 {
			return k*64 + bits.TrailingZeros64(w)
		}
	}
	return -1
}

// key is the set as a map key.
func (s hostSet) key() string {
	b := make([]byte, 0, len(s)*8)
	for _, w := range s {
		for range 8 {
			b = append(b, byte(w))
			w >>= 8
		}
	}
	return string(b)
}
