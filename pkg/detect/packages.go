package detect

import (
	"path"
	"slices"
	"strings"

	"diffy/pkg/facts"
	"diffy/pkg/triage"
)

// byPackage explains what belongs to a package whose version changed on the
// host: wholly when its name says so, partly when it is a packaged file's
// content and no package's name speaks for or against it.
func (g *group) byPackage(d *deviation, c *context) (float64, string) {
	switch {
	case isPackages(d.table()) && d.kind == triage.Changed:
		return explainedPartly, "it is a package of another version"
	case isPackages(d.table()) && !d.guards():
		return explainedPartly, "one package more or less is no attack"
	case len(c.packages) == 0:
		return 0, ""
	}
	if len(g.hosts) <= 3 && c.upgraded && followsDeploy(d) {
		return explainedFully, "it is one of three hosts at most, and has packages of other versions: " + c.packages[0]
	}
	names := subjects(d)
	for _, p := range c.packages {
		if d.guards() && slices.Contains(c.removed, p) {
			continue // who removes a guard removes its package
		}
		for _, name := range names {
			if belongs(name, p) || g.sharesWord(name, p) {
				return explainedFully, "it follows the version of package " + p
			}
		}
	}
	if d.kind == triage.Changed && slices.Contains(d.changed, "sha256") && ownersOf(d.key.columns[0]) == nil && inSystemDir(d.key.columns[0]) && packaged(d.fact.Row) {
		return explainedPartly, "packages changed on the host"
	}
	return 0, ""
}

// ofAnotherImage explains contents that only hosts of other subpopulations have
// otherwise, where the package that they belong to has another version there.
func (g *group) ofAnotherImage(d *deviation) string {
	if d.kind != triage.Changed || !slices.Equal(d.changed, []string{"sha256"}) || decidesLogin(d.key.columns[0]) {
		return ""
	}
	h, other := d.hosts.first(), d.expected.hosts.first()
	if other < 0 || !g.elsewhere(d) {
		return ""
	}
	for _, t := range g.packages() {
		for _, k := range t.keys {
			apart := slices.ContainsFunc(k.facts, func(f *fact) bool { return f.hosts.has(h) != f.hosts.has(other) })
			if name := k.named("name"); apart && slices.ContainsFunc(subjects(d), func(s string) bool { return belongs(s, name) }) {
				return "the others are of another kind of host, which has another version of package " + name
			}
		}
	}
	return ""
}

// elsewhere reports whether no host of the same subpopulation has the key beside
// those that deviate.
func (g *group) elsewhere(d *deviation) bool {
	return g.cells[g.cell[d.hosts.first()]].and(d.key.present).minus(d.hosts).empty()
}

// followsDeploy reports whether a deploy can bring a deviation: other values of
// what is there anyway, and what runs of the programs that all hosts have. With
// three hosts no subpopulation can form that would show it.
func followsDeploy(d *deviation) bool {
	if d.guards() || d.novel() {
		return false
	}
	if d.kind == triage.Changed {
		return !slices.Contains(notDeployed, d.table().rule.Name) && !decidesLogin(d.key.columns[0])
	}
	switch d.table().rule.Name {
	case "processes", "process_hashes", "listening_ports", "open_sockets_remote", "process_open_sockets", "process_envs":
		return true
	}
	return false
}

// notDeployed are queries of which no deploy changes what is there anyway, or
// only with the package that it belongs to.
var notDeployed = []string{
	"users", "shadow_status", "shadow", "sudoers", "authorized_keys", "privileged_group_members", "key_binaries", "suid_bin", "auth_modules",
	"mac_and_selinux", "security_sysctls", "system_controls", "shell_init_files",
}

// decidesLogin reports whether a file is one of those that decide who may log in.
func decidesLogin(p string) bool {
	return strings.HasPrefix(p, "/etc/pam.d/") || strings.HasPrefix(p, "/etc/ssh/") || strings.HasPrefix(p, "/etc/sudoers")
}

// subjects are the strings of a deviation that may name a package: paths, unit
// names and the like.
func subjects(d *deviation) []string {
	row := d.row()
	var out []string
	for _, column := range []string{"path", "process.path", "proc_path", "map_path", "fragment_path", "source_path", "id", "name", "directory", "rule", "source", "module", "username", "groupname"} {
		if v := row.Value(column); v != "" {
			out = append(out, v)
		}
	}
	for _, column := range []string{"cmdline", "process.cmdline", "command"} {
		for _, word := range words(row.Value(column)) {
			if strings.HasPrefix(word, "/") {
				out = append(out, word)
			}
		}
	}
	return out
}

// owners are the packages of programs that do not bear their package's name, in
// the families of Debian and Red Hat.
var owners = map[string][]string{
	"ls": {"coreutils"}, "cp": {"coreutils"}, "cat": {"coreutils"}, "ps": {"procps"}, "top": {"procps"}, "ss": {"iproute"}, "netstat": {"net-tools"},
	"login": {"login", "util-linux"}, "su": {"util-linux", "login", "coreutils"}, "sh": {"dash", "bash"}, "find": {"findutils"},
	"passwd": {"passwd", "shadow-utils", "login"}, "ssh": {"openssh"}, "ssh-agent": {"openssh"}, "ssh-add": {"openssh"}, "ssh-keygen": {"openssh"}, "sftp": {"openssh"}, "scp": {"openssh"}, "sshd": {"openssh"}, "sftp-server": {"openssh"},
	"crontab": {"cron"}, "cron": {"cron"}, "crond": {"cron"}, "systemctl": {"systemd"}, "journalctl": {"systemd"}, "udevadm": {"udev", "systemd"},
	"auditd": {"audit"}, "osqueryi": {"osquery"}, "osqueryd": {"osquery"}, "agetty": {"util-linux"}, "java": {"openjdk", "java"},
	"dbus-daemon": {"dbus"}, "rsyslogd": {"rsyslog"}, "chronyd": {"chrony"}, "httpd": {"httpd", "apache"}, "vi": {"vim"}, "mysqld": {"mysql", "mariadb"},
}

// ownersOf names the packages that a program may belong to, none when its name
// does not tell.
func ownersOf(p string) []string {
	base := path.Base(p)
	if names, ok := owners[base]; ok {
		return names
	}
	switch {
	case strings.HasPrefix(base, "pam_"):
		return []string{"libpam", "pam"}
	case strings.HasPrefix(base, "systemd"):
		return []string{"systemd", "udev"}
	case strings.HasPrefix(base, "python3"):
		return []string{"python3", "libpython3"}
	}
	return nil
}

// belongs reports whether a path, unit or file name is a package's by its name.
func belongs(name, pkg string) bool {
	if slices.ContainsFunc(ownersOf(name), func(owner string) bool { return strings.HasPrefix(pkg, owner) }) {
		return true
	}
	for _, part := range strings.Split(name, "/") {
		part = strings.TrimPrefix(part, "lib")
		stem, _, _ := strings.Cut(part, ".")
		if stem == "" || len(stem) < 3 {
			continue
		}
		bare := strings.TrimPrefix(pkg, "lib")
		if stem == pkg || stem == bare || strings.HasPrefix(bare, stem+"-") || strings.HasPrefix(stem, bare+"-") || versionless(bare) == versionless(stem) || len(stem) >= 4 && strings.HasPrefix(bare, stem) {
			return true
		}
	}
	return false
}

// sharesWord reports whether the last part of a path or a unit's name bears a
// word of a package's name that no package of most hosts has: batchd.service and
// shop-batch.
func (g *group) sharesWord(name, pkg string) bool {
	base := strings.TrimPrefix(stem(name), "lib")
	for _, word := range strings.FieldsFunc(pkg, func(r rune) bool { return r == '-' || r == '_' }) {
		if len(word) < 4 || g.habits.packageWords[word] {
			continue
		}
		for _, part := range strings.FieldsFunc(base, func(r rune) bool { return r == '-' || r == '_' || r == '@' }) {
			if part == word || part == word+"d" {
				return true
			}
		}
	}
	return false
}

// versionless cuts the digits off the end: libssl3 and libssl.so.3, python3.11.
func versionless(s string) string { return strings.TrimRight(s, "0123456789.-") }

// packaged reports whether a file's times look like a package's: built long
// before it was put there.
func packaged(row facts.Raw) bool {
	m, c := row.Value("mtime"), row.Value("ctime")
	if m == "" || c == "" {
		return false
	}
	return len(m) == len(c) && m < c
}
