package synth

import (
	"fmt"
	"strings"
)

var (
	hiddenFolders = []string{"/tmp/.x", "/tmp/.ICE-unix", "/var/tmp/.cache", "/dev/shm/.systemd", "/tmp/.font-unix", "/var/tmp/...", "/dev/shm", "/tmp", "/var/tmp", "/tmp/.dbus", "/tmp/build"}
	innocentNames = []string{"bash", "sshd", "httpd", "update", "udevd", "crond", "node", "agent", "java", "python3", "dhclient", "nginx", "sysd", "kdevtmpfsi", "php", "rsync", "healthcheck"}
	imitations    = []string{
		"/usr/lib/systemd/systemd-timedatad", "/usr/sbin/irqbalanced", "/usr/sbin/ntpd", "/usr/libexec/polkit-helper", "/usr/local/bin/node_exporter",
		"/opt/aws/bin/cfn-watch", "/usr/bin/dbus-helper", "/usr/lib/accountsservice/accounts-service", "/usr/sbin/rsyslogd-worker", "/usr/lib/systemd/systemd-networkd-wait",
		"/usr/local/sbin/healthd", "/usr/bin/gpg-agentd", "/usr/lib/apt/apt.systemd.helper", "/usr/local/bin/logship", "/opt/monitor/bin/collectd",
	}
	listenPorts = []int{31337, 4444, 1337, 8443, 8081, 2222, 9001, 6667, 10250, 5555, 12345, 7777, 8888, 3128, 1080, 22022}
)

var processAttacks = []*attack{
	{
		name: "deleted-listener", what: "T1059 / T1070.004: a listener run from a file since deleted", main: []string{"processes", "listening_ports"}, rule: true, plain: true,
		run: func(s *strike) {
			path := pick(s.shared, hiddenFolders) + "/" + pick(s.shared, innocentNames)
			port := pick(s.shared, listenPorts)
			p := s.start(nil, "root", path, "/", pick(s.shared, []string{"-bash ", path + " -l -p ", "[nc] ", "sh -i "})+itoa(port))
			p.gone = true
			p.listen(tcp, port, pick(s.shared, []string{"0.0.0.0", "::"}))
			s.mark(path, itoa(port))
		},
	},
	{
		name: "tmp-program", what: "T1105 / T1059: a program run from a folder that anyone can write", main: []string{"processes"}, rule: true, plain: true,
		run: func(s *strike) {
			path := pick(s.shared, hiddenFolders) + "/" + pick(s.shared, innocentNames)
			s.drop(path, "0755", "program")
			p := s.start(nil, pick(s.shared, []string{"root", s.m.plan.system.www}), path, pick(s.shared, []string{"/", "/tmp"}), path+pick(s.shared, []string{"", " -d", " --config /dev/null"}))
			s.calls(p, pick(s.shared, callPorts))
		},
	},
	{
		name: "memfd", what: "T1620: a program that is only in memory", main: []string{"processes"}, rule: true, plain: true,
		run: func(s *strike) {
			path := "/memfd:" + pick(s.shared, []string{"", "a", "kernel", "x", "pulse"})
			if path == "/memfd:" {
				path += letters(s.shared, "abcdefgh", 4)
			}
			p := s.start(nil, "root", path, "/", pick(s.shared, []string{"/usr/sbin/cron -f", "/lib/systemd/systemd-udevd", "sshd: root@pts/0", "/usr/bin/dbus-daemon --system"}))
			p.gone = true
			p.maps = append(p.maps, mapping{path, "r-xp"})
			s.calls(p, pick(s.shared, callPorts))
			s.mark(path)
		},
	},
	{
		name: "kernel-thread-name", what: "T1036.004: a program that calls itself a kernel thread", main: []string{"processes"}, rule: true, plain: true,
		run: func(s *strike) {
			path := pick(s.shared, []string{"/usr/bin/.kthread", "/usr/lib/libkd/kd", "/usr/sbin/kthrd", "/var/lib/misc/kw", "/tmp/.w/kw"})
			name := pick(s.shared, []string{"[kworker/0:2]", "[kworker/u8:1-events]", "[ksoftirqd/1]", "[kswapd1]", "[rcu_gp]"})
			s.drop(path, "0755", "program")
			p := s.start(nil, "root", path, "/", name)
			p.name = strings.Trim(name, "[]")[:min(15, len(name)-2)]
			s.calls(p, pick(s.shared, callPorts))
		},
	},
	{
		name: "reverse-shell", what: "T1059.004: a shell below a service, connected to outside", main: []string{"processes", "open_sockets_remote"}, plain: true,
		fits: func(m *machine) bool { return m.exposed() != nil },
		run: func(s *strike) {
			parent := s.m.exposed()
			shell := pick(s.shared, []struct{ path, command string }{
				{"/usr/bin/bash", "bash -i"}, {"/usr/bin/dash", "/bin/sh -i"}, {s.m.plan.system.python, `python3 -c import pty;pty.spawn("/bin/bash")`}, {"/usr/bin/perl", "perl -MIO -e $p=fork"},
			})
			s.m.packaged(shell.path, "0755", s.m.first("bash"))
			p := s.start(parent, parent.user, shell.path, pick(s.shared, []string{"/tmp", "/", "/var/www/html"}), shell.command)
			s.calls(p, pick(s.shared, callPorts))
			s.mark(shell.command)
		},
	},
	{
		name: "miner", what: "T1496: a miner with huge pages", main: []string{"processes", "security_sysctls"}, plain: true,
		run: func(s *strike) {
			path := pick(s.shared, []string{"/usr/local/bin/xmrig", "/opt/.cache/kinsing", "/usr/bin/bioset2", "/var/lib/.libs/phoenix", "/usr/local/bin/perfcc", "/root/.config/.java"})
			s.drop(path, "0755", "miner")
			p := s.start(nil, "root", path, "/", path+pick(s.shared, []string{" -B --donate-level 1", " -c /etc/mc.json", ""}))
			pages := pick(s.shared, []string{"1280", "1168", "2560"})
			s.m.sysctls = settle(s.m.sysctls, "vm.nr_hugepages", pages)
			s.calls(p, pick(s.shared, []int{3333, 14444, 443, 5555, 80, 10128}))
			s.mark("vm.nr_hugepages")
		},
	},
	{
		name: "imitated-daemon", what: "T1036.005: a program in a system folder under a name like the system's", main: []string{"processes", "open_sockets_remote"}, plain: true,
		run: func(s *strike) {
			path := pick(s.shared, imitations)
			s.drop(path, "0755", "program")
			p := s.start(nil, "root", path, "/", path+pick(s.shared, []string{"", " -n", " --no-debug", " -u ntp:ntp -g"}))
			s.calls(p, pick(s.shared, []int{443, 443, 8443, 80, 123, 53}))
		},
	},
	{
		name: "file-server", what: "T1048 / T1105: a web server started by hand on a common port", main: []string{"processes", "listening_ports"}, plain: true,
		run: func(s *strike) {
			port := pick(s.shared, []int{8000, 8081, 8443, 8888, 9443, 7443})
			command := pick(s.shared, []string{"python3 -m http.server %d", "/usr/bin/python3 -m http.server %d --directory /", "socat TCP-LISTEN:%d,fork EXEC:/bin/sh"})
			path := s.m.plan.system.python
			if strings.HasPrefix(command, "socat") {
				path = "/usr/bin/socat"
			}
			s.m.packaged(path, "0755", "python3")
			p := s.start(nil, pick(s.shared, []string{"root", s.m.plan.admins[0].name}), path, pick(s.shared, []string{"/", "/var/backups", "/home"}), fmt.Sprintf(command, port))
			p.listen(tcp, port, "0.0.0.0")
			s.mark(p.cmdline, itoa(port))
		},
	},
	{
		name: "preload-variable", what: "T1574.006: LD_PRELOAD in the environment of a service", main: []string{"process_env_hijack"}, plain: true,
		fits: func(m *machine) bool { return m.running("/usr/sbin/sshd") != nil },
		run: func(s *strike) {
			library := pick(s.shared, []string{"/usr/lib/libsystemd-shared.so.1", "/usr/local/lib/libproc.so", "/lib/x86_64-linux-gnu/libc.so.0", "/dev/shm/l.so", "/usr/lib/.libs/pam.so"})
			p := s.m.running("/usr/sbin/sshd")
			if e := s.m.exposed(); e != nil && s.shared.IntN(2) == 0 {
				p = e
			}
			p.environ = append(p.environ, setting{"LD_PRELOAD", library})
			s.drop(library, "0644", "library")
			if temporary(library) {
				p.maps = append(p.maps, mapping{library, "r-xp"})
			}
		},
	},
	{
		name: "no-history", what: "T1070.003: a shell that keeps no history", main: []string{"process_env_hijack"}, plain: true,
		fits: func(m *machine) bool { return m.running("/usr/sbin/sshd") != nil },
		run: func(s *strike) {
			p := s.start(s.m.running("/usr/sbin/sshd"), "root", "/usr/bin/bash", "/root", pick(s.shared, []string{"bash --noprofile", "-bash -i", "bash -c exec -a sshd bash"}))
			p.environ = append(p.environ, setting{"HISTFILE", "/dev/null"}, setting{"HISTSIZE", "0"})
			s.mark("HISTFILE", "HISTSIZE", p.cmdline)
		},
	},
	{
		name: "raw-socket-backdoor", what: "T1205.002: a backdoor that waits on a raw socket", main: []string{"raw_packet_sockets", "processes"}, plain: true,
		run: func(s *strike) {
			path := pick(s.shared, []string{"/dev/shm/kdmtmpflush", "/usr/sbin/abrtd2", "/usr/lib/systemd/systemd-udevd-net", "/var/run/haldrund", "/usr/libexec/postfix/cleanup2"})
			p := s.start(nil, "root", path, "/", pick(s.shared, []string{"/sbin/udevd -d", "dbus-daemon --system", "/usr/sbin/console-kit-daemon --no-daemon", "hald-runner", "pickup -l -t fifo -u"}))
			p.raw = append(p.raw, rawSocket{17, 768})
			if temporary(path) {
				p.gone = true
				s.mark(path)
				return
			}
			s.drop(path, "0755", "backdoor")
		},
	},
}
