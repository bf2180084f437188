package collect

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseReport(t *testing.T) {
	t.Parallel()
	digest := strings.Repeat("0a", 32)
	good := "diffy/1 sha256=" + digest + " size=18678 rows=1000 queries=53 errors=1 osquery=pinned version=5.12.1"
	all := Report{SHA256: digest, Size: 18678, Rows: 1000, Queries: 53, Errors: 1, Osquery: Pinned, Version: "5.12.1"}
	tests := []struct {
		name, stdout string
		want         Report
		err          string
	}{
		{"uploaded", good + "\n", all, ""},
		{"carriage return", good + "\r\n", all, ""},
		{"no line break", good, all, ""},
		{"failed", "diffy/1 failed=cannot reach S3\n", Report{Failed: "cannot reach S3"}, ""},
		{"the agent adds to it", "diffy/1 failed=disk full\n\n----------ERROR-------\nfailed to run commands: exit status 1", Report{Failed: "disk full"}, ""},
		{"empty", "", Report{}, ErrNoReport.Error()},
		{"something else", "hello\n", Report{}, ErrNoReport.Error()},
		{"two", good + "\n" + good + "\n", Report{}, "read report: 2 lines where one was expected"},
		{"cut", good[:40], Report{}, "read report: a line that the script does not print"},
		{"newer", "diffy/2 failed=x", Report{}, "read report: a line that the script does not print"},
		{"path for a digest", strings.Replace(good, digest, "../../x", 1), Report{}, "read report: a line that the script does not print"},
		{"negative", strings.Replace(good, "size=1", "size=-1", 1), Report{}, "read report: a line that the script does not print"},
		{"empty object", strings.Replace(good, "size=18678", "size=0", 1), Report{}, "read report: a line that the script does not print"},
		{"too many digits", strings.Replace(good, "rows=1000", "rows="+strings.Repeat("9", 30), 1), Report{}, "read report: a line that the script does not print"},
		{"more words", good + " x=y", Report{}, "read report: a line that the script does not print"},
		{"markup in the reason", "diffy/1 failed=<b>x</b>", Report{}, "read report: a line that the script does not print"},
		{"long reason", "diffy/1 failed=" + strings.Repeat("x", 101), Report{}, "read report: a line that the script does not print"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseReport(tt.stdout)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if msg := message(err); msg != tt.err {
				t.Errorf("error %q, want %q", msg, tt.err)
			}
		})
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Whatever a host prints: a report has a reason or a digest, never both, and
// nothing in it is longer or stranger than the script's own.
func FuzzParseReport(f *testing.F) {
	f.Add("diffy/1 failed=disk full\n")
	f.Add("diffy/1 sha256=" + strings.Repeat("0a", 32) + " size=1 rows=0 queries=1 errors=1 osquery=host version=5.1\n")
	f.Add("diffy/1 \x00\n\ndiffy/")
	f.Fuzz(func(t *testing.T, stdout string) {
		r, err := ParseReport(stdout)
		if err != nil {
			if r != (Report{}) {
				t.Errorf("an error and a report: %+v", r)
			}
			return
		}
		if (r.Failed == "") == (r.SHA256 == "") || r.Size < 0 || r.Rows < 0 || r.Queries < 0 || r.Errors < 0 {
			t.Errorf("%+v", r)
		}
		if strings.ContainsAny(r.Failed+r.Version+string(r.Osquery), "\n\r\x00<>&\"'`$/") {
			t.Errorf("%+v", r)
		}
	})
}
