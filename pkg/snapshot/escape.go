package snapshot

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// unescape appends the value of a JSON string's content to dst. A surrogate
// without its other half becomes the three bytes that UTF-8 would have for it,
// so that two values that differ stay different. Something after a backslash
// that is no escape is kept as it is, and ok is false.
func unescape(dst, raw []byte) (value []byte, ok bool) {
	ok = true
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 || i+1 == len(raw) {
			return append(dst, raw...), ok && i < 0
		}
		dst = append(dst, raw[:i]...)
		if raw[i+1] == 'u' {
			var n int
			dst, n = unescapeUnicode(dst, raw[i:])
			ok = ok && n > 2
			raw = raw[i+n:]
			continue
		}
		if c := escapes[raw[i+1]]; c != 0 {
			dst = append(dst, c)
		} else {
			dst, ok = append(dst, raw[i:i+2]...), false
		}
		raw = raw[i+2:]
	}
}

var escapes = [256]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// unescapeUnicode appends the rune of the \u escape, or pair of them, that raw
// begins with, and returns how many bytes of raw that was.
func unescapeUnicode(dst, raw []byte) ([]byte, int) {
	r, ok := hex4(raw)
	if !ok {
		return append(dst, raw[:2]...), 2
	}
	if !utf16.IsSurrogate(r) {
		return utf8.AppendRune(dst, r), 6
	}
	if low, ok := hex4(raw[6:]); ok {
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return utf8.AppendRune(dst, pair), 12
		}
	}
	return append(dst, 0xE0|byte(r>>12), 0x80|byte(r>>6)&0x3F, 0x80|byte(r)&0x3F), 6
}

// hex4 reads a \u escape.
func hex4(raw []byte) (rune, bool) {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range raw[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
