package snapshot

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is how long a host's or query's name may be, in bytes: a DNS name has
// 253 at most, an instance id 19.
const maxName = 200

// hostName makes a host's name safe to use as a part of a path and to print: a
// byte that is not, and % itself, is shown as % and two hex digits; what is too
// long ends with a digest. So names that differ stay different.
func hostName(name string) string {
	if name == "." || name == ".." {
		return strings.ReplaceAll(name, ".", "%2E")
	}
	return safeName(name, `/\%`)
}

// queryName makes a query's name safe to print.
func queryName(name string) string { return safeName(name, "") }

func safeName(name, unwanted string) string {
	safe := name
	if !isSafe(name, unwanted) {
		safe = encode(name, unwanted)
	}
	if len(safe) <= maxName {
		return safe
	}
	sum := sha256.Sum256([]byte(name))
	return strings.ToValidUTF8(safe[:maxName-17], "") + "~" + hex.EncodeToString(sum[:8])
}

func isSafe(name, unwanted string) bool {
	return utf8.ValidString(name) && !strings.ContainsAny(name, unwanted) &&
		strings.IndexFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

func encode(name, unwanted string) string {
	var b strings.Builder
	for i := 0; i < len(name) && b.Len() <= maxName; {
		_, n := utf8.DecodeRuneInString(name[i:])
		if !isSafe(name[i:i+n], unwanted) {
			for _, c := range []byte(name[i : i+n]) {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		} else {
			b.WriteString(name[i : i+n])
		}
		i += n
	}
	return b.String()
}

// packDelimiters are those that osquery's --pack_delimiter is set to: the
// default, Fleet's, and others in use.
const packDelimiters = "_/:.|#"

// withoutPack returns a scheduled query's name without the prefix that osquery
// gives to queries of packs: pack, delimiter, the pack's name, delimiter. The
// pack's name ends at the first delimiter, as nothing says more. A name that is
// not of that form is returned as it is.
func withoutPack(name string) string {
	rest, ok := strings.CutPrefix(name, "pack")
	if !ok || rest == "" || !strings.Contains(packDelimiters, rest[:1]) {
		return name
	}
	pack, query, ok := strings.Cut(rest[1:], rest[:1])
	if !ok || pack == "" || query == "" {
		return name
	}
	return query
}

// stem returns a file's name without folder and endings: what its host or query
// is called where a file is named for one.
func stem(file string) string {
	name := file[strings.LastIndexAny(file, `/\`)+1:]
	name = strings.TrimSuffix(name, ".gz")
	for _, ending := range logEndings {
		if short, ok := strings.CutSuffix(name, ending); ok && short != "" {
			return short
		}
	}
	return name
}

var logEndings = []string{".json", ".jsonl", ".ndjson", ".log"}
