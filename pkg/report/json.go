package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"diffy/pkg/triage"
)

// JSON writes the result by its contract (docs/result.schema.json): indented, no
// null lists. Values are the hosts' own; characters that a terminal would obey or
// a reader could not see are written as JSON escapes, which changes no value.
// Bytes that are no UTF-8 become U+FFFD.
func JSON(w io.Writer, r *triage.Result) error {
	same := func(s string) string { return s }
	out := copier{same, same}.result(r)
	for i := range out.Findings {
		if out.Findings[i].Key == nil {
			out.Findings[i].Key = triage.Row{}
		}
	}
	return writeJSON(w, out, "  ")
}

func writeJSON(w io.Writer, v any, indent string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("encode result: %w", err)
	}
	_, err := w.Write(escapeUnseen(b.Bytes()))
	return err
}

// escapeUnseen writes what encoding/json leaves as it is (DEL, C1 controls,
// bidirectional and invisible characters) as \u escapes. In JSON they can only
// stand inside strings.
func escapeUnseen(in []byte) []byte {
	out := make([]byte, 0, len(in))
	for len(in) > 0 {
		r, n := utf8.DecodeRune(in)
		switch {
		case r == '\n' || r == utf8.RuneError || shown(r):
			out = append(out, in[:n]...)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, hi, lo)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		in = in[n:]
	}
	return out
}
