package report

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// defang breaks whatever a mail or chat program would make a link of, in the way
// that responders know: hxxp is not needed where "://" has become "[:]//", and a
// name or address of the internet has "[.]" for its dots. Paths, units and
// private addresses stay readable.
func defang(s string) string {
	s = strings.ReplaceAll(s, "://", "[:]//")
	if !strings.Contains(s, ".") {
		return s
	}
	var b strings.Builder
	end := 0
	for _, at := range dotted.FindAllStringIndex(s, -1) {
		b.WriteString(s[end:at[0]])
		name := s[at[0]:at[1]]
		if !inPath(s[:at[0]]) && (domain(name) || publicAddress(name)) {
			name = strings.ReplaceAll(name, ".", "[.]")
		}
		b.WriteString(name)
		end = at[1]
	}
	return b.String() + s[end:]
}

// dotted are words with dots in them.
var dotted = regexp.MustCompile(`[\pL\pN_-]+(?:\.[\pL\pN_-]+)+`)

// inPath reports whether what follows is a segment of a path: no program looks for
// a link there. Two slashes begin an address.
func inPath(before string) bool {
	before = strings.TrimRight(before, ".")
	return strings.HasSuffix(before, "/") && !strings.HasSuffix(before, "//")
}

// domain reports whether a word may be a name of the internet: its last label has
// letters only, and no system uses it for files, units or names of its own.
func domain(word string) bool {
	last := word[strings.LastIndexByte(word, '.')+1:]
	if strings.HasPrefix(last, "xn--") {
		return true
	}
	notLetter := func(r rune) bool { return !unicode.IsLetter(r) }
	return utf8.RuneCountInString(last) > 1 && !strings.ContainsFunc(last, notLetter) && !slices.Contains(noDomains, strings.ToLower(last))
}

// noDomains end names of files, of systemd's units and of private networks, and
// are no top-level domains.
var noDomains = []string{
	"automount", "cfg", "cnf", "conf", "crt", "csr", "deb", "gz", "ini", "internal", "json", "key", "lan", "local", "localdomain", "lock",
	"log", "mount", "pem", "pid", "rpm", "scope", "service", "slice", "sock", "socket", "swap", "tar", "target", "timer", "tmp", "toml",
	"txt", "xml", "xz", "yaml", "yml",
}

func publicAddress(word string) bool {
	a, err := netip.ParseAddr(word)
	return err == nil && a.IsGlobalUnicast() && !a.IsPrivate()
}
