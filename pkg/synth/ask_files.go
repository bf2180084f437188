package synth

import (
	"path"
	"slices"
	"strings"
)

func (m *machine) sha(f *file) string {
	if f.content == "" {
		return m.plan.hash("")
	}
	return m.plan.hash(f.content)
}

var persistencePatterns = []string{
	"/var/spool/cron/*/*", "/var/spool/cron/*", "/etc/cron.*/*", "/etc/systemd/system/*", "/etc/systemd/system/*/*", "/run/systemd/system/*",
	"/root/.config/systemd/user/*", "/home/*/.config/systemd/user/*", "/etc/init.d/*", "/etc/rc*", "/etc/profile.d/*", "/etc/update-motd.d/*",
	"/etc/udev/rules.d/*", "/etc/modules-load.d/*", "/etc/modprobe.d/*", "/etc/xdg/autostart/*", "/etc/pam.d/*", "/etc/ld.so.conf.d/*",
	"/etc/ssh/sshd_config.d/*", "/etc/sudoers.d/*", "/etc/apt/apt.conf.d/*", "/var/lib/cloud/scripts/*/*", "/etc/crontab", "/etc/anacrontab",
	"/etc/profile", "/etc/bash.bashrc", "/etc/bashrc", "/etc/environment", "/etc/nsswitch.conf", "/etc/sudoers", "/etc/ssh/sshd_config",
	"/etc/ld.so.conf", "/etc/ld.so.preload", "/var/lib/cloud/instance/user-data.txt",
}

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { ok, _ := path.Match(p, name); return ok })
}

func (m *machine) askPersistence(add func(...string)) {
	for i := range m.files {
		f := &m.files[i]
		if f.kind == "regular" && matches(persistencePatterns, f.path) {
			add(f.path, f.kind, itoa(f.size), itoa(f.uid), itoa(f.gid), f.mode, itoa(f.mtime), itoa(f.ctime), f.target, m.sha(f))
		}
	}
}

func (m *machine) askPreload(add func(...string)) {
	if f := m.file("/etc/ld.so.preload"); f != nil {
		add(f.path, itoa(f.size), itoa(f.uid), f.mode, itoa(f.mtime), itoa(f.ctime), m.sha(f))
	}
}

func (m *machine) askShellInit(add func(...string)) {
	for i := range m.files {
		f := &m.files[i]
		if matches([]string{"/root/.*rc", "/root/.*profile", "/root/.bash_*", "/home/*/.*rc", "/home/*/.*profile", "/home/*/.bash_*"}, f.path) && !strings.HasSuffix(f.path, "_history") {
			add(f.path, itoa(f.size), itoa(f.uid), f.mode, itoa(f.mtime), itoa(f.ctime), m.sha(f))
		}
	}
}

// special says which set-id bits a mode has, as suid_bin prints them.
func special(mode string) string {
	switch mode[0] {
	case '4':
		return "S"
	case '2':
		return "G"
	case '6':
		return "SG"
	}
	return ""
}

func (m *machine) askSetuid(add func(...string)) {
	for i := range m.files {
		f := &m.files[i]
		dir, bits := path.Dir(f.path), special(f.mode)
		if bits == "" || !slices.Contains([]string{"/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/tmp"}, dir) {
			continue
		}
		group := f.group
		if group == "" {
			group = "root"
		}
		add(f.path, m.userOf(f.uid), group, bits)
		if short, ok := strings.CutPrefix(f.path, "/usr"); ok && !strings.HasPrefix(short, "/local") {
			add(short, m.userOf(f.uid), group, bits) // /bin is a link to /usr/bin
		}
	}
}

var keyBinaries = strings.Fields(`/bin/ls /bin/ps /bin/ss /bin/netstat /bin/login /bin/su /bin/bash /bin/sh /usr/bin/ls /usr/bin/ps /usr/bin/ss
	/usr/bin/top /usr/bin/find /usr/bin/lsof /usr/bin/sudo /usr/bin/su /usr/bin/passwd /usr/bin/ssh /usr/bin/scp /usr/bin/curl /usr/bin/wget
	/usr/bin/crontab /usr/bin/systemctl /usr/bin/journalctl /usr/bin/kmod /usr/sbin/sshd /usr/sbin/cron /usr/sbin/crond /usr/sbin/auditd
	/usr/sbin/iptables /usr/bin/osqueryi /opt/osquery/bin/osqueryd /usr/bin/amazon-ssm-agent /usr/bin/ssm-document-worker`)

func (m *machine) askKeyBinaries(add func(...string)) {
	for _, name := range keyBinaries {
		f := m.file(name)
		if f == nil && strings.HasPrefix(name, "/bin/") {
			f = m.file("/usr" + name)
		}
		if f != nil {
			add(name, itoa(f.size), itoa(f.uid), f.mode, itoa(f.mtime), itoa(f.ctime), itoa(f.inode), m.sha(f))
		}
	}
}

func (m *machine) askAuthModules(add func(...string)) {
	for i := range m.files {
		f := &m.files[i]
		if strings.HasPrefix(f.path, m.plan.system.modules+"/") {
			add(f.path, itoa(f.size), itoa(f.uid), f.mode, itoa(f.mtime), itoa(f.ctime), m.sha(f))
		}
	}
}

func (m *machine) askTemporary(add func(...string)) {
	for i := range m.files {
		f := &m.files[i]
		if temporary(f.path) && strings.ContainsAny(f.mode[len(f.mode)-3:], "1357") {
			add(f.path, itoa(f.size), itoa(f.uid), itoa(f.gid), f.mode, itoa(f.mtime), itoa(f.ctime), "0", m.sha(f))
		}
	}
}

var systemFolders = strings.Fields(`/usr/bin /usr/sbin /usr/local/bin /usr/local/sbin /usr/local/lib /etc /etc/cron.d /etc/ssh /etc/sudoers.d /opt
	/root /usr/lib/systemd/system /etc/systemd/system`)

func (m *machine) askRecent(add func(...string)) {
	const window = 14 * 86400 // seconds; the query's own
	for i := range m.files {
		f := &m.files[i]
		if f.kind == "regular" && f.ctime > m.now-window && slices.Contains(systemFolders, path.Dir(f.path)) {
			add(f.path, path.Base(f.path), f.kind, itoa(f.size), itoa(f.uid), f.mode, itoa(f.mtime), itoa(f.ctime), "0")
		}
	}
}

func (m *machine) askTrustStore(add func(...string)) {
	for i := range m.files {
		f := &m.files[i]
		if strings.HasPrefix(f.path, "/usr/local/share/ca-certificates/") || strings.HasPrefix(f.path, "/etc/pki/ca-trust/source/anchors/") {
			add(f.path, itoa(f.size), itoa(f.mtime), itoa(f.ctime), m.sha(f))
		}
	}
}

func (m *machine) askPinned(add func(...string)) {
	for _, f := range m.pinned {
		add(f.path, "regular", itoa(f.uid), f.mode, itoa(f.mtime), itoa(f.ctime))
	}
}
