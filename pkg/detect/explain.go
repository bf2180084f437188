package detect

import (
	"cmp"
	"math"
	"path"
	"regexp"
	"slices"
	"strings"

	"diffy/pkg/triage"
)

// What a harmless cause takes from a score, bits.
const (
	explainedFully  = -8.0
	explainedPartly = -3.0
)

// explain takes from a deviation's score what a harmless cause accounts for.
// Suspicious traits are never explained away.
func (g *group) explain(d *deviation, hosts []*context) {
	if d.incriminating() {
		return
	}
	least, reason := math.Inf(-1), ""
	d.hosts.each(func(h int) {
		if bits, why := g.cause(d, hosts[h]); bits > least {
			least, reason = bits, why
		}
	})
	if least < 0 {
		d.score.explained, d.reason = least, reason
		d.score.baseline = min(d.score.baseline, 0)
	}
}

// incriminating reports whether a row's traits leave no room for a harmless
// explanation.
func (d *deviation) incriminating() bool {
	return d.score.floor > 0 || d.suspicious()
}

// suspicious reports whether a row that a deviation brings has traits of weight.
func (d *deviation) suspicious() bool {
	return d.kind != triage.Missing && weight(d.traits) >= suspiciousBits
}

// suspiciousBits is how much the traits of a row come to that is suspicious
// whatever other hosts show.
const suspiciousBits = 2.0

// weight adds up the traits that no harmless cause accounts for.
func weight(traits []trait) float64 {
	bits := 0.0
	for _, t := range traits {
		if !t.mild {
			bits += t.bits
		}
	}
	return bits
}

// cause looks for what accounts for a deviation on one host.
func (g *group) cause(d *deviation, c *context) (bits float64, why string) {
	if why := cmp.Or(g.passing(d), session(d), ownShell(d), c.passingProgram(d), c.rearranged(d), g.installed(d), g.starting(d, c), firstSession(d), g.ofAnotherImage(d), c.rescheduled(d), onDemandModule(d)); why != "" {
		return explainedFully, why
	}
	if c.kernel != nil && kernelBound(d) && c.kernel.and(d.table().answered).minus(d.hosts).empty() {
		return explainedFully, "it runs another kernel"
	}
	if bits, why := g.byPackage(d, c); bits < 0 {
		return bits, why
	}
	if d.table().rule.Name == "process_hashes" && d.kind == triage.Changed && g.elsewhere(d) {
		return explainedPartly, "only hosts of another kind run it otherwise"
	}
	return g.partly(d)
}

// passingProgram explains the hash and the connections of a program that is
// only passing through.
func (c *context) passingProgram(d *deviation) string {
	switch d.table().rule.Name {
	case "process_hashes", "hash", "open_sockets_remote", "process_open_sockets":
		if c.programs[owner(d.row())] && d.kind != triage.Changed {
			return "it belongs to a login or to something that runs now and then"
		}
	}
	return ""
}

// rearranged explains a process that is missing where its program runs with other
// arguments: that one is listed.
func (c *context) rearranged(d *deviation) string {
	if d.kind == triage.Missing && d.table().rule.Name == "processes" && d.row().Value("path") != "" && c.running[lineage(d.row())] {
		return "its program runs there with other arguments"
	}
	return ""
}

// rescheduled explains the contents of a crontab whose entries differ in their
// schedule only.
func (c *context) rescheduled(d *deviation) string {
	if d.kind == triage.Changed && slices.Contains(d.changed, "sha256") && c.crontabs[d.row().Value("path")] {
		return "it is a crontab of which only the schedule differs"
	}
	return ""
}

// installed explains what runs of a service that other hosts have installed too,
// but which does not run there: they are the ones that differ.
func (g *group) installed(d *deviation) string {
	if d.kind != triage.Added {
		return ""
	}
	switch d.table().rule.Name {
	case "processes", "process_hashes", "listening_ports", "open_sockets_remote", "process_open_sockets":
	default:
		return ""
	}
	unit := g.habits.unit(d.row())
	hosts, ok := g.habits.units[unit]
	if !ok || hosts.minus(d.hosts).empty() || 2*hosts.count() > len(g.hosts) {
		return ""
	}
	return "other hosts have " + unit + " too, where it does not run"
}

// starting explains what is not there yet on a host that has just started.
func (g *group) starting(d *deviation, c *context) string {
	if !c.booting || failed(d) {
		return ""
	}
	if d.kind == triage.Added && d.table().rule.Name == "processes" && inSystemDir(d.row().Value("path")) && strings.HasPrefix(d.row().Value("cgroup_path"), "/system.slice/") {
		if hosts, ok := g.habits.units[path.Base(d.row().Value("cgroup_path"))]; ok && !hosts.minus(d.hosts).empty() {
			return "the host has just started, and its services are starting"
		}
	}
	if !slices.Contains(thereAtBoot, d.table().rule.Name) && (d.kind == triage.Missing || d.kind == triage.Changed && slices.Contains(d.changed, "active_state")) {
		return "the host has just started"
	}
	return ""
}

// thereAtBoot are queries whose rows are there before anything has started.
var thereAtBoot = []string{"key_binaries", "suid_bin", "auth_modules", "users"}

// demandModules are in-tree modules that the kernel loads when a tool or a file
// system asks for them: ss, mount and the like.
var demandModules = []string{
	"tcp_diag", "udp_diag", "inet_diag", "unix_diag", "netlink_diag", "raw_diag", "af_packet_diag", "mptcp_diag", "binfmt_misc",
	"loop", "isofs", "cdrom", "vfat", "fat", "nls_ascii", "nls_cp437", "nls_utf8", "nls_iso8859_1", "fuse", "autofs4", "ext2", "xfs", "btrfs",
}

func onDemandModule(d *deviation) string {
	if d.table().rule.Name == "kernel_modules" && slices.Contains(demandModules, d.key.columns[0]) {
		return "the kernel loads this module when a tool asks for it"
	}
	return ""
}

// partly looks for what makes a deviation likely by chance without accounting
// for it.
func (g *group) partly(d *deviation) (bits float64, why string) {
	row := d.row()
	switch {
	case isSockets(d.table()) && slices.Contains(d.key.columns, "<ip>"):
		return explainedPartly, "it talks to a private address, and which connections are open changes by the moment"
	case isSockets(d.table()) && public(row) && g.habits.public[owner(row)] > 2:
		return explainedPartly, "the program talks to changing public addresses on other hosts too"
	case d.table().rule.Name == "processes" && row.Value("path") != "" && row.Value("path") == row.Value("parent_path") && inSystemDir(row.Value("path")) && !slices.Contains(shells, path.Base(row.Value("path"))):
		return explainedPartly, "it is a worker of the same program"
	case d.table().rule.Name == "login_history" && slices.Contains(d.key.columns, "<ip>"):
		return explainedPartly, "the login came from a private address"
	case d.table().rule.Name == "deleted_open_files" && rotated.MatchString(row.Value("path")):
		return explainedFully, "it is a log that was rotated"
	case d.table().rule.Name == "crontab" && d.kind == triage.Changed && onlySchedule(d):
		return explainedPartly, "only its schedule differs"
	case d.table().rule.Name == "mounts" && slices.Equal(d.changed, []string{"device"}) && disk.MatchString(row.Value("device")) && disk.MatchString(d.expected.Row.Value("device")):
		return explainedFully, "which disk gets which name is chance"
	case d.table().rule.Name == "mounts" && strings.HasPrefix(row.Value("path"), "/run/user/"):
		return explainedFully, "somebody is logged in"
	}
	return 0, ""
}

// disk matches the names of disks, which the kernel gives in the order in which it
// finds them.
var disk = regexp.MustCompile(`^/dev/(nvme[0-9]+n[0-9]+|xvd[a-z]+|sd[a-z]+|vd[a-z]+)(p?[0-9]+)?$`)

// rotated matches a log that was moved out of the way: app.log.1, app.log-20261124.
var rotated = regexp.MustCompile(`\.log[-.][0-9]+(\.[0-9]+)?( \(deleted\))?$`)

// onlySchedule reports whether nothing but the time differs at which a cron
// entry runs: packages spread theirs at random.
func onlySchedule(d *deviation) bool {
	return len(d.changed) > 0 && !slices.ContainsFunc(d.changed, func(c string) bool { return c != "minute" && c != "hour" })
}

// systemDirs are where packages put programs.
var systemDirs = []string{"/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/usr/lib/", "/lib/", "/usr/libexec/"}

func inSystemDir(p string) bool {
	return slices.ContainsFunc(systemDirs, func(dir string) bool { return strings.HasPrefix(p, dir) })
}

// ownShell explains that the system's own shell runs: for whom, its process tells.
func ownShell(d *deviation) string {
	p := d.row().Value("path")
	if d.table().rule.Name == "process_hashes" && d.kind != triage.Changed && (path.Dir(p) == "/bin" || path.Dir(p) == "/usr/bin") && slices.Contains(shells, path.Base(p)) {
		return "it is the system's own shell, which runs or does not by the moment"
	}
	return ""
}

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
