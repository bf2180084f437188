package facts

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"diffy/pkg/snapshot"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestRowsMetBefore demands that a host's rows become the same facts whoever was
// there before: what is remembered of a row must not hold where the host finds
// its own name or address in it, however that is written.
func TestRowsMetBefore(t *testing.T) {
	p := loadPack(t)
	words := []string{"web-1", "web-2", "web-12", "WEB-2", "web-3x", "10.0.0.1", "192.0.2.7", "2001:db8::1", "2001:0db8:0::1", "fd00::a", "fdaa::b", "x", "x1"}
	rapid.Check(t, func(t *rapid.T) {
		together := NewSet(p)
		var hosts []*snapshot.Host
		for i := range rapid.IntRange(1, 5).Draw(t, "hosts") {
			h := plainHost(fmt.Sprintf("web-%d", i+1), table("interface_addresses", "interface address", "eth0 "+rapid.SampledFrom(words[5:11]).Draw(t, "own")))
			var rows []string
			for range rapid.IntRange(0, 12).Draw(t, "rows") {
				command := rapid.SliceOfN(rapid.SampledFrom(words), 1, 3).Draw(t, "words")
				rows = append(rows, "7 node /usr/bin/node "+strings.Join(command, ",")+" 33 1")
			}
			h.Tables = append(h.Tables, table("processes", processColumns, rows...))
			hosts = append(hosts, h)
			together.Add(h)
		}
		for _, h := range hosts {
			alone := NewSet(p)
			alone.Add(h)
			if diff := cmp.Diff(factsOf(alone, h.Name), factsOf(together, h.Name)); diff != "" {
				t.Fatalf("%s has other facts behind other hosts (-alone +behind):\n%s", h.Name, diff)
			}
		}
	})
}

// factsOf lists the facts of one host.
func factsOf(s *Set, host string) []string {
	var out []string
	place, _ := s.Place(host)
	for _, t := range s.Tables() {
		for _, f := range t.Sorted() {
			if slices.Contains(f.Hosts, place) {
				out = append(out, fmt.Sprintf("%s %q %q", t.Rule.Name, f.Key, f.Values))
			}
		}
	}
	return out
}

// TestForget has hosts send more than is remembered of rows.
func TestForget(t *testing.T) {
	s := NewSet(loadPack(t))
	shell := strings.Repeat("x", maxKnown/5)
	var rows []string
	for i := range 12 {
		rows = append(rows, fmt.Sprintf("%d u%d %s", i, i, shell))
	}
	for _, name := range []string{"h1", "h2", "h3"} {
		s.Add(plainHost(name, table("users", "uid username shell", rows...)))
		if s.knownBytes > maxKnown {
			t.Errorf("%d bytes of rows are remembered", s.knownBytes)
		}
	}
	facts := s.Tables()[0].Sorted()
	if len(facts) != len(rows) {
		t.Errorf("%d facts, want %d", len(facts), len(rows))
	}
	for _, f := range facts {
		if len(f.Hosts) != 3 {
			t.Errorf("fact %q on %d hosts, want 3", f.Key, len(f.Hosts))
		}
	}
}
