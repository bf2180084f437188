package pack

import (
	"fmt"
	"strings"
)

// BundleQuery is one more statement for a run: a pivot's, or with a name alone a
// query of the pack that is collected on request only.
type BundleQuery struct{ Name, SQL string }

// Bundle returns what a host reads: the extra queries, then those of the tiers in
// pack order, each a line of name, tab and statement. The extra ones come first, as
// a host that runs out of time answers what comes first, and they are what the run
// is about. No statement holds a tab or a line break, whatever the values in it are.
func (p *Pack) Bundle(tiers []string, extra []BundleQuery) []byte {
	var b strings.Builder
	for _, x := range extra {
		sql := x.SQL
		if q := p.Query(x.Name); q != nil && sql == "" {
			sql = q.SQL
		}
		writeLine(&b, x.Name, sql)
	}
	for _, q := range p.Select(tiers) {
		writeLine(&b, q.Name, q.SQL)
	}
	return []byte(b.String())
}

func writeLine(b *strings.Builder, name, sql string) {
	fmt.Fprintf(b, "%s\t%s\n", strings.Map(nameRune, name), oneLine(sql))
}

func nameRune(r rune) rune {
	if r < 0x80 && isWordByte(byte(r)) {
		return r
	}
	return '_'
}

// oneLine folds a statement: comments go, white space between words becomes one
// space, strings stay what they are. A control character in a string is written
// as char(n), so that no value can begin a line of its own.
func oneLine(sql string) string {
	var b strings.Builder
	for i := 0; i < len(sql); {
		end, err := lexeme(sql, i)
		if err != nil { // a quote that never ends: the host's SQLite says so
			end = len(sql)
		}
		text := sql[i:end]
		i = end
		if !isBlank(text) {
			writeFolded(&b, text)
		} else if !strings.HasSuffix(b.String(), " ") {
			b.WriteByte(' ')
		}
	}
	return strings.TrimRight(strings.TrimSpace(b.String()), "; ")
}

func writeFolded(b *strings.Builder, lexeme string) {
	for i := range len(lexeme) {
		switch c := lexeme[i]; {
		case c >= ' ':
			b.WriteByte(c)
		case lexeme[0] == '\'':
			fmt.Fprintf(b, "'||char(%d)||'", c)
		default:
			b.WriteByte(' ')
		}
	}
}
