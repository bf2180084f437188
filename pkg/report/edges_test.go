package report

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"diffy/pkg/triage"
)

func TestDefuse(t *testing.T) {
	for in, want := range map[string]string{
		"plain":         "plain",
		"":              "",
		"=1+1":          "'=1+1",
		"+1":            "'+1",
		"-1":            "'-1",
		"@SUM(A1)":      "'@SUM(A1)",
		" =1":           "' =1",
		`"=1`:           `'"=1`,
		"＝1":            "'＝1",
		"|calc":         "'|calc",
		"a=b":           "a=b",
		"a;=1":          "a;'=1",
		"a; -1;+2":      "a; '-1;'+2",
		"/bin/sh;ls -l": "/bin/sh;ls -l",
	} {
		if got := defuse(in); got != want {
			t.Errorf("defuse(%q) = %q, want %q", in, got, want)
		}
	}
}

// What is quoted reaches a command as one word, letter by letter.
func TestShellQuote(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{
		"i-0c1f7a2be94d03e55", "two words", "a'b", `a"b`, "$(echo no)", "`echo no`", "a;b", "*", "-rf", "--help", "~", "#x", "a\\b", "!x", "",
	} {
		out, err := exec.Command(sh, "-c", "printf '[%s]' "+shellQuote(s)).Output()
		if err != nil || string(out) != "["+s+"]" {
			t.Errorf("%q arrives as %q (%v)", s, out, err)
		}
	}
}

func TestSteps(t *testing.T) {
	lines := func(host, group string) string {
		r := &triage.Result{
			Run: triage.RunInfo{Incident: "INC-1"}, Group: triage.GroupResult{Key: group},
			Hosts: []triage.HostResult{{Host: host, Outlier: true}},
		}
		return strings.Join(each(newView(r).Steps[0].Commands, func(c command) string { return c.Line }), "\n")
	}
	const find = `id=$(aws ec2 describe-instances --filters '[{"Name":"private-dns-name","Values":[`
	for _, c := range []struct{ name, host, group, want string }{
		{
			"an instance of a group", "i-0c1f7a2be94d03e55", "asg:web prod",
			"aws autoscaling enter-standby --instance-ids i-0c1f7a2be94d03e55 --auto-scaling-group-name='web prod' --should-decrement-desired-capacity\n" +
				"aws ec2 create-snapshots --instance-specification InstanceId=i-0c1f7a2be94d03e55 --copy-tags-from-source volume --description='diffy INC-1'\n" +
				"aws ssm start-session --target i-0c1f7a2be94d03e55",
		},
		{
			"a host by its name", "ip-10-0-0-1", "local",
			find + `"ip-10-0-0-1","ip-10-0-0-1.*"]}]' --query 'Reservations[0].Instances[0].InstanceId' --output text)` + "\n" +
				`aws ec2 create-snapshots --instance-specification InstanceId="$id" --copy-tags-from-source volume --description='diffy INC-1'` + "\n" +
				`aws ssm start-session --target "$id"`,
		},
		{
			"a name that wants to run", "$(reboot)'*", "local",
			find + `"$(reboot)'\''\\*","$(reboot)'\''\\*.*"]}]' --query 'Reservations[0].Instances[0].InstanceId' --output text)` + "\n" +
				`aws ec2 create-snapshots --instance-specification InstanceId="$id" --copy-tags-from-source volume --description='diffy INC-1'` + "\n" +
				`aws ssm start-session --target "$id"`,
		},
		{"a name that cannot be typed", "a\x1b[201~\nreboot", "asg:x", ""},
		{"a name without end", strings.Repeat("x", 300), "asg:x", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, lines(c.host, c.group)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestMoment(t *testing.T) {
	for in, want := range map[string]string{
		"1795509102":           "2026-11-24T08:31:42Z",
		"2026-11-24T08:31:42Z": "2026-11-24T08:31:42Z",
		"0":                    "",
		"-1":                   "",
		"":                     "",
		"16384":                "",
		"4102444800":           "",
		"99999999999999999999": "",
		"1795509102.5":         "",
		"yesterday":            "",
	} {
		got := ""
		if at, ok := moment(in); ok {
			got = at.UTC().Format(time.RFC3339)
		}
		if got != want {
			t.Errorf("moment(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	for got, want := range map[string]string{
		number(0): "0", number(999): "999", number(1000): "1,000", number(1234567): "1,234,567", number(-1234): "-1,234", number(-123): "-123",
		plural(1, "host"): "1 host", plural(2, "host"): "2 hosts", plural(1200, "query"): "1,200 queries",
		list(nil, 3): "", list([]string{"a"}, 3): "a", list([]string{"a", "b"}, 3): "a and b",
		list([]string{"a", "b", "c", "d"}, 3): "a, b, c and d", list([]string{"a", "b", "c", "d", "e"}, 3): "a, b, c and 2 more",
		age("2026-11-01T00:00:00Z", "2026-11-01T00:05:00Z"): "5 minutes", age("2026-11-01T00:00:00Z", "2026-11-02T12:00:00Z"): "36 hours",
		age("2026-10-01T00:00:00Z", "2026-11-02T12:00:00Z"): "32 days", age("2026-12-01T00:00:00Z", "2026-11-02T12:00:00Z"): "", age("", "x"): "",
		Coded("protocol", "6"): "6 (tcp)", Coded("protocol", "143"): "143", Coded("port", "17"): "17",
		Coded("mtime", "1795509102"): "1795509102 (2026-11-24 08:31:42 UTC)", Coded("mtime", "0"): "0", Coded("size", "1795509102"): "1795509102",
		Coded("created", "2026-11-24T08:31:42Z"): "2026-11-24T08:31:42Z",
		stamp("2026-11-24T09:33:04+01:00"):       "2026-11-24 08:33:04 UTC", stamp("then"): "then",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
