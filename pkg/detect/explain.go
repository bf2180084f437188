package detect

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"diffy/pkg/facts"
	"diffy/pkg/triage"
)

// What a harmless cause takes from a score, bits.
const (
	explainedFully  = -6.0
	explainedPartly = -3.0
)

// context is what happened to a host that accounts for some of its differences.
type context struct {
	packages []string // whose version is not the usual one, or that are extra or gone
	kernel   bool     // another kernel than most
	booting  bool     // up for minutes only, the others for longer
	session  []string // programs that only somebody who is logged in runs
}

// A host is booting when it has been up for less than this, seconds.
const bootTime = 15 * 60

// contexts finds, from the deviations in stable facts, what happened to each
// host. Packages of a subpopulation of its own are among them when they differ
// from the largest one.
func (g *group) contexts(all []*deviation) []*context {
	out := make([]*context, len(g.hosts))
	longer := 0
	for i, h := range g.hosts {
		out[i] = &context{booting: h.Uptime > 0 && h.Uptime < bootTime}
		if h.Uptime >= 2*bootTime {
			longer++
		}
	}
	for i := range out {
		out[i].booting = out[i].booting && longer > 0
	}
	for _, d := range all {
		if d.table().rule.Anchor && isPackages(d.table()) {
			d.hosts.each(func(h int) { out[h].packages = append(out[h].packages, d.key.named("name")) })
		}
	}
	for _, d := range all {
		if d.kind != triage.Missing && d.table().rule.Name == "processes" && session(d) != "" {
			d.hosts.each(func(h int) { out[h].session = append(out[h].session, d.fact.Row.Value("path")) })
		}
	}
	g.kernels(out)
	return out
}

func isPackages(t *table) bool {
	return t.rule.Name == "deb_packages" || t.rule.Name == "rpm_packages"
}

// kernels marks the hosts whose kernel is not the commonest one.
func (g *group) kernels(out []*context) {
	t := g.table("host_identity", "kernel_info")
	if t == nil || len(t.keys) == 0 {
		return
	}
	column := "kernel_version"
	if t.rule.Name == "kernel_info" {
		column = "version"
	}
	usual := map[string]int{}
	for _, k := range t.keys {
		for _, f := range k.facts {
			usual[k.compared(f, column)] += f.hosts.count()
		}
	}
	for _, k := range t.keys {
		for _, f := range k.facts {
			if version := k.compared(f, column); 2*usual[version] < len(g.hosts) {
				f.hosts.each(func(h int) { out[h].kernel = true })
			}
		}
	}
}

// explain takes from a deviation's score what a harmless cause accounts for.
// Suspicious traits are never explained away.
func (g *group) explain(d *deviation, hosts []*context) {
	if d.score.traits >= 2 && d.kind != triage.Missing || d.score.floor > 0 {
		return
	}
	least, reason := explainedFully, ""
	d.hosts.each(func(h int) {
		bits, why := g.cause(d, hosts[h])
		if bits > least || reason == "" {
			least, reason = bits, why
		}
	})
	if least < 0 {
		d.score.explained, d.reason = least, reason
	}
}

// cause looks for what accounts for a deviation on one host.
func (g *group) cause(d *deviation, c *context) (bits float64, why string) {
	if why := timing(d); why != "" {
		return explainedFully, why
	}
	if why := session(d); why != "" {
		return explainedFully, why
	}
	if d.kind == triage.Added && d.table().rule.Name == "process_hashes" && slices.Contains(c.session, d.fact.Row.Value("path")) {
		return explainedFully, "somebody who is logged in runs it"
	}
	if c.booting && (d.kind == triage.Missing || d.kind == triage.Changed && slices.Contains(d.changed, "active_state")) && !failed(d) {
		return explainedFully, "the host has just started"
	}
	if c.kernel && kernelBound(d) {
		return explainedFully, "it runs another kernel"
	}
	if bits, why := byPackage(d, c); bits < 0 {
		return bits, why
	}
	if inside(d) {
		return explainedPartly, "it talks to a private address, and which connections are open changes by the moment"
	}
	return 0, ""
}

// inside reports whether a row is a connection to a private address.
func inside(d *deviation) bool {
	if d.fact == nil || !strings.Contains(d.table().rule.Name, "sockets") {
		return false
	}
	return slices.Contains(d.key.columns, "<ip>")
}

// timing explains units that a timer or another unit starts now and then, and
// the programs that run while they do.
func timing(d *deviation) string {
	t := d.table().rule.Name
	if t != "systemd_units" && t != "startup_items" || d.kind != triage.Changed {
		return ""
	}
	if slices.Equal(d.changed, []string{"active_state"}) || slices.Equal(d.changed, []string{"status"}) {
		now := d.key.compared(d.fact, d.changed[0])
		if now == "activating" || now == "deactivating" || now == "reloading" {
			return "the unit is starting or stopping"
		}
		if state := d.fact.Row.Value("unit_file_state"); (state == "static" || state == "indirect" || state == "transient") && now != "failed" {
			return "the unit runs now and then"
		}
	}
	return ""
}

func failed(d *deviation) bool {
	return d.fact != nil && d.key.compared(d.fact, "active_state") == "failed"
}

// systemDirs are where packages put programs.
var systemDirs = []string{"/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/usr/lib/", "/lib/", "/usr/libexec/"}

func inSystemDir(p string) bool {
	return slices.ContainsFunc(systemDirs, func(dir string) bool { return strings.HasPrefix(p, dir) })
}

var (
	sshSession  = regexp.MustCompile(`^sshd(-session)?: `)
	interactive = []string{"sshd", "sshd-session", "login", "sudo", "su", "bash", "sh", "zsh", "dash", "tmux", "screen", "ssm-session-worker"}
)

// session explains what comes with a person who is logged in: the processes of
// sshd or the session agent, and what a login shell of theirs runs from the
// system's own folders.
func session(d *deviation) string {
	const why = "somebody is logged in"
	if d.kind == triage.Missing || d.fact == nil {
		return ""
	}
	row := d.fact.Row
	switch d.table().rule.Name {
	case "processes", "process_odd_location", "process_open_sockets", "open_sockets_remote", "process_envs", "process_env_hijack":
	case "systemd_units", "startup_items":
		if id := d.key.columns[0]; strings.HasPrefix(id, "user@") || strings.HasPrefix(id, "user-runtime-dir@") || strings.HasPrefix(id, "session-") {
			return why
		}
		return ""
	default:
		return ""
	}
	program, command := owner(row), row.Value("cmdline")
	if command == "" {
		command = row.Value("process.cmdline")
	}
	parent := path.Base(row.Value("parent_path"))
	switch {
	case path.Base(program) == "sshd" && inSystemDir(program):
		return why
	case sshSession.MatchString(command) && inSystemDir(program):
		return why
	case slices.Contains(interactive, parent) && inSystemDir(program) && inSession(row.Value("cgroup_path")):
		return why
	case inSession(row.Value("cgroup_path")) && inSystemDir(program):
		return why
	}
	return ""
}

func inSession(cgroup string) bool { return strings.Contains(cgroup, "/user.slice/") }

// kernelBound reports whether a query's rows follow the kernel.
func kernelBound(d *deviation) bool {
	switch d.table().rule.Name {
	case "kernel_modules", "security_sysctls", "system_controls", "mounts", "bpf_pinned":
		return true
	case "deb_packages", "rpm_packages":
		return strings.HasPrefix(d.key.columns[0], "linux-") || strings.HasPrefix(d.key.columns[0], "kernel")
	}
	return false
}

// byPackage explains what belongs to a package whose version changed on the
// host: wholly when its name says so, partly when it is a packaged file's
// content and no package's name speaks for or against it.
func byPackage(d *deviation, c *context) (float64, string) {
	if isPackages(d.table()) && d.kind == triage.Changed {
		return explainedPartly, "it is a package of another version"
	}
	if isPackages(d.table()) || len(c.packages) == 0 {
		return 0, ""
	}
	names := subjects(d)
	for _, p := range c.packages {
		for _, name := range names {
			if belongs(name, p) {
				return explainedFully, "it follows the version of package " + p
			}
		}
	}
	if d.kind == triage.Changed && slices.Contains(d.changed, "sha256") && ownerOf(d.key.columns[0]) == "" && inSystemDir(d.key.columns[0]) && packaged(d.fact.Row) {
		return explainedPartly, "packages changed on the host"
	}
	return 0, ""
}

// subjects are the strings of a deviation that may name a package: paths, unit
// names and the like.
func subjects(d *deviation) []string {
	var row facts.Raw
	if d.fact != nil {
		row = d.fact.Row
	} else {
		row = d.expected.Row
	}
	var out []string
	for _, column := range []string{"path", "process.path", "proc_path", "map_path", "fragment_path", "source_path", "id", "name", "directory", "rule", "source", "module"} {
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

// owners are packages of programs that do not bear their package's name, Debian
// and Red Hat families.
var owners = map[string]string{
	"ls": "coreutils", "cp": "coreutils", "cat": "coreutils", "ps": "procps", "top": "procps", "ss": "iproute", "netstat": "net-tools",
	"login": "login", "su": "util-linux", "bash": "bash", "sh": "dash", "find": "findutils", "lsof": "lsof", "sudo": "sudo",
	"passwd": "passwd", "ssh": "openssh", "scp": "openssh", "sshd": "openssh", "sftp-server": "openssh", "curl": "curl", "wget": "wget",
	"crontab": "cron", "cron": "cron", "crond": "cronie", "systemctl": "systemd", "journalctl": "systemd", "kmod": "kmod",
	"auditd": "audit", "iptables": "iptables", "osqueryi": "osquery", "osqueryd": "osquery", "agetty": "util-linux",
	"dbus-daemon": "dbus", "rsyslogd": "rsyslog", "chronyd": "chrony", "amazon-ssm-agent": "amazon-ssm-agent",
}

// ownerOf names the package that a program belongs to, "" when its name does
// not tell.
func ownerOf(p string) string {
	base := path.Base(p)
	if name, ok := owners[base]; ok {
		return name
	}
	switch {
	case strings.HasPrefix(base, "pam_"):
		return "libpam"
	case strings.HasPrefix(base, "systemd"):
		return "systemd"
	case strings.HasPrefix(base, "python3"):
		return "python3"
	}
	return ""
}

// belongs reports whether a path, unit or file name is a package's by its name.
func belongs(name, pkg string) bool {
	if owner := ownerOf(name); owner != "" && strings.HasPrefix(pkg, owner) {
		return true
	}
	for _, part := range strings.Split(name, "/") {
		part = strings.TrimPrefix(part, "lib")
		stem, _, _ := strings.Cut(part, ".")
		if stem == "" || len(stem) < 3 {
			continue
		}
		bare := strings.TrimPrefix(pkg, "lib")
		if stem == pkg || stem == bare || strings.HasPrefix(bare, stem+"-") || strings.HasPrefix(stem, bare+"-") || versionless(bare) == versionless(stem) {
			return true
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

// stem is the last part of a path or a unit's name without what follows the
// first dot: sentineld of /opt/sentinel/bin/sentineld and of sentineld.service.
func stem(s string) string {
	base, _, _ := strings.Cut(path.Base(s), ".")
	if len(base) < 4 {
		return ""
	}
	return base
}
