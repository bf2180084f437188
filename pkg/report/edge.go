package report

import "io"

// Visible makes a string from outside safe to print: what a reader could not see,
// or what a terminal would obey, is spelled out. For programs that show single
// values beside the formats of this package.
func Visible(s string) string { return visible(s) }

// Encode writes any value as JSON does a result: indented, and nothing in it that
// a terminal would obey.
func Encode(w io.Writer, v any) error { return writeJSON(w, v, "  ") }
