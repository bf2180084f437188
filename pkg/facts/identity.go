package facts

import (
	"net/netip"
	"strings"

	"diffy/pkg/snapshot"
)

// identity is what a host calls itself: the strings that differ on every host
// of a group without meaning anything.
type identity struct {
	names []string // host names and instance ids, longest first
	addrs map[netip.Addr]struct{}
	texts []string // names and addresses as text, to see cheaply whether a value can hold one
	grams []uint64 // of each text
	told  bool     // something of the host's own has been met since this was last false
}

// identitySources names, for each query that tells who a host is, the columns
// that do: the pack's queries first, then osquery's plain tables.
var identitySources = map[string]struct{ names, addrs []string }{
	"host_identity":       {names: []string{"hostname", "uuid"}},
	"ec2_identity":        {names: []string{"instance_id"}},
	"network_interfaces":  {addrs: []string{"address"}},
	"system_info":         {names: []string{"hostname", "computer_name", "local_hostname", "uuid"}},
	"interface_addresses": {addrs: []string{"address"}},
}

// minName is the shortest host name that is replaced inside values: shorter
// ones ("a", "db") are parts of ordinary words.
const minName = 4

func identify(h *snapshot.Host) *identity {
	id := &identity{addrs: map[netip.Addr]struct{}{}}
	id.addName(h.Name)
	for i := range h.Tables {
		t := &h.Tables[i]
		source, ok := identitySources[t.Query]
		if !ok {
			continue
		}
		for c, column := range t.Columns {
			for r := range t.Len() {
				switch v := t.Row(r)[c]; {
				case contains(source.names, column):
					id.addName(v)
				case contains(source.addrs, column):
					id.addAddr(v)
				}
			}
		}
	}
	return id
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}

// addName keeps a name, and its first label when it is qualified.
func (id *identity) addName(name string) {
	name = strings.ToLower(name)
	if len(name) < minName || name == "localhost" || contains(id.names, name) {
		return
	}
	at := 0
	for at < len(id.names) && len(id.names[at]) >= len(name) {
		at++
	}
	id.names = append(id.names[:at], append([]string{name}, id.names[at:]...)...)
	id.addText(name)
	if label, _, qualified := strings.Cut(name, "."); qualified {
		if _, err := netip.ParseAddr(name); err != nil {
			id.addName(label)
		}
	}
}

func (id *identity) addAddr(text string) {
	text, _, _ = strings.Cut(text, "%")
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.IsLoopback() || addr.IsUnspecified() {
		return
	}
	id.addrs[addr] = struct{}{}
	if !private(addr) || !hasDigit(text) { // the others are replaced whoever's they are
		id.addText(addr.String())
	}
}

func (id *identity) addText(text string) {
	id.texts = append(id.texts, text)
	id.grams = append(id.grams, gramsOf(text))
}

// has reports whether an address is the host's own. One that is not written as
// usual cannot be looked for as text, so it counts as told.
func (id *identity) has(addr netip.Addr, text string) bool {
	_, own := id.addrs[addr]
	var b [64]byte
	usual := addr.AppendTo(b[:0])
	at := len(text) - len(usual)
	id.told = id.told || own || at < 0 || !strings.EqualFold(text[at:], string(usual))
	return own
}

// maybeIn reports whether values with these grams may hold something of the
// host's own; mostly they cannot.
func (id *identity) maybeIn(grams uint64) bool {
	for _, g := range id.grams {
		if g&^grams == 0 {
			return true
		}
	}
	return false
}

// gramsOf marks each three bytes in a row of a text, letters of either case
// alike: a text that lacks a mark of another does not hold it.
func gramsOf(text string) (grams uint64) {
	const fold = 0x202020 // makes ASCII letters lower case
	var three uint32
	for i := range len(text) {
		three = (three<<8 | uint32(text[i])) & 0xffffff
		if i >= 2 {
			grams |= 1 << ((three | fold) * 0x9e3779b1 >> 26)
		}
	}
	return grams
}

// in reports whether a value may hold one of the host's own names or addresses.
func (id *identity) in(value string) bool {
	for _, text := range id.texts {
		if len(text) <= len(value) && indexFold(value, text) >= 0 {
			return true
		}
	}
	return false
}

// indexFold is strings.Index for a lower-case ASCII needle in text of any case.
func indexFold(s, lower string) int {
	if i := strings.Index(s, lower); i >= 0 {
		return i
	}
	first := lower[0]
	if first >= 'a' && first <= 'z' {
		first -= 'a' - 'A'
	} else {
		return -1
	}
	for i := 0; ; i++ {
		at := strings.IndexByte(s[i:], first)
		if at < 0 || i+at+len(lower) > len(s) {
			return -1
		}
		if i += at; strings.EqualFold(s[i:i+len(lower)], lower) {
			return i
		}
	}
}
