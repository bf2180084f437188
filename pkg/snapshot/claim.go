package snapshot

import (
	"fmt"
	"slices"
	"strings"

	"diffy/pkg/triage"
)

// claims are the names of hosts that have a log named for them, <host>.jsonl. A
// log that is named for one host and speaks of another that has its own is lying
// or was renamed; either way it must not take the other's place, nor stop the
// reading of both.
type claims map[string]struct{}

func claimsOf(files []string) claims {
	c := make(claims)
	for _, file := range files {
		if isLines(file) {
			c[hostName(stem(file))] = struct{}{}
		}
	}
	return c
}

// of returns the host that a log is named for, and whether that counts more than
// the name that it has for a host. A log <host>.old.jsonl is the host's too.
func (c claims) of(file, host string) (own string, counts bool) {
	own = hostName(stem(file))
	_, elsewhere := c[host]
	return own, elsewhere && isLines(file) && own != host && !strings.HasPrefix(own, host+".")
}

// rename names the hosts of a log for its file where they have another's name.
func (c claims) rename(file string, hosts []*Host) {
	for _, h := range hosts {
		own, counts := c.of(file, h.Name)
		if !counts {
			continue
		}
		h.Errors = append(h.Errors, triage.QueryError{Error: fmt.Sprintf(
			"%s: expected evidence of the host that the file is named for, found that of %s, which has a file of its own", file, h.Name)})
		if slices.ContainsFunc(hosts, func(o *Host) bool { return o.Name == own }) {
			own += ":" + h.Name
		}
		h.Name = own
	}
	slices.SortFunc(hosts, func(a, b *Host) int { return strings.Compare(a.Name, b.Name) })
}
