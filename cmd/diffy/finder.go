package main

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// finder looks for one value.
type finder struct {
	value string
	part  bool // it may be a part of a longer value
}

var hash = regexp.MustCompile(`^[0-9A-Fa-f]{32,128}$`)

// shortest is how long a value has to be to be looked for inside of others.
const shortest = 6

func newFinder(value string) finder {
	if hash.MatchString(value) {
		return finder{strings.ToLower(value), true} // as osquery writes it
	}
	odd := strings.ContainsFunc(value, func(r rune) bool { return !wordly(r) })
	return finder{value, odd && len(value) >= shortest}
}

func wordly(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// in reports whether a value is the one looked for, or holds it by itself: not as
// a part of a longer word, path or address.
func (f finder) in(v string) bool {
	if v == f.value {
		return true
	}
	if !f.part {
		return false
	}
	for from := 0; ; from++ {
		i := strings.Index(v[from:], f.value)
		if i < 0 {
			return false
		}
		from += i
		if !f.begun(v[:from]) && !f.goesOn(v[from+len(f.value):]) {
			return true
		}
	}
}

// begun reports whether what stands before the value is the beginning of
// something longer. Before a name a dot is not: a domain is seen in those below it.
func (f finder) begun(before string) bool {
	r, size := utf8.DecodeLastRuneInString(before)
	if r == '.' && unicode.IsDigit(rune(f.value[0])) {
		r, _ = utf8.DecodeLastRuneInString(before[:len(before)-size])
	}
	return f.joins(r)
}

// goesOn reports whether the value goes on in what stands after it. The dot at the
// end of a sentence is no part of it.
func (f finder) goesOn(after string) bool {
	r, size := utf8.DecodeRuneInString(after)
	if r == '.' {
		r, _ = utf8.DecodeRuneInString(after[size:])
	}
	return f.joins(r)
}

// joins reports whether a character beside the value makes it a part of something
// longer. A slash does so to a path.
func (f finder) joins(r rune) bool {
	return wordly(r) || r == '_' || r == '-' || r == '/' && strings.HasPrefix(f.value, "/")
}
