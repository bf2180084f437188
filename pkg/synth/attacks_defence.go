package synth

import (
	"slices"
	"strings"
)

// guards are the security agents that run on a machine, by the programs of
// theirs that a unit starts.
func (m *machine) guards() []string {
	names := slices.Concat(m.plan.security, m.variant.image.agents)
	var out []string
	for _, n := range names {
		for _, d := range m.plan.system.find(n).directives {
			if d.word == "proc" && m.plan.system.holds(d) {
				if u := m.unit(d.arg(0)); u != nil && u.active == "active" && !slices.Contains(out, u.id) {
					out = append(out, u.id)
				}
			}
		}
	}
	return out
}

// stop ends a unit's processes and leaves the unit as it would be then.
func (s *strike) stop(id, active, sub string) {
	u := s.m.unit(id)
	u.active, u.sub = active, sub
	s.mark(id)
	for _, p := range s.m.kill(func(p *process) bool { return p.unit == id }) {
		s.mark(p.path)
		for _, l := range p.listens {
			s.mark(itoa(l.port))
		}
	}
}

var defenceAttacks = []*attack{
	{
		name: "agent-killed", ends: true, what: "T1562.001: a security agent killed", main: []string{"processes", "systemd_units"}, plain: true,
		fits: func(m *machine) bool { return len(m.guards()) > 0 },
		run: func(s *strike) {
			id := pick(s.shared, s.m.guards())
			if s.shared.IntN(2) == 0 {
				s.stop(id, "failed", "failed")
				return
			}
			s.stop(id, "inactive", "dead")
			if s.shared.IntN(2) == 0 {
				s.m.unit(id).fileState = "disabled"
				s.m.remove("/etc/systemd/system/multi-user.target.wants/" + id)
			}
		},
	},
	{
		name: "agent-removed", ends: true, what: "T1562.001: a security agent uninstalled", main: []string{"processes", "systemd_units", "deb_packages", "rpm_packages"}, plain: true,
		fits: func(m *machine) bool { return len(m.guards()) > 0 },
		run: func(s *strike) {
			id := pick(s.shared, s.m.guards())
			s.stop(id, "inactive", "dead")
			s.m.units = slices.DeleteFunc(s.m.units, func(u unit) bool { return u.id == id })
			s.m.remove("/etc/systemd/system/multi-user.target.wants/" + id)
			s.m.packages = slices.DeleteFunc(s.m.packages, func(p installed) bool {
				gone := strings.HasPrefix(id, strings.SplitN(p.name, "-", 2)[0]) && slices.ContainsFunc(s.m.files, func(f file) bool { return f.owner == p.name })
				if gone {
					s.mark(p.name)
				}
				return gone
			})
			s.m.files = slices.DeleteFunc(s.m.files, func(f file) bool { return f.owner != "" && s.m.version(f.owner) == "" })
		},
	},
	{
		name: "log-stopped", ends: true, what: "T1562.012: the logging service stopped", main: []string{"processes", "systemd_units"}, plain: true,
		fits: func(m *machine) bool { return m.unit("rsyslog.service") != nil },
		run:  func(s *strike) { s.stop("rsyslog.service", "inactive", "dead") },
	},
	{
		name: "log-deleted", what: "T1070.002: a log deleted under the service that writes it", main: []string{"deleted_open_files"},
		fits: func(m *machine) bool { return m.plan.ext && m.running("/usr/sbin/rsyslogd") != nil },
		run: func(s *strike) {
			p, path := s.m.running("/usr/sbin/rsyslogd"), pick(s.shared, []string{"/var/log/auth.log", "/var/log/syslog", "/var/log/kern.log"})+" (deleted)"
			p.deleted = append(p.deleted, path)
			s.mark(path)
		},
	},
	{
		name: "confinement-off", what: "T1562.001: SELinux or an AppArmor profile no longer enforced", main: []string{"mac_and_selinux"},
		fits: func(m *machine) bool { return len(m.confinement) > 0 },
		run: func(s *strike) {
			if !s.m.plan.system.debian() {
				s.m.confinement = settle(s.m.confinement, "root.enforce", "0")
				s.mark("root.enforce")
				return
			}
			name := pick(s.shared, []string{"tcpdump", "/usr/bin/man", "/usr/lib/snapd/snap-confine"})
			s.m.confinement = settle(s.m.confinement, "apparmor "+name, "complain")
			s.mark(name)
		},
	},
	{
		name: "firewall-flushed", ends: true, what: "T1562.004: the firewall's rules removed", main: []string{"iptables"},
		fits: func(m *machine) bool { return len(m.plan.rules) > 0 },
		run: func(s *strike) {
			s.m.rules = slices.DeleteFunc(s.m.rules, func(r firewallRule) bool { return r.chain == "INPUT" })
			s.markIn("iptables", "INPUT")
		},
	},
	{
		name: "firewall-rule", what: "T1562.004: a rule that lets the intruder in", main: []string{"iptables"},
		run: func(s *strike) {
			port, from := itoa(pick(s.shared, listenPorts)), publicAddress(s.shared)
			r := firewallRule{table: "filter", chain: "INPUT", policy: "ACCEPT", target: "ACCEPT", protocol: "tcp", src: from, srcMask: "255.255.255.255", dst: "0.0.0.0", dstMask: "0.0.0.0", dstPort: port, match: "yes"}
			if s.shared.IntN(2) == 0 {
				r.table, r.chain, r.target = "nat", "PREROUTING", "REDIRECT"
			}
			s.m.rules = append(s.m.rules, r)
			s.mark(from)
		},
	},
	{
		name: "trusted-authority", what: "T1553.004: one more certificate authority is trusted", main: []string{"trust_store_additions"},
		run: func(s *strike) {
			dir := "/usr/local/share/ca-certificates/"
			if !s.m.plan.system.debian() {
				dir = "/etc/pki/ca-trust/source/anchors/"
			}
			s.drop(dir+pick(s.shared, []string{"corp-root.crt", "proxy.crt", "GlobalSign2.crt", "internal.crt"}), "0644", "certificate")
		},
	},
	{
		name: "package-source", what: "T1195.002: packages from a source of the intruder's", main: []string{"package_sources_apt", "package_sources_yum"},
		run: func(s *strike) {
			uri := "http://" + pick(s.shared, []string{"deb.ubuntu-mirror.example.net/", publicAddress(s.shared) + "/debian/", "repo.security-updates.example.org/stable/"})
			x := source{name: "/etc/apt/sources.list.d/" + pick(s.shared, []string{"security", "backports2", "docker2"}) + ".list", uri: uri, release: "stable", components: "main"}
			if !s.m.plan.system.debian() {
				x = source{name: "Extra packages " + letters(s.shared, "abcdef", 3), uri: uri, enabled: "1", check: "0"}
			}
			s.m.sources = append(s.m.sources, x)
			s.mark(uri)
		},
	},
	{
		name: "program-missing", ends: true, what: "T1562.006: a tool that would show the intruder removed", main: []string{"key_binaries"}, plain: true,
		run: func(s *strike) {
			path := pick(s.shared, []string{"/usr/bin/top", "/usr/bin/find", "/usr/bin/journalctl"})
			s.m.remove(path)
			s.mark(path)
		},
	},
	{
		name: "service-stopped", ends: true, what: "T1489: a service of this kind of host stopped", main: []string{"processes", "listening_ports"}, plain: true,
		fits: func(m *machine) bool { e := m.exposed(); return e != nil && m.unit(e.unit) != nil },
		run: func(s *strike) {
			s.stop(s.m.exposed().unit, "failed", "failed")
		},
	},
}
