package pipeline

import (
	"path"
	"strings"
	"testing"
)

func TestSegment(t *testing.T) {
	long := strings.Repeat("x", 300)
	tests := []struct{ name, in, want string }{
		{"instance id", "i-0a1b2c3d", "i-0a1b2c3d"},
		{"host name", "web-1.example_a", "web-1.example_a"},
		{"path", "../../x", "%2E.%2F..%2Fx"},
		{"dot", ".", "%2E"},
		{"percent", "a%2Fb", "a%252Fb"},
		{"line break", "a\nb", "a%0Ab"},
		{"not UTF-8", "\xff", "%FF"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := Segment(test.in); got != test.want {
				t.Errorf("segment %q, expected %q", got, test.want)
			}
		})
	}
	for _, name := range []string{"", long, long + "y", strings.Repeat("/", 300)} {
		got := Segment(name)
		if got == "" || len(got) > segmentLength || path.Base(got) != got {
			t.Errorf("segment of %d bytes: %q", len(name), got)
		}
	}
	if Segment(long) == Segment(long+"y") {
		t.Error("two long names share a segment")
	}
}

// A host's name never leads out of its run's folder.
func TestKeysStayInside(t *testing.T) {
	host := "../../../etc/passwd"
	for _, key := range []string{
		EvidenceKey("r", Place{"..", "/"}, host), HostOutcomeKey("r", "0001", host),
		HostFactsKey("r", "0001", host), UploadKey("r", "0001", "1", host, "d"),
	} {
		if path.Clean(key) != key || strings.Contains(key, "..//") || strings.Contains(key, "/../") {
			t.Errorf("key %q", key)
		}
	}
}
