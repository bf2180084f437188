package detect

import (
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"diffy/pkg/facts"
)

// ownerTraits looks at the program that a socket belongs to.
func ownerTraits(row facts.Raw) []trait {
	program := owner(row)
	if scratch(program) || hidden(program) || strings.HasPrefix(program, "/memfd:") {
		return one(3, "T1571", "belongs to a program in a hidden folder or one that anybody may write to")
	}
	if base := path.Base(program); slices.Contains(shells, base) || slices.Contains([]string{"nc", "ncat", "nc.openbsd", "nc.traditional", "socat"}, base) {
		return one(4, "T1059.004", "belongs to "+base)
	}
	return nil
}

// owner returns the program that a row belongs to, of the row or joined in.
func owner(row facts.Raw) string {
	if p := row.Value("process.path"); p != "" {
		return p
	}
	return row.Value("path")
}

var backdoorPorts = []string{"31337", "4444", "4445", "1337", "5555", "6666", "6667", "9001", "12345", "1234", "2222", "7777", "8888", "9999"}

func portTraits(column, text string) func(facts.Raw) []trait {
	return func(row facts.Raw) []trait {
		if slices.Contains(backdoorPorts, row.Value(column)) {
			return one(1, "T1571", text)
		}
		return nil
	}
}

func remoteTraits(row facts.Raw) []trait {
	if !public(row) {
		return nil
	}
	port := row.Value("remote_port")
	switch {
	case inbound(row):
		return nil
	case homebody.MatchString(path.Base(owner(row))):
		return []trait{{bits: 5, technique: "T1036.005", text: "is a program that has no business on the internet", rule: outbound(row)}}
	case outbound(row) && path.Base(owner(row)) == "sshd":
		return one(5, "T1036.005", "is a program that has no business on the internet")
	case slices.Contains(backdoorPorts, port) || port == "3333" || port == "14444":
		return one(4, "T1571", "talks to a public address on a port that backdoors and miners use")
	case port == "53" || port == "123":
		return one(1, "T1071", "talks to a public address")
	}
	return []trait{{bits: 2.5, technique: "T1071", text: "talks to a public address", mild: true}}
}

// homebody matches system programs that never open connections to the internet.
var homebody = regexp.MustCompile(`^(systemd|init|systemd-(journald|logind|udevd|machined|hostnamed|localed|timedated|oomd|userdbd)|udevadm|cron|crond|anacron|atd|dbus-daemon|dbus-broker|agetty|login|auditd|polkitd|irqbalance|acpid|mcelog|smartd|multipathd|lvmetad|rngd|haveged|thermald|ps|ls|top|getty|kmod|nologin)$`)

// public reports whether a row is a connection to an address on the internet.
func public(row facts.Raw) bool {
	addr, err := netip.ParseAddr(row.Value("remote_address"))
	return err == nil && onInternet(addr)
}

func onInternet(addr netip.Addr) bool {
	return !addr.IsPrivate() && !addr.IsLoopback() && !addr.IsLinkLocalUnicast() && !addr.IsUnspecified()
}

// inbound reports whether the other side of a connection opened it: it came to
// a fixed port of ours from a port that a kernel picked.
func inbound(row facts.Raw) bool {
	local, ok := port(row.Value("local_port"))
	remote, also := port(row.Value("remote_port"))
	return ok && also && local < firstDynamic && remote >= firstUnprivileged
}

// outbound reports whether our side opened a connection, to a port that serves.
func outbound(row facts.Raw) bool {
	local, ok := port(row.Value("local_port"))
	remote, also := port(row.Value("remote_port"))
	return ok && also && local >= firstDynamic && remote < firstDynamic
}

const (
	firstDynamic      = 32768 // Linux picks the ports of outgoing connections from here on
	firstUnprivileged = 1024  // others do so from here on: behind a NAT, for one
)

func port(text string) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n > 0 && n < 65536
}

// resolverTraits looks for a resolver on the internet.
func resolverTraits(kind, address string) func(facts.Raw) []trait {
	return func(row facts.Raw) []trait {
		addr, err := netip.ParseAddr(row.Value(address))
		if row.Value(kind) != "nameserver" || err != nil || !onInternet(addr) {
			return nil
		}
		return one(2, "T1071.004", "resolves names at a public address")
	}
}

var redirected = regexp.MustCompile(`(?i)(amazonaws\.com|update|security|mirror|archive|deb\.|ubuntu|debian|github|pypi|npmjs|docker)`)

func redirectTraits(address, name string) func(facts.Raw) []trait {
	return func(row facts.Raw) []trait {
		to := row.Value(address)
		if (to == "0.0.0.0" || strings.HasPrefix(to, "127.")) && strings.Contains(row.Value(name), ".") && !strings.Contains(row.Value(name), "localhost") {
			return one(2, "T1565.001", "makes a name unreachable")
		}
		if redirected.MatchString(row.Value(name)) {
			return one(2, "T1565.001", "redirects a name that updates or AWS depend on")
		}
		if addr, err := netip.ParseAddr(to); err == nil && onInternet(addr) && !addr.IsMulticast() {
			return []trait{{bits: 1, technique: "T1565.001", text: "sends a name to a public address", mild: true, tells: true}}
		}
		return nil
	}
}
