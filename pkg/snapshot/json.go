package snapshot

import (
	"encoding/binary"
	"math/bits"
)

// fault is a place where JSON is not what it has to be. It never holds what is
// there, only what kind of thing it is: the bytes are evidence.
type fault struct {
	at    int // bytes from the beginning of the line or file
	want  string
	found string // empty: where the data ends
}

// scanner walks over JSON without building anything. It takes any byte up to
// the space for white space and any byte in a string: what a sloppy writer did
// is read, what is ambiguous is a fault.
type scanner struct {
	data []byte
	at   int
}

// space returns the first place from at on that is no white space.
func space(data []byte, at int) int {
	for at < len(data) && data[at] <= ' ' {
		at++
	}
	return at
}

// next passes over white space and returns the byte that follows, 0 at the end.
func (s *scanner) next() byte {
	s.at = space(s.data, s.at)
	if s.at >= len(s.data) {
		return 0
	}
	return s.data[s.at]
}

// fault says what was expected at the current place.
func (s *scanner) fault(want string) *fault { return faultAt(s.data, s.at, want) }

func faultAt(data []byte, at int, want string) *fault {
	f := &fault{at: at, want: want}
	if at < len(data) {
		f.found = kindOf(data[at])
	}
	return f
}

// kindOf names what begins with a byte.
func kindOf(c byte) string {
	switch {
	case c == '"':
		return "a string"
	case c == '{':
		return "an object"
	case c == '[':
		return "an array"
	case c == '-' || c >= '0' && c <= '9':
		return "a number"
	case c == '}' || c == ']' || c == ',' || c == ':':
		return string(c)
	}
	return "other text"
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// stringEnd returns the place of the first quote or backslash from at on, or
// the end of data. It looks at eight bytes at a time.
func stringEnd(data []byte, at int) int {
	for ; at+8 <= len(data); at += 8 {
		w := binary.LittleEndian.Uint64(data[at:])
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		if hit := ((quote-ones)&^quote | (slash-ones)&^slash) & highs; hit != 0 {
			return at + bits.TrailingZeros64(hit)/8
		}
	}
	for at < len(data) && data[at] != '"' && data[at] != '\\' {
		at++
	}
	return at
}

// closingQuote returns the place of the quote that ends the string whose
// content begins at at, and whether there are escapes before it; len(data) if
// the string has no end.
func closingQuote(data []byte, at int) (end int, escaped bool) {
	for {
		at = stringEnd(data, at)
		if at >= len(data) || data[at] == '"' {
			return min(at, len(data)), escaped
		}
		escaped = true
		at += 2
	}
}

// text reads a string or a number and returns its value, nil for null. It may be
// a part of the data.
func (s *scanner) text() ([]byte, *fault) {
	switch c := s.next(); {
	case c == '"':
		start := s.at + 1
		end, escaped := closingQuote(s.data, start)
		if end == len(s.data) {
			return nil, faultAt(s.data, end, "the end of a string")
		}
		s.at = end + 1
		if !escaped {
			return s.data[start:end], nil
		}
		value, _ := unescape([]byte{}, s.data[start:end])
		return value, nil
	case isBare(c):
		start := s.at
		s.at = bareEnd(s.data, s.at)
		if word := s.data[start:s.at]; string(word) != "null" {
			return word, nil
		}
		return nil, nil
	}
	return nil, s.fault("a string or a number")
}

// isBare reports whether a byte may be part of a number, true, false or null.
func isBare(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '+' || c == '.'
}

func bareEnd(data []byte, at int) int {
	for at < len(data) && isBare(data[at]) {
		at++
	}
	return at
}

// skip passes over any value. Of arrays and objects it sees that the brackets
// match and no more.
func (s *scanner) skip() *fault {
	switch c := s.next(); {
	case c == '{' || c == '[':
		return s.skipNested()
	case c == '"':
		return s.skipString()
	case isBare(c):
		s.at = bareEnd(s.data, s.at)
		return nil
	}
	return s.fault("a value")
}

func (s *scanner) skipString() *fault {
	s.at, _ = closingQuote(s.data, s.at+1)
	if s.at == len(s.data) {
		return s.fault("the end of a string")
	}
	s.at++
	return nil
}

func (s *scanner) skipNested() *fault {
	var open [maxDepth]byte
	for depth := 0; ; {
		switch c := s.next(); c {
		case '"':
			if f := s.skipString(); f != nil {
				return f
			}
			continue
		case '{', '[':
			if depth == maxDepth {
				return s.fault("JSON that is not nested as deep")
			}
			open[depth] = c + 2 // in ASCII the closing bracket is two further on
			depth++
		case '}', ']', 0:
			if open[depth-1] != c {
				return s.fault(string(open[depth-1]))
			}
			if depth--; depth == 0 {
				s.at++
				return nil
			}
		}
		s.at++
	}
}
