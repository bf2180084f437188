package facts

import (
	"net/netip"
	"strings"

	"diffy/pkg/pack"
)

// Templates replace what differs on every host and means nothing by a token.
// They are fixed in version with the pack: a baseline is made again when they
// change. They never touch file hashes (no hash column is templated), public
// addresses, account names, ports below 32768, or names under /tmp, /var/tmp
// and /dev/shm but for the folders systemd makes there.
const (
	tokenHost = "<host>" // the host's own name, or a name made of a private address
	tokenAddr = "<ip>"   // its own address, or another private one: the same token, or a value would be odd only for being its own
	tokenEph  = "<eph>"  // a port the kernel picks
	tokenUUID = "<uuid>"
	tokenHex  = "<hex>"
	tokenID   = "<id>" // an instance, volume or interface id of the cloud
	tokenDate = "<date>"
	tokenNum  = "<n>"
	tokenRand = "<rand>" // mixed letters and digits as mktemp makes them
)

// Linux's default ip_local_port_range.
const firstEphemeral, lastEphemeral = 32768, 60999

// template returns the canonical form of a value. id may be nil: then nothing
// is the host's own.
func template(class, value string, id *identity) string {
	switch class {
	case pack.TemplateAddress:
		return templateAddress(value, id)
	case pack.TemplatePort:
		return templatePort(value)
	case pack.TemplateOptions:
		return templateOptions(value)
	case pack.TemplateSchedule:
		return value
	default:
		return templateText(value, id)
	}
}

func templateAddress(value string, id *identity) string {
	text, _, _ := strings.Cut(value, "%")
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return templateText(value, id)
	}
	if local(addr, text, id) {
		return tokenAddr
	}
	return value
}

// local reports whether an address is the host's own or a private one.
// Loopback, unspecified and public addresses say something as they are.
func local(addr netip.Addr, text string, id *identity) bool {
	addr = addr.Unmap()
	if private(addr) {
		return true
	}
	return id != nil && id.has(addr, text)
}

func private(addr netip.Addr) bool {
	return addr.IsPrivate() || addr.IsLinkLocalUnicast() && addr.Is6()
}

func templatePort(value string) string {
	if n, ok := decimal(value); ok && n >= firstEphemeral && n <= lastEphemeral {
		return tokenEph
	}
	return value
}

// templateOptions keeps the names of comma-separated options: their values are
// sizes, folders of containers and labels.
func templateOptions(value string) string {
	options := strings.Split(value, ",")
	for i, option := range options {
		options[i], _, _ = strings.Cut(option, "=")
	}
	return strings.Join(options, ",")
}

// decimal reads a decimal number of at most 18 digits.
func decimal(s string) (n int64, ok bool) {
	if s == "" || len(s) > 18 {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, true
}

// templateText walks a text token by token and replaces those that are made
// anew for each host or start.
func templateText(s string, id *identity) string {
	return texter{id: id}.template(s)
}

// texter is how a text is walked.
type texter struct {
	id         *identity
	everywhere bool // in scratch folders too
}

func (t texter) template(s string) string {
	if !worthTemplating(s, t.id) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		if !wordByte(s[i]) && s[i] != '/' && s[i] != ':' {
			b.WriteByte(s[i])
			i++
			continue
		}
		if kept := scratchPath(s, i); kept > 0 && !t.everywhere {
			b.WriteString(templateScratch(s[i : i+kept]))
			i += kept
			continue
		}
		if (s[i] == '/' || s[i] == ':') && !startsAddress6(s, i) {
			b.WriteByte(s[i])
			i++
			continue
		}
		n, token := match(s, i, t.id)
		if token == "" {
			b.WriteString(s[i : i+n])
		} else {
			b.WriteString(token)
		}
		i += n
	}
	return b.String()
}

// worthTemplating is a cheap look: a text without a digit and without the
// host's own name stays as it is.
func worthTemplating(s string, id *identity) bool {
	if strings.ContainsAny(s, "0123456789") || strings.HasPrefix(s, "veth") {
		return true
	}
	own := id != nil && id.in(s)
	if own {
		id.told = true
	}
	return own
}

func hasDigit(s string) bool {
	for i := range len(s) {
		if s[i] >= '0' && s[i] <= '9' {
			return true
		}
	}
	return false
}

// wordByte reports what a token is made of.
func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// scratchRoots are the folders anybody may write to: names in them are
// evidence and stay.
var scratchRoots = []string{"/tmp/", "/var/tmp/", "/dev/shm/"}

// scratchPath returns the length of a path under a scratch root that starts at
// i, 0 if there is none.
func scratchPath(s string, i int) int {
	if s[i] != '/' || i > 0 && (wordByte(s[i-1]) || s[i-1] == '/') {
		return 0
	}
	for _, root := range scratchRoots {
		if strings.HasPrefix(s[i:], root) {
			if end := strings.IndexAny(s[i:], " \t\n\"';|&<>)"); end > 0 {
				return end
			}
			return len(s) - i
		}
	}
	return 0
}

// templateScratch keeps a path under a scratch root but for the folder that
// systemd makes for a unit's PrivateTmp: systemd-private-<boot id>-<unit>-XXXXXX.
func templateScratch(path string) string {
	const prefix = "systemd-private-"
	at := strings.Index(path, prefix)
	if at < 0 || path[at-1] != '/' {
		return path
	}
	rest := path[at+len(prefix):]
	if len(rest) < 34 || !isHex(rest[:32]) || rest[32] != '-' {
		return path
	}
	folder, below, deeper := strings.Cut(rest[33:], "/")
	dash := strings.LastIndexByte(folder, '-')
	if dash < 0 || len(folder)-dash-1 != 6 {
		return path
	}
	out := path[:at] + prefix + tokenHex + "-" + folder[:dash] + "-" + tokenRand
	if deeper {
		out += "/" + below
	}
	return out
}
