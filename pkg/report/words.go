package report

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"diffy/pkg/triage"
)

// number writes n with a comma between thousands.
func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plural is "1 host", "8 hosts", "2 queries".
func plural(n int, word string) string {
	switch {
	case n == 1:
		return "1 " + word
	case strings.HasSuffix(word, "ry"):
		return number(n) + " " + strings.TrimSuffix(word, "y") + "ies"
	}
	return number(n) + " " + word + "s"
}

// ofHosts is "1 of 8 hosts".
func ofHosts(n, all int) string { return number(n) + " of " + plural(all, "host") }

// list joins names as a sentence does and counts those beyond limit.
func list(names []string, limit int) string {
	if len(names) > limit+1 {
		return strings.Join(names[:limit], ", ") + " and " + number(len(names)-limit) + " more"
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// alike is what makes a subpopulation, with its count.
func alike(s triage.Subpopulation) string {
	hosts := plural(s.Hosts, "host")
	if s.Explains == "" || strings.HasPrefix(s.Explains, hosts) {
		return cmp.Or(s.Explains, hosts)
	}
	return hosts + ": " + s.Explains
}

// bits writes a score.
func bits(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }

// stamp writes an RFC 3339 time for a person, and anything else as it came.
func stamp(s string) string {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return s
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// age is how old something made at created was at now, or "" where that is not
// known.
func age(created, now string) string {
	from, err1 := time.Parse(time.RFC3339, created)
	to, err2 := time.Parse(time.RFC3339, now)
	if err1 != nil || err2 != nil || to.Before(from) {
		return ""
	}
	switch d := to.Sub(from); {
	case d < time.Hour:
		return plural(int(d.Minutes()), "minute")
	case d < 48*time.Hour:
		return plural(int(d.Hours()), "hour")
	default:
		return plural(int(d.Hours()/24), "day")
	}
}

// codes are the numbers that osquery gives for what people know by name: the
// address families of Linux and the protocols of IP.
var codes = map[string]map[string]string{
	"family":   {"1": "unix", "2": "ipv4", "10": "ipv6", "16": "netlink", "17": "packet"},
	"protocol": {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6", "132": "sctp"},
}

// meaning is what the number in a column stands for: a name, or a moment where the
// column holds one. It is empty where the value speaks for itself.
func meaning(column, value string) string {
	if timeColumns[column] == "" {
		return codes[column][value]
	}
	if at, ok := moment(value); ok && !strings.Contains(value, "T") {
		return at.UTC().Format("2006-01-02 15:04:05 UTC")
	}
	return ""
}

// Coded adds to a value what its number stands for.
func Coded(column, value string) string {
	if name := meaning(column, value); name != "" {
		return value + " (" + name + ")"
	}
	return value
}
