package facts

import (
	"net/netip"
	"strings"
)

// match reads the token at i and returns its length and, when it is one that
// templates replace, what stands for it.
func match(s string, i int, id *identity) (n int, token string) {
	if id != nil {
		for _, name := range id.names {
			if ownName(s, i, name) {
				id.told = true
				return len(name), tokenHost
			}
		}
	}
	if n := addressAt(s, i); n > 0 {
		addr, err := netip.ParseAddr(s[i : i+n])
		if err == nil && local(addr, s[i:i+n], id) {
			return n, tokenAddr
		}
		if err == nil {
			return n, ""
		}
	}
	for _, m := range matchers {
		if n, token := m(s, i); n > 0 {
			return n, token
		}
	}
	n = 1
	for i+n < len(s) && wordByte(s[i+n]) {
		n++
	}
	return n, ""
}

// matchers are tried in order at the start of each token; each returns the
// length it covers and its replacement.
var matchers = []func(s string, i int) (int, string){
	matchInterface,
	matchUUID, matchDate, matchAddressName, matchCloudID, matchInstance, matchStartups, matchWord,
}

func ownName(s string, i int, name string) bool {
	end := i + len(name)
	return end <= len(s) && strings.EqualFold(s[i:end], name) && (end == len(s) || !wordByte(s[end]))
}

// addressAt returns the length of what looks like an IPv4 or IPv6 address.
func addressAt(s string, i int) int {
	j, dots, colons := i, 0, 0
	for ; j < len(s); j++ {
		switch c := s[j]; {
		case c >= '0' && c <= '9':
		case c == '.' && j+1 < len(s) && s[j+1] >= '0' && s[j+1] <= '9':
			dots++
		case c == ':' && dots == 0:
			colons++
		case (c|0x20 >= 'a' && c|0x20 <= 'f') && dots == 0:
		default:
			goto end
		}
	}
end:
	if dots == 3 && colons == 0 || colons >= 2 {
		if j < len(s) && wordByte(s[j]) {
			return 0
		}
		return j - i
	}
	return 0
}

// startsAddress6 reports whether an address that begins with "::" is at i.
func startsAddress6(s string, i int) bool {
	return strings.HasPrefix(s[i:], "::") && (i == 0 || !wordByte(s[i-1]) && s[i-1] != ':') &&
		i+2 < len(s) && wordByte(s[i+2]) && addressAt(s, i) > 0
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; !(s[i] >= '0' && s[i] <= '9' || c >= 'a' && c <= 'f') {
			return false
		}
	}
	return s != ""
}

func bounded(s string, end int) bool { return end >= len(s) || !wordByte(s[end]) }

func matchUUID(s string, i int) (int, string) {
	const length = 36
	if i+length > len(s) || !bounded(s, i+length) {
		return 0, ""
	}
	for k, part := 0, 0; k < length; k++ {
		if k == 8 || k == 13 || k == 18 || k == 23 {
			if s[i+k] != '-' || !isHex(s[i+part:i+k]) {
				return 0, ""
			}
			part = k + 1
		}
	}
	if !isHex(s[i+24 : i+length]) {
		return 0, ""
	}
	return length, tokenUUID
}

// matchDate matches 2026-11-24, with a time behind it or not, and 20261124.
func matchDate(s string, i int) (int, string) {
	if n := shape(s, i, "dddd-dd-dd"); n > 0 && plausible(s[i:]) {
		if m := shape(s, i+n, "Tdd:dd:dd"); m > 0 {
			n += m
			if i+n < len(s) && s[i+n] == 'Z' {
				n++
			}
		}
		if bounded(s, i+n) {
			return n, tokenDate
		}
	}
	if n := shape(s, i, "dddddddd"); n > 0 && bounded(s, i+n) && plausible(s[i:]) {
		return n, tokenDate
	}
	return 0, ""
}

// shape matches a pattern in which d is any digit and T stands for itself, a
// blank or an underscore.
func shape(s string, i int, pattern string) int {
	if i+len(pattern) > len(s) {
		return 0
	}
	for k := range len(pattern) {
		c := s[i+k]
		switch p := pattern[k]; {
		case p == 'd' && c >= '0' && c <= '9', p == 'T' && (c == 'T' || c == ' ' || c == '_'), p == c:
		default:
			return 0
		}
	}
	return len(pattern)
}

func plausible(date string) bool {
	return strings.HasPrefix(date, "19") || strings.HasPrefix(date, "20")
}

// matchAddressName matches a host name that EC2 makes of a private address:
// ip-10-0-3-7.
func matchAddressName(s string, i int) (int, string) {
	if !strings.HasPrefix(s[i:], "ip-") {
		return 0, ""
	}
	j, parts := i+3, 0
	for parts < 4 {
		start := j
		for j < len(s) && j-start < 3 && s[j] >= '0' && s[j] <= '9' {
			j++
		}
		if j == start {
			return 0, ""
		}
		if parts++; parts < 4 {
			if j >= len(s) || s[j] != '-' {
				return 0, ""
			}
			j++
		}
	}
	if !bounded(s, j) {
		return 0, ""
	}
	return j - i, tokenHost
}

// cloudPrefixes are the ids of things made anew for each instance.
var cloudPrefixes = []string{"i-", "vol-", "eni-", "snap-", "mi-"}

// sharedPrefixes are the ids of things that hosts of a group share: an image is
// what a subpopulation is known by.
var sharedPrefixes = []string{"ami-", "lt-", "sg-", "subnet-", "vpc-"}

func matchCloudID(s string, i int) (int, string) {
	if n := cloudID(s, i, cloudPrefixes); n > 0 {
		return n, tokenID
	}
	return cloudID(s, i, sharedPrefixes), ""
}

// cloudID returns the length of an id with one of the prefixes, 0 if there is
// none.
func cloudID(s string, i int, prefixes []string) int {
	for _, prefix := range prefixes {
		if !strings.HasPrefix(s[i:], prefix) {
			continue
		}
		j := i + len(prefix)
		for j < len(s) && isHex(s[j:j+1]) {
			j++
		}
		if digits := j - i - len(prefix); (digits == 8 || digits == 17) && bounded(s, j) {
			return j - i
		}
	}
	return 0
}

// instancePrefixes are followed by a number that systemd, logind or the kernel
// counts up: user@1000.service, session-12.scope, pts/0.
var instancePrefixes = []string{"user@", "user-", "session-", "pts/", "user-runtime-dir@"}

func matchInstance(s string, i int) (int, string) {
	for _, prefix := range instancePrefixes {
		if !strings.HasPrefix(s[i:], prefix) {
			continue
		}
		j := i + len(prefix)
		for j < len(s) && s[j] >= '0' && s[j] <= '9' {
			j++
		}
		if j > i+len(prefix) && bounded(s, j) {
			return j - i, prefix + tokenNum
		}
	}
	return 0, ""
}

// matchInterface matches the network interfaces that container engines make:
// veth3f2a9c1, br-4c2d9f0a1b2c.
func matchInterface(s string, i int) (int, string) {
	for _, prefix := range []string{"veth", "br-", "cali", "lxc", "tap"} {
		rest, ok := strings.CutPrefix(s[i:], prefix)
		if !ok {
			continue
		}
		n := 0
		for n < len(rest) && isHex(rest[n:n+1]) {
			n++
		}
		if n >= 6 && bounded(rest, n) {
			return len(prefix) + n, prefix + tokenHex
		}
	}
	return 0, ""
}

// matchStartups matches the count in what sshd shows of its listener: "1 of
// 10-100 startups".
func matchStartups(s string, i int) (int, string) {
	j := i
	for j < len(s) && s[j] >= '0' && s[j] <= '9' {
		j++
	}
	rest, ok := strings.CutPrefix(s[j:], " of ")
	if j == i || !ok || !strings.HasSuffix(strings.TrimLeft(rest, "0123456789-"), " startups") {
		return 0, ""
	}
	return j - i, tokenNum
}

// matchWord matches one run of letters and digits that is long hex, an
// ephemeral port, a time or a large counter, or random.
func matchWord(s string, i int) (int, string) {
	j := i
	var digits, upper, lower, hex int
	for ; j < len(s) && wordByte(s[j]); j++ {
		switch c := s[j]; {
		case c >= '0' && c <= '9':
			digits++
			hex++
		case c >= 'a' && c <= 'z':
			lower++
			if c <= 'f' {
				hex++
			}
		case c >= 'A' && c <= 'Z':
			upper++
			if c <= 'F' {
				hex++
			}
		}
	}
	n := j - i
	switch {
	case digits == n && n != 12 && n < 16:
		return n, number(s[i:j])
	case hex == n && n >= 12 && digits > 0: // an id of digits only is an id all the same
		return n, tokenHex
	case n >= 6 && n <= 64 && digits > 0 && upper > 0 && lower > 0 && digits+upper+lower == n && scrambled(s[i:j]):
		return n, tokenRand
	}
	return n, ""
}

func number(digits string) string {
	n, ok := decimal(digits)
	switch {
	case !ok, n >= 1_000_000_000: // a time in seconds or finer, or a counter
		return tokenNum
	case n >= firstEphemeral && n <= lastEphemeral:
		return tokenEph
	}
	return ""
}

// scrambled tells kX7b2Q from Python3 and OpenJDK17: kinds of characters
// alternate more than a name's do.
func scrambled(word string) bool {
	kind := func(c byte) int {
		switch {
		case c <= '9':
			return 0
		case c <= 'Z':
			return 1
		}
		return 2
	}
	changes := 0
	for i := 1; i < len(word); i++ {
		if kind(word[i]) != kind(word[i-1]) {
			changes++
		}
	}
	return changes*2 >= len(word)
}
