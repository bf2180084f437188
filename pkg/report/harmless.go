package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"diffy/pkg/triage"
)

// maxValue is how many characters of one value any format but JSON shows.
const maxValue = 4000

// harmless copies a result so that no string in it can act on a reader: control
// characters, bidirectional overrides, invisible characters and bytes that are no
// UTF-8 become visible escapes, and very long values are cut with a mark.
func harmless(r *triage.Result) *triage.Result {
	value := func(s string) string { return cut(visible(s), maxValue) }
	// Doubled backslashes keep two names of one row from becoming the same name.
	column := func(s string) string { return value(strings.ReplaceAll(s, `\`, `\\`)) }
	return copier{value, column}.result(r)
}

// visible spells out every character that a reader could not see or that could
// move what is around it.
func visible(s string) string {
	if allShown(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if shown(r) && (r != utf8.RuneError || n > 1) {
			b.WriteString(s[:n])
		} else {
			writeEscape(&b, r, s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

func allShown(s string) bool {
	for i, r := range s {
		if !shown(r) {
			return false
		}
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)) {
			return false
		}
	}
	return true
}

// shown reports whether a character has a shape of its own. IsPrint leaves out
// controls, formats and every space but the plain one; the braille blank and the
// fillers that count as letters look like nothing.
func shown(r rune) bool {
	const brailleBlank = '\u2800'
	return unicode.IsPrint(r) && r != brailleBlank && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

func writeEscape(b *strings.Builder, r rune, raw string) {
	switch {
	case r == '\n':
		b.WriteString(`\n`)
	case r == '\t':
		b.WriteString(`\t`)
	case r == '\r':
		b.WriteString(`\r`)
	case r == utf8.RuneError && len(raw) == 1:
		fmt.Fprintf(b, `\x%02x`, raw[0])
	case r < 0x80:
		fmt.Fprintf(b, `\x%02x`, r)
	default:
		fmt.Fprintf(b, `\u{%04x}`, r)
	}
}

// cut shortens s to limit characters and says how many are left out.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	n := utf8.RuneCountInString(s)
	if n <= limit {
		return s
	}
	end, left := 0, limit
	for i := range s {
		if left == 0 {
			end = i
			break
		}
		left--
	}
	return fmt.Sprintf("%s… (%s more)", s[:end], plural(n-limit, "character"))
}
