package synth

import "strings"

func (m *machine) askIdentity(add func(...string)) {
	s := m.plan.system
	add(m.host, m.uuid, m.variant.kind.cpu, m.variant.kind.hardware, s.platform, s.title, s.version, m.kernel, m.kernelArgs, itoa(m.now-m.boot))
}

func (m *machine) askInstance(add func(...string)) {
	p := m.plan
	add(m.instance, m.variant.kind.name, "x86_64", p.region, m.zone, m.variant.image.id,
		"arn:aws:iam::"+p.account+":instance-profile/"+m.variant.role.app+"-host", p.account, m.variant.role.app+"-sg")
}

func (m *machine) askCrontab(add func(...string)) {
	for _, c := range m.crons {
		add(c.event, c.minute, c.hour, c.day, c.month, c.weekday, c.command, c.path)
	}
}

func (m *machine) askUnits(add func(...string)) {
	for _, u := range m.units {
		add(u.id, u.description, u.load, u.active, u.sub, u.fileState, u.fragment, "", u.owner)
	}
}

func (m *machine) askModules(add func(...string)) {
	for _, k := range m.modules {
		add(k.name, itoa(k.size), k.usedBy, "Live")
	}
}

func (m *machine) askHiddenModules(add func(...string)) {
	for _, name := range m.hidden {
		add(name)
	}
}

func (m *machine) askSettings(add func(...string)) {
	for _, s := range m.sysctls {
		add(s.key, s.value, "")
	}
}

func (m *machine) askUsers(add func(...string)) {
	for _, u := range m.users {
		add(itoa(u.uid), itoa(u.gid), u.name, u.description, u.home, u.shell)
	}
}

func (m *machine) askMembers(add func(...string)) {
	for _, g := range m.members {
		add(g.group, itoa(g.gid), g.user, itoa(m.uidOf(g.user)))
	}
}

func (m *machine) askShadow(add func(...string)) {
	for _, u := range m.users {
		add(u.name, u.password, u.algorithm, itoa(u.changed))
	}
}

func (m *machine) askKeys(add func(...string)) {
	for _, k := range m.keys {
		add(k.user, k.algorithm, k.key, k.options, k.comment, k.file)
	}
}

func (m *machine) askPrivateKeys(add func(...string)) {
	for _, k := range m.privateKeys {
		add(k.user, k.path, flag(k.encrypted), k.kind, itoa(k.length))
	}
}

func (m *machine) askSudoers(add func(...string)) {
	for _, s := range m.sudo {
		add(s.source, s.header, s.details)
	}
}

func (m *machine) askDebPackages(add func(...string)) {
	if !m.plan.system.debian() {
		return
	}
	for _, p := range m.packages {
		revision := ""
		if i := strings.LastIndexByte(p.version, '-'); i >= 0 {
			revision = p.version[i+1:]
		}
		add(p.name, p.version, p.arch, revision, "install ok installed")
	}
}

func (m *machine) askRpmPackages(add func(...string)) {
	if m.plan.system.debian() {
		return
	}
	for i, p := range m.packages {
		version, release, _ := strings.Cut(p.version, "-")
		add(p.name, version, release, p.arch, "0", itoa(m.variant.image.built-int64(i)), "Amazon Linux")
	}
}

func (m *machine) askPython(add func(...string)) {
	for _, p := range m.packages {
		if name, ok := strings.CutPrefix(p.name, "python3-"); ok {
			add(name, upstream(p.version), m.plan.system.pythonDir)
		}
	}
	for _, p := range m.python {
		add(p.name, p.version, p.directory)
	}
}

func (m *machine) askAptSources(add func(...string)) {
	if m.plan.system.debian() {
		for _, s := range m.sources {
			add(s.name, s.uri, s.release, s.components)
		}
	}
}

func (m *machine) askYumSources(add func(...string)) {
	if !m.plan.system.debian() {
		for _, s := range m.sources {
			add(s.name, s.uri, s.release, s.enabled, s.check, s.key)
		}
	}
}

func (m *machine) askMounts(add func(...string)) {
	for _, x := range m.mounts {
		add(x.device, x.path, x.kind, x.flags)
	}
}

func (m *machine) askSessions(add func(...string)) {
	for _, s := range m.sessions {
		add(s.kind, s.user, s.tty, s.host, itoa(s.time), itoa(s.pid))
	}
}

func (m *machine) askLogins(add func(...string)) {
	for _, l := range m.logins {
		add(l.user, l.host, itoa(l.count), itoa(l.first), itoa(l.last))
	}
}

func (m *machine) askConfinement(add func(...string)) {
	for _, c := range m.confinement {
		if name, ok := strings.CutPrefix(c.key, "apparmor "); ok {
			add("apparmor", name, c.value)
			continue
		}
		add("selinux", c.key, c.value)
	}
}

func (m *machine) askSshd(add func(...string)) {
	for _, s := range m.sshd {
		add(s.key, s.value, "/files/etc/ssh/sshd_config/"+s.key)
	}
}
