package pack

import (
	"errors"
	"fmt"
	"strings"
)

// token is a piece of an SQL statement: a word, a number, a quoted string or
// name, or one sign.
type token struct {
	text  string
	depth int // how many parentheses are open around it
}

func (t token) is(word string) bool { return t.depth == 0 && strings.EqualFold(t.text, word) }

// selected returns the names of the columns that a statement selects, in order.
// It knows the SQL of packs: one SELECT or several joined by UNION, each item of
// the list a plain column or anything with AS.
func selected(sql string) ([]string, error) {
	tokens, err := scan(sql)
	if err != nil {
		return nil, err
	}
	var columns []string
	for i, part := range split(tokens, "UNION") {
		list, err := selectList(part)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			if columns, err = columnNames(list); err != nil {
				return nil, err
			}
		} else if len(list) != len(columns) {
			return nil, fmt.Errorf("UNION of %d and %d columns", len(columns), len(list))
		}
	}
	return columns, nil
}

// selectList returns the items between SELECT and FROM.
func selectList(tokens []token) ([][]token, error) {
	if len(tokens) > 0 && tokens[0].is("ALL") { // of UNION ALL
		tokens = tokens[1:]
	}
	if len(tokens) == 0 || !tokens[0].is("SELECT") {
		return nil, errors.New("not a SELECT statement")
	}
	list := split(tokens[1:], "FROM")[0]
	if len(list) > 0 && list[0].is("DISTINCT") {
		list = list[1:]
	}
	return split(list, ","), nil
}

func columnNames(list [][]token) ([]string, error) {
	columns := make([]string, 0, len(list))
	seen := make(map[string]bool, len(list))
	for _, item := range list {
		name := columnName(item)
		if name == "" {
			return nil, fmt.Errorf("column %d of the select list has no name: say AS", len(columns)+1)
		}
		if seen[name] {
			return nil, fmt.Errorf("selects column %q twice", name)
		}
		seen[name] = true
		columns = append(columns, name)
	}
	return columns, nil
}

// columnName returns the name that an item gets: after AS, or the column itself.
func columnName(item []token) string {
	n := len(item)
	switch {
	case n >= 3 && item[n-2].is("AS") && isWord(item[n-1].text):
		return item[n-1].text
	case n == 1 && isWord(item[0].text):
		return item[0].text
	case n == 3 && item[1].is(".") && isWord(item[2].text):
		return item[2].text
	}
	return ""
}

// split cuts tokens at each one that is the word, outside of parentheses.
func split(tokens []token, word string) [][]token {
	var parts [][]token
	start := 0
	for i, t := range tokens {
		if t.is(word) {
			parts = append(parts, tokens[start:i])
			start = i + 1
		}
	}
	return append(parts, tokens[start:])
}

// scan cuts a statement into tokens, comments left out.
func scan(sql string) ([]token, error) {
	var tokens []token
	depth := 0
	for i := 0; i < len(sql); {
		end, err := lexeme(sql, i)
		if err != nil {
			return nil, err
		}
		text := sql[i:end]
		i = end
		switch {
		case isBlank(text):
			continue
		case text == ")":
			depth--
		}
		tokens = append(tokens, token{text, depth})
		if text == "(" {
			depth++
		}
	}
	if depth != 0 {
		return nil, errors.New("parentheses do not match")
	}
	return tokens, nil
}

// lexeme returns the end of the piece of SQL that begins at i: white space and
// comments are pieces too.
func lexeme(sql string, i int) (int, error) {
	switch c := sql[i]; {
	case isSpace(c):
		return run(sql, i, isSpace), nil
	case strings.HasPrefix(sql[i:], "--"):
		return run(sql, i, func(c byte) bool { return c != '\n' }), nil
	case strings.HasPrefix(sql[i:], "/*"):
		return closing(sql, i, i+2, "*/")
	case c == '\'' || c == '"' || c == '`':
		return closing(sql, i, i+1, string(c))
	case isWordByte(c):
		return run(sql, i, isWordByte), nil
	}
	return i + 1, nil
}

// run returns the end of the bytes from i on that belong.
func run(sql string, i int, belongs func(byte) bool) int {
	for i < len(sql) && belongs(sql[i]) {
		i++
	}
	return i
}

// closing returns the end of what began at start, after its closing mark. A
// doubled quote reads as two strings side by side, which changes nothing here.
func closing(sql string, start, from int, mark string) (int, error) {
	n := strings.Index(sql[from:], mark)
	if n < 0 {
		return 0, fmt.Errorf("%s without its end", sql[start:from])
	}
	return from + n + len(mark), nil
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func isWordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

func isWord(s string) bool { return s != "" && isWordByte(s[0]) && (s[0] < '0' || s[0] > '9') }

func isBlank(lexeme string) bool {
	return isSpace(lexeme[0]) || strings.HasPrefix(lexeme, "--") || strings.HasPrefix(lexeme, "/*")
}
