package local

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"diffy/pkg/triage"
)

// collecting names, in the environment of the test program, what it does when it is
// started as the program of an Exec.
const collecting = "DIFFY_TEST_COLLECTING"

func TestMain(m *testing.M) {
	if how := os.Getenv(collecting); how != "" {
		os.Exit(collector(how))
	}
	os.Exit(m.Run())
}

// collector is a program that collects, well or badly.
func collector(how string) int {
	if how == "reads nothing" {
		return 0
	}
	var ask ExecRequest
	if err := json.NewDecoder(os.Stdin).Decode(&ask); err != nil || ask.Schema != ExecSchema {
		return 9
	}
	line := func(name, rest string) {
		fmt.Printf(`{"name":%q,"hostIdentifier":%q,"unixTime":1790000000,%s}`+"\n", name, ask.Host, rest)
	}
	answers := func(n int) {
		rows := map[string]string{"processes": `{"pid":"1","name":"init","path":"/sbin/init"}`}
		for _, q := range ask.Queries[:n] {
			line(q.Name, `"action":"snapshot","snapshot":[`+rows[q.Name]+`]`)
		}
	}
	all := len(ask.Queries)
	switch how {
	case "well":
		fmt.Fprintf(os.Stderr, "asked %s\x1b[31m\n", ask.Host)
		answers(all)
	case "half":
		answers(all - 2)
	case "one failed":
		answers(all - 1)
		line(ask.Queries[all-1].Name, `"error":"no such table"`)
	case "its own lines":
		line("diffy_begin", fmt.Sprintf(`"columns":{"format":"1","pack":"p","pack_version":"1","queries":%q}`, ask.Queries[0].Name))
		answers(1)
		line("diffy_end", `"columns":{"queries":"1","errors":"0"}`)
	case "its own beginning":
		line("diffy_begin", `"columns":{"format":"1","pack":"p","pack_version":"1","queries":""}`)
		answers(all)
	case "stops within a line":
		answers(all - 1)
		fmt.Printf(`{"name":%q,"hostIdentifier":%q,"action":"snapshot","snapshot":[{"a":`, ask.Queries[all-1].Name, ask.Host)
	case "another name":
		ask.Host = "ip-10-0-0-1"
		answers(all)
	case "fails":
		answers(all)
		fmt.Fprint(os.Stderr, strings.Repeat("noise ", 1000), "\nssh: no route\x1b[2J to \u202ehost\n")
		return 255
	case "no osquery":
		fmt.Println("Welcome to web-1!")
	case "endless":
		for {
			if _, err := fmt.Println(strings.Repeat("x", 1<<20)); err != nil {
				return 0
			}
		}
	case "hangs":
		_, _ = io.Copy(io.Discard, os.Stdin)
		<-time.After(time.Hour)
	}
	return 0
}

func execOptions(t *testing.T, hosts ...string) Options {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o := options(t, "")
	o.Exec = &Exec{Command: []string{self}, Hosts: hosts}
	return o
}

// Whatever the program does, each host ends in one state with a reason.
func TestExec(t *testing.T) {
	for _, c := range []struct {
		how    string
		status triage.Status
		reason string // begins with
	}{
		{"well", triage.Examined, ""},
		{"half", triage.Partial, "2 queries failed"},
		{"one failed", triage.Partial, "1 query failed"},
		{"its own lines", triage.Examined, ""},
		{"its own beginning", triage.Partial, "the evidence is cut"},
		{"stops within a line", triage.Partial, "1 query failed"},
		{"another name", triage.NotExamined, `no query answered: the evidence names its host "ip-10-0-0-1"`},
		{"fails", triage.NotExamined, "collecting program: exit status 255: "},
		{"reads nothing", triage.NotExamined, "collecting program: it printed nothing"},
		{"no osquery", triage.NotExamined, "no query answered"},
		{"endless", triage.NotExamined, "collecting program: it printed more than 66060288 bytes"},
		{"hangs", triage.NotExamined, "collecting program: out of time after 2s"},
	} {
		t.Run(c.how, func(t *testing.T) {
			t.Setenv(collecting, c.how)
			o := execOptions(t, "web-1")
			if c.how == "hangs" {
				o.Exec.Timeout = 2 * time.Second
			}
			_, r := run(t, o)
			h := r.Hosts[0]
			if h.Host != "web-1" || h.Status != c.status || !strings.HasPrefix(h.Reason, c.reason) {
				t.Errorf("got %s, %q; errors %+v", h.Status, h.Reason, h.Errors)
			}
			if c.how == "fails" && (!strings.HasSuffix(h.Reason, "noise ssh: no route [2J to host") || len(h.Reason) > 500) {
				t.Errorf("the reason is %q", h.Reason)
			}
		})
	}
}

// The hosts are a group of their own, each once, and what the program says is told
// once for each, as words only.
func TestExecGroup(t *testing.T) {
	t.Setenv(collecting, "well")
	o := execOptions(t, "web-2", "web-1", "web-2")
	o.Group = "web"
	var said []string
	o.Said = func(text string) { said = append(said, text) }
	_, r := run(t, o)
	if r.Group.Key != "web" || r.Group.HostsRequested != 2 || r.Group.Examined != 2 {
		t.Errorf("group %+v", r.Group)
	}
	if got, want := strings.Join(said, "|"), "collecting web-1: asked web-1 [31m|collecting web-2: asked web-2 [31m"; got != want {
		t.Errorf("said %q, want %q", got, want)
	}
}

func TestExecMistakes(t *testing.T) {
	for _, c := range []struct{ name, command, host, want string }{
		{"no host", "true", "", "no host is named"},
		{"a host that is an option", "true", "-oProxyCommand=reboot", "is no host id"},
		{"a host that is a path", "true", "../x", "is no host id"},
		{"no program", "", "web-1", "no program is named"},
		{"a program beside the evidence", "./collect", "web-1", "expected a whole path, or a name on PATH"},
		{"a program that is not there", "no-such-program", "web-1", "run no-such-program to collect: executable file not found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := options(t, "")
			o.Exec = &Exec{Command: []string{c.command}}
			if c.host != "" {
				o.Exec.Hosts = []string{c.host}
			}
			if _, _, _, err := Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// standInSSH takes the options that the example gives and runs the command where
// web-1 would; web-2 cannot be reached.
const standInSSH = `#!/bin/sh
while [ "$1" != -- ]; do
	[ "$1 $2" = "-O exit" ] && exit 0
	shift
done
case $2 in
web-1) exec sh -c "$3" ;;
*) echo "ssh: connect to host $2 port 22: No route to host" >&2; exit 255 ;;
esac
`

// standInOsqueryi answers one query with a row and fails at another.
const standInOsqueryi = `#!/bin/sh
[ "$*" = --json ] || exit 2
sql=$(cat)
case $sql in
*"kernel_modules"*) echo '[
  {"name":"nf_diag","size":"16384","used_by":"-","status":"Live"}
]' ;;
*"shadow"*) echo "Error: no such table: shadow" >&2; exit 1 ;;
*";") echo '[

]' ;;
esac
`

// The example that comes with diffy collects over ssh.
func TestExecExample(t *testing.T) {
	bin := t.TempDir()
	for name, text := range map[string]string{"ssh": standInSSH, "osqueryi": standInOsqueryi} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	example, err := filepath.Abs("../../examples/exec/ssh.py")
	if err != nil {
		t.Fatal(err)
	}
	o := options(t, "")
	o.Exec = &Exec{Command: []string{example, "-l", "responder"}, Hosts: []string{"web-1", "web-2"}}
	_, r := run(t, o)
	one, two := r.Hosts[0], r.Hosts[1]
	if one.Host != "web-1" {
		one, two = two, one
	}
	if one.Status != triage.Partial || len(one.Errors) == 0 || !strings.Contains(one.Errors[0].Error, "no such table: shadow") {
		t.Errorf("web-1 is %+v", one)
	}
	if want := "collecting program: exit status 255: ssh: connect to host web-2 port 22: No route to host"; two.Status != triage.NotExamined || two.Reason != want {
		t.Errorf("web-2 is %+v", two)
	}
}
