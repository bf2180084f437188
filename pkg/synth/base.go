package synth

import (
	"fmt"
	"slices"
)

// addSystem adds what the kernel and the image bring: modules, settings,
// mounts, package sources, confinement.
func (m *machine) addSystem() {
	p, s := m.plan, m.plan.system
	if m.variant.kind.xen {
		m.modules = append(m.modules, xenModules...)
	} else {
		m.modules = append(m.modules, nitroModules...)
	}
	m.modules = append(m.modules, kernelModules...)
	if len(p.rules) > 0 {
		m.rules = append(m.rules, p.rules...)
		m.modules = append(m.modules, module{"nf_conntrack", 200704, "-"}, module{"ip_tables", 36864, "-"}, module{"iptable_filter", 16384, "-"})
	}
	usage := chances(p.spec.Seed, "diag").Float64()
	if usage < 0.25 || usage < 0.5 && p.spec.Hosts >= 8 && m.index%2 == 0 { // never on one host alone
		m.modules = append(m.modules, diagModules...)
	}
	m.addSettings()
	m.addMounts()
	if s.debian() {
		m.addAptSources()
	} else {
		m.addYumSources()
		m.confinement = append(m.confinement, slices.Clone(selinuxSettings)...)
	}
	if slices.Contains(s.conditions, "ubu") {
		for _, name := range appArmorProfiles {
			m.confinement = append(m.confinement, setting{"apparmor " + name, "enforce"})
		}
	}
	m.sshd = []setting{
		{"Include", "/etc/ssh/sshd_config.d/*.conf"},
		{"KbdInteractiveAuthentication", "no"},
		{"UsePAM", "yes"},
		{"X11Forwarding", "yes"},
		{"PrintMotd", "no"},
		{"1", "LANG"},
		{"2", "LC_*"},
		{"sftp", "/usr/lib/openssh/sftp-server"},
	}
	m.sessions = append(m.sessions, session{"boot_time", "reboot", "~", m.kernel, m.boot, 0}, session{"runlevel", "runlevel", "~", m.kernel, m.boot + 9, 53},
		session{"login", "LOGIN", "ttyS0", "", m.boot + 10, 700})
}

func (m *machine) addSettings() {
	core, scope, bpf := "core", "", "2"
	tainted := "0"
	if slices.Contains(m.plan.system.conditions, "ubu") {
		core, scope = "|/usr/share/apport/apport -p%p -s%s -c%c -d%d -P%P -u%u -g%g -- %E", "1"
	}
	if m.running("/opt/CrowdStrike/falcond") != nil {
		tainted = "12288"
	}
	for _, s := range []setting{
		{"kernel.tainted", tainted},
		{"kernel.core_pattern", core},
		{"kernel.modprobe", "/sbin/modprobe"},
		{"kernel.modules_disabled", "0"},
		{"kernel.randomize_va_space", "2"},
		{"kernel.yama.ptrace_scope", scope},
		{"kernel.unprivileged_bpf_disabled", bpf},
		{"kernel.kptr_restrict", "1"},
		{"kernel.dmesg_restrict", "1"},
		{"kernel.perf_event_paranoid", "4"},
		{"fs.suid_dumpable", "0"},
		{"vm.nr_hugepages", "0"},
		{"net.ipv4.ip_forward", "0"},
		{"net.ipv6.conf.all.forwarding", "0"},
	} {
		if !slices.ContainsFunc(m.sysctls, func(have setting) bool { return have.key == s.key }) {
			m.sysctls = append(m.sysctls, s)
		}
	}
}

// disk names a block device as the instance type does.
func (m *machine) disk(device string) string {
	if m.variant.kind.xen && len(device) > 9 && device[:9] == "/dev/nvme" {
		return "/dev/xvd" + string(rune('a'+device[9]-'0')) + device[min(len(device), 12):]
	}
	return device
}

func (m *machine) addMounts() {
	kind, flags, root := "ext4", "rw,relatime,discard,errors=remount-ro", m.disk("/dev/nvme0n1p1")
	if m.variant.kind.xen {
		root = "/dev/xvda1"
	}
	if !m.plan.system.debian() {
		kind, flags = "xfs", "rw,noatime,attr2,inode64,logbufs=8,logbsize=32k,noquota"
	}
	kib := m.mem * 1024
	m.mounts = append([]mount{
		{root, "/", kind, flags},
		{"proc", "/proc", "proc", "rw,nosuid,nodev,noexec,relatime"},
		{"sysfs", "/sys", "sysfs", "rw,nosuid,nodev,noexec,relatime"},
		{"udev", "/dev", "devtmpfs", fmt.Sprintf("rw,nosuid,relatime,size=%dk,nr_inodes=%d,mode=755", kib/2-m.rng.IntN(3)*4, kib/8)},
		{"devpts", "/dev/pts", "devpts", "rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=000"},
		{"tmpfs", "/dev/shm", "tmpfs", "rw,nosuid,nodev"},
		{"tmpfs", "/run", "tmpfs", fmt.Sprintf("rw,nosuid,nodev,noexec,relatime,size=%dk,mode=755", kib/10)},
		{"tmpfs", "/run/lock", "tmpfs", "rw,nosuid,nodev,noexec,relatime,size=5120k"},
		{"cgroup2", "/sys/fs/cgroup", "cgroup2", "rw,nosuid,nodev,noexec,relatime,nsdelegate,memory_recursiveprot"},
		{"pstore", "/sys/fs/pstore", "pstore", "rw,nosuid,nodev,noexec,relatime"},
		{"bpf", "/sys/fs/bpf", "bpf", "rw,nosuid,nodev,noexec,relatime,mode=700"},
		{"systemd-1", "/proc/sys/fs/binfmt_misc", "autofs", fmt.Sprintf("rw,relatime,fd=29,pgrp=1,timeout=0,minproto=5,maxproto=5,direct,pipe_ino=%d", between(m.rng, 9000, 30_000))},
		{"mqueue", "/dev/mqueue", "mqueue", "rw,nosuid,nodev,noexec,relatime"},
		{"debugfs", "/sys/kernel/debug", "debugfs", "rw,nosuid,nodev,noexec,relatime"},
		{"tracefs", "/sys/kernel/tracing", "tracefs", "rw,nosuid,nodev,noexec,relatime"},
		{"hugetlbfs", "/dev/hugepages", "hugetlbfs", "rw,relatime,pagesize=2M"},
		{"fusectl", "/sys/fs/fuse/connections", "fusectl", "rw,nosuid,nodev,noexec,relatime"},
		{root[:len(root)-1] + "15", "/boot/efi", "vfat", "rw,relatime,fmask=0077,dmask=0077,codepage=437,iocharset=ascii,shortname=winnt,errors=remount-ro"},
	}, m.mounts...)
}

func (m *machine) addAptSources() {
	release := map[string]string{"debian12": "bookworm", "ubuntu2204": "jammy", "ubuntu2404": "noble"}[m.plan.system.name]
	uri, components := "http://"+m.plan.region+".ec2.archive.ubuntu.com/ubuntu/", "main restricted universe multiverse"
	if m.plan.system.platform == "debian" {
		uri, components = "http://cdn-aws.deb.debian.org/debian/", "main contrib non-free-firmware"
	}
	for _, pocket := range []string{"", "-updates", "-security", "-backports"} {
		m.sources = append(m.sources, source{name: "/etc/apt/sources.list", uri: uri, release: release + pocket, components: components})
	}
	for _, agent := range m.plan.agents {
		if agent == "datadog-agent" || agent == "filebeat" || agent == "puppet" {
			m.sources = append(m.sources, source{name: "/etc/apt/sources.list.d/" + agent + ".list", uri: "https://apt." + agent + ".example.com/", release: "stable", components: "main"})
		}
	}
}

func (m *machine) addYumSources() {
	for _, name := range []string{"amazonlinux", "amazonlinux-debuginfo", "amazonlinux-source", "kernel-livepatch"} {
		m.sources = append(m.sources, source{
			name: "Amazon Linux 2023 " + name, uri: "", release: "https://cdn.amazonlinux.com/" + name + "/mirrors/al2023/$basearch/mirror.list",
			enabled: map[bool]string{true: "1", false: "0"}[name == "amazonlinux"], check: "1", key: "file:///etc/pki/rpm-gpg/RPM-GPG-KEY-amazon-linux-2023",
		})
	}
}

// firstBoot writes what a host makes for itself when it is launched. On a
// young host these files are recent, on an old one they are not.
func (m *machine) firstBoot() {
	for _, f := range []struct{ path, mode, content string }{
		{"/etc/hostname", "0644", m.host},
		{"/etc/hosts", "0644", m.addr + m.host},
		{"/etc/machine-id", "0444", m.uuid},
		{"/etc/fstab", "0644", "fstab " + m.variant.image.id},
		{"/etc/passwd", "0644", "passwd " + m.variant.image.id},
		{"/etc/shadow", "0640", "shadow " + m.uuid},
		{"/etc/group", "0644", "group " + m.variant.image.id},
		{"/etc/subuid", "0644", "subuid"},
		{"/etc/ssh/ssh_host_ed25519_key", "0600", "host key " + m.uuid},
		{"/etc/ssh/ssh_host_ed25519_key.pub", "0644", "host key " + m.uuid + "pub"},
		{"/etc/ssh/ssh_host_rsa_key", "0600", "rsa host key " + m.uuid},
		{"/etc/ssh/ssh_host_rsa_key.pub", "0644", "rsa host key " + m.uuid + "pub"},
		{"/etc/.updated", "0644", "updated"},
	} {
		m.fresh(f.path, f.mode, f.content, m.launch+int64(m.rng.IntN(40)))
	}
	m.fresh("/etc/resolv.conf", "0644", "resolv "+m.plan.domain, m.boot)
	m.fresh("/etc/.pwd.lock", "0600", "", m.launch)
}
