package synth

import (
	"path"
	"slices"
	"strings"
)

// plainQueries are osquery's own tables as a schedule of SELECT * logs them:
// more columns that vary, sockets that name only a pid.
var plainQueries = []query{
	{"processes", false, "pid name path cmdline state cwd root uid gid euid egid suid sgid on_disk wired_size resident_size total_size user_time system_time disk_bytes_read disk_bytes_written start_time parent pgroup threads nice cgroup_path", (*machine).tellProcesses},
	{"listening_ports", false, "pid port protocol family address fd socket path net_namespace", (*machine).tellListeners},
	{"process_open_sockets", false, "pid fd socket family protocol local_address remote_address local_port remote_port path state net_namespace", (*machine).tellSockets},
	{"process_envs", false, "pid key value", (*machine).tellEnvironments},
	{"users", false, "uid gid uid_signed gid_signed username description directory shell uuid", (*machine).tellUsers},
	{"shadow", false, "username password_status hash_alg last_change min max warning inactive expire flag", (*machine).tellShadow},
	{"crontab", false, "event minute hour day_of_month month day_of_week command path", (*machine).askCrontab},
	{"systemd_units", false, "id description load_state active_state sub_state following object_path job_id job_type job_path fragment_path user source_path unit_file_state", (*machine).tellUnits},
	{"startup_items", false, "name path args type source status username", (*machine).tellStartup},
	{"deb_packages", false, "name version source size arch revision status maintainer section priority admindir", (*machine).tellPackages},
	{"rpm_packages", false, "name version release source size sha1 arch epoch install_time vendor package_group", (*machine).tellRpms},
	{"hash", false, "path directory sha256", (*machine).tellHashes},
	{"file", false, "path directory filename inode uid gid mode device size block_size atime mtime ctime btime hard_links symlink type symlink_target_path", (*machine).tellFiles},
	{"kernel_modules", false, "name size used_by status address", (*machine).tellModules},
	{"kernel_info", false, "version arguments path device", (*machine).tellKernel},
	{"mounts", false, "device device_alias path type blocks_size blocks blocks_free blocks_available inodes inodes_free flags", (*machine).tellMounts},
	{"suid_bin", false, "path username groupname permissions", (*machine).askSetuid},
	{"authorized_keys", false, "uid algorithm key options comment key_file", (*machine).tellKeys},
	{"user_ssh_keys", false, "uid path encrypted key_type", (*machine).tellPrivateKeys},
	{"sudoers", false, "source header rule_details", (*machine).askSudoers},
	{"user_groups", false, "uid gid", (*machine).tellMembers},
	{"etc_hosts", false, "address hostnames", (*machine).tellHosts},
	{"interface_addresses", false, "interface address mask broadcast point_to_point type friendly_name", (*machine).tellInterfaces},
	{"os_version", false, "name version major minor patch build platform platform_like codename arch", (*machine).tellOS},
	{"system_info", false, "hostname uuid cpu_type cpu_brand cpu_physical_cores cpu_logical_cores physical_memory hardware_vendor hardware_model computer_name local_hostname", (*machine).tellSystem},
	{"uptime", false, "days hours minutes seconds total_seconds", (*machine).tellUptime},
}

func (m *machine) tellProcesses(add func(...string)) {
	for _, p := range m.processes {
		size := int64(seedOf(p.path)%90_000_000) + int64(p.pid)*4096
		add(itoa(p.pid), p.name, p.path, p.cmdline, "S", p.cwd, p.root, itoa(p.uid), itoa(p.uid), itoa(p.euid), itoa(p.uid), itoa(p.uid), itoa(p.uid), m.onDisk(p),
			"0", itoa(size), itoa(size*3), itoa(p.userTime), itoa(p.systemTime), itoa(p.userTime*40), itoa(p.systemTime*9), itoa(p.start), itoa(p.parent), itoa(p.pid),
			itoa(1+p.pid%7), "0", p.cgroup)
	}
}

func (m *machine) namespace() string { return "40265" + itoa(31840+int(seedOf(m.uuid)%2000)) }

func (m *machine) tellListeners(add func(...string)) {
	for _, p := range m.processes {
		for k, l := range p.listens {
			add(itoa(p.pid), itoa(l.port), itoa(l.protocol), itoa(l.family), l.address, itoa(3+k), itoa(20_000+p.pid*11+k), "", m.namespace())
		}
		if p.path == "/usr/lib/systemd/systemd-journald" {
			add(itoa(p.pid), "0", "0", "1", "", "5", "0", "/run/systemd/journal/stdout", m.namespace())
		}
	}
}

func (m *machine) tellSockets(add func(...string)) {
	for _, p := range m.processes {
		for k, l := range p.listens {
			any := map[int]string{2: "0.0.0.0", 10: "::"}[l.family]
			state := map[int]string{tcp: "LISTEN"}[l.protocol]
			add(itoa(p.pid), itoa(3+k), itoa(20_000+p.pid*11+k), itoa(l.family), itoa(l.protocol), l.address, any, itoa(l.port), "0", "", state, m.namespace())
		}
		for k, s := range p.sockets {
			add(itoa(p.pid), itoa(9+k), itoa(90_000+p.pid*13+k), itoa(s.family), itoa(s.protocol), s.local, s.remote, itoa(s.localPort), itoa(s.remotePort), "", s.state, m.namespace())
		}
		for k, s := range p.raw {
			add(itoa(p.pid), itoa(30+k), itoa(190_000+p.pid), itoa(s.family), itoa(s.protocol), "", "", "0", "0", "", "", m.namespace())
		}
	}
}

func (m *machine) tellEnvironments(add func(...string)) {
	for _, p := range m.processes {
		add(itoa(p.pid), "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
		if p.unit != "" {
			add(itoa(p.pid), "INVOCATION_ID", strings.ReplaceAll(uuid(chances(seedOf(m.uuid), p.pid)), "-", ""))
			add(itoa(p.pid), "JOURNAL_STREAM", "8:"+itoa(10_000+p.pid*7))
			add(itoa(p.pid), "SYSTEMD_EXEC_PID", itoa(p.pid))
		}
		for _, e := range p.environ {
			add(itoa(p.pid), e.key, e.value)
		}
	}
}

func (m *machine) tellUsers(add func(...string)) {
	for _, u := range m.users {
		add(itoa(u.uid), itoa(u.gid), itoa(u.uid), itoa(u.gid), u.name, u.description, u.home, u.shell, "")
	}
}

func (m *machine) tellShadow(add func(...string)) {
	for _, u := range m.users {
		add(u.name, u.password, u.algorithm, itoa(u.changed), "0", "99999", "7", "", "", "")
	}
}

func (m *machine) tellUnits(add func(...string)) {
	for _, u := range m.units {
		object := "/org/freedesktop/systemd1/unit/" + strings.NewReplacer("-", "_2d", ".", "_2e", "@", "_40").Replace(u.id)
		add(u.id, u.description, u.load, u.active, u.sub, "", object, "0", "", "/", u.fragment, u.owner, "", u.fileState)
	}
	for _, x := range m.mounts {
		id := strings.ReplaceAll(strings.Trim(x.path, "/"), "/", "-") + ".mount"
		if x.path == "/" {
			id = "-.mount"
		}
		add(id, x.path, "loaded", "active", "mounted", "", "/org/freedesktop/systemd1/unit/mount", "0", "", "/", "", "", "/proc/self/mountinfo", "")
	}
}

func (m *machine) tellStartup(add func(...string)) {
	for i := range m.files {
		if name, ok := strings.CutPrefix(m.files[i].path, "/etc/init.d/"); ok {
			add(name, m.files[i].path, "", "Startup Item", "/etc/init.d/", "enabled", "")
		}
	}
	for _, u := range m.units {
		if u.fragment != "" {
			add(u.id, u.fragment, "", "systemd unit", "", u.active, u.owner)
		}
	}
}

func (m *machine) tellPackages(add func(...string)) {
	if !m.plan.system.debian() {
		return
	}
	for _, p := range m.packages {
		revision := ""
		if i := strings.LastIndexByte(p.version, '-'); i >= 0 {
			revision = p.version[i+1:]
		}
		add(p.name, p.version, "", itoa(int(seedOf(p.name)%9000)), p.arch, revision, "install ok installed", "Maintainers <maint@example.org>", "misc", "optional", "/var/lib/dpkg")
	}
}

func (m *machine) tellRpms(add func(...string)) {
	if m.plan.system.debian() {
		return
	}
	for i, p := range m.packages {
		version, release, _ := strings.Cut(p.version, "-")
		add(p.name, version, release, p.name+".src.rpm", itoa(int(seedOf(p.name)%900_000)), m.plan.hash(p.name + p.version)[:40], p.arch, "0", itoa(m.variant.image.built-int64(i)), "Amazon Linux", "Unspecified")
	}
}

func (m *machine) tellHashes(add func(...string)) {
	for i := range m.files {
		f := &m.files[i]
		if dir := path.Dir(f.path); slices.Contains([]string{"/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"}, dir) {
			add(f.path, dir, m.sha(f))
		}
	}
}

func (m *machine) tellFiles(add func(...string)) {
	for i := range m.files {
		f := &m.files[i]
		if temporary(f.path) || slices.Contains([]string{"/etc/ld.so.preload", "/etc/rc.local", "/etc/profile", "/etc/passwd", "/etc/shadow", "/etc/crontab", "/root/.bashrc", "/root/.profile"}, f.path) {
			add(f.path, path.Dir(f.path), path.Base(f.path), itoa(f.inode), itoa(f.uid), itoa(f.gid), f.mode, "0", itoa(f.size), "4096", itoa(m.now-5), itoa(f.mtime), itoa(f.ctime), "0", "1", "0", f.kind, f.target)
		}
	}
	r := chances(m.plan.spec.Seed, "private", m.index)
	for _, u := range []string{"systemd-logind.service", "chrony.service", "systemd-resolved.service"} {
		if m.unit(u) != nil {
			name := "/tmp/systemd-private-" + strings.ReplaceAll(uuid(r), "-", "") + "-" + u + "-" + letters(r, alphanumeric, 6)
			add(name, "/tmp", path.Base(name), itoa(r.IntN(9_000_000)), "0", "0", "0700", "0", "4096", "4096", itoa(m.now-5), itoa(m.boot), itoa(m.boot), "0", "3", "0", "directory", "")
		}
	}
}

func (m *machine) tellModules(add func(...string)) {
	r := chances(m.plan.spec.Seed, "addresses", m.index)
	for _, k := range m.modules {
		add(k.name, itoa(k.size), k.usedBy, "Live", "0xffffffffc"+hexes(r, 4)+"000")
	}
}

func (m *machine) tellKernel(add func(...string)) {
	add(m.kernel, m.kernelArgs, "/boot/vmlinuz-"+m.kernel, "PARTUUID="+uuid(chances(seedOf(m.uuid), "device")))
}

func (m *machine) tellMounts(add func(...string)) {
	r := chances(m.plan.spec.Seed, "space", m.index)
	for _, x := range m.mounts {
		free := itoa(r.IntN(4_000_000))
		add(x.device, x.device, x.path, x.kind, "4096", "5000000", free, free, "1310720", itoa(r.IntN(1_300_000)), x.flags)
	}
}

func (m *machine) tellKeys(add func(...string)) {
	for _, k := range m.keys {
		add(itoa(m.uidOf(k.user)), k.algorithm, "AAAA"+k.key, k.options, k.comment, k.file)
	}
}

func (m *machine) tellPrivateKeys(add func(...string)) {
	for _, k := range m.privateKeys {
		add(itoa(m.uidOf(k.user)), k.path, flag(k.encrypted), k.kind)
	}
}

func (m *machine) tellMembers(add func(...string)) {
	for _, g := range m.members {
		add(itoa(m.uidOf(g.user)), itoa(g.gid))
	}
}

func (m *machine) tellHosts(add func(...string)) {
	for _, h := range m.hosts {
		add(h.key, h.value)
	}
}

func (m *machine) tellInterfaces(add func(...string)) {
	for _, n := range m.interfaces {
		if n.address != "" {
			add(n.name, n.address, n.mask, "", "", "auto", "")
		}
	}
}

func (m *machine) tellOS(add func(...string)) {
	s := m.plan.system
	major, _, _ := strings.Cut(s.version, " ")
	add(s.title, s.version, major, "0", "0", "", s.platform, s.base, "", "x86_64")
}

func (m *machine) tellSystem(add func(...string)) {
	k := m.variant.kind
	add(m.host, m.uuid, "x86_64", k.cpu, itoa(k.cpus), itoa(k.cpus), itoa(k.mem*1_048_576), "Amazon EC2", k.hardware, m.host, m.host)
}

func (m *machine) tellUptime(add func(...string)) {
	up := m.now - m.boot
	add(itoa(up/86400), itoa(up/3600%24), itoa(up/60%60), itoa(up%60), itoa(up))
}
