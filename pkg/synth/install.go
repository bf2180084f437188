package synth

import (
	"fmt"
	"strconv"
	"strings"
)

// installer follows the directives of one software on one machine.
type installer struct {
	m        *machine
	software *software
	pkg      string   // owner of the files
	main     *process // the last proc
	last     *process // the last proc or child: what listen, dial and env speak of
}

func (i *installer) follow(d directive) {
	m := i.m
	for k := range d.args {
		if strings.Contains(d.args[k], "$") {
			args := make([]string, len(d.args)) // the catalog is shared
			for k, a := range d.args {
				args[k] = m.expand(a)
			}
			d.args = args
			break
		}
	}
	switch d.word {
	case "pkg":
		i.packages(d.args)
	case "bin":
		i.program(d)
	case "file":
		i.config(d.arg(0), d.arg(1))
	case "user":
		m.addUser(account{name: d.arg(0), uid: number(d.arg(1)), gid: number(d.arg(2)), home: d.arg(3), shell: d.arg(4), description: d.rest(5)})
	case "unit":
		i.unit(d)
	case "cron":
		i.cron(d)
	case "proc", "child":
		i.process(d)
	case "listen", "dial", "accept", "raw", "backend", "replica":
		i.network(d)
	case "env":
		i.last.environ = append(i.last.environ, setting{d.arg(0), d.rest(1)})
	case "tmpmap":
		i.mapped(d)
	case "mount":
		m.mounts = append(m.mounts, mount{m.disk(d.arg(0)), d.arg(1), d.arg(2), d.arg(3)})
	case "mod":
		m.modules = append(m.modules, module{d.arg(0), number(d.arg(1)), d.arg(2)})
	case "sysctl":
		m.sysctls = settle(m.sysctls, d.arg(0), d.arg(1))
	case "iptables":
		m.rules = append(m.rules, firewallRule{
			table: d.arg(0), chain: d.arg(1), target: d.arg(2), protocol: d.arg(3), policy: "ACCEPT",
			src: d.arg(4), srcMask: d.arg(5), dst: d.arg(6), dstMask: d.arg(7), match: "yes",
		})
	case "container":
		m.runContainer(d.arg(0), d.rest(1))
	case "py":
		i.python(d.args)
	default:
		panic("catalog: no directive " + d.word)
	}
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic("catalog: no number " + text)
	}
	return n
}

func (i *installer) packages(names []string) {
	s := i.m.plan.system
	for _, n := range names {
		arch := s.arch
		if strings.HasPrefix(n, "python") || strings.HasSuffix(n, "-common") || strings.HasSuffix(n, "-data") {
			arch = map[bool]string{true: "all", false: "noarch"}[s.debian()]
		}
		if i.pkg == "" {
			i.pkg = n
		}
		if i.m.version(n) == "" {
			i.m.packages = append(i.m.packages, installed{n, i.m.plan.version(i.m.variant, n), arch})
		}
	}
}

func (i *installer) program(d directive) {
	path, mode, pkg := d.arg(0), d.arg(1), i.pkg
	if strings.Contains(path, i.m.variant.role.app) {
		for _, p := range i.m.packages { // the house's own package, whichever line names it
			if strings.HasPrefix(p.name, i.m.variant.role.app) {
				pkg = p.name
			}
		}
	}
	if path == i.m.plan.system.python {
		pkg = "python3"
	}
	if mode == "" {
		mode = "0755"
	}
	i.m.packaged(path, mode, pkg)
	i.m.file(path).group = d.arg(2)
}

// config writes a file whose content does not change with the package's
// revision, as most configuration does not.
func (i *installer) config(path, mode string) {
	m := i.m
	content := "config " + path
	if strings.HasPrefix(i.pkg, m.variant.role.app) {
		content += m.variant.release()
	}
	if path == "/var/lib/cloud/instance/user-data.txt" {
		content += m.variant.role.app
	}
	built := m.arrived(i.pkg)
	m.write(file{path: path, mode: mode, content: content, owner: i.pkg, mtime: built - 86400*30, ctime: built})
}

func (i *installer) unit(d directive) {
	m, id := i.m, d.arg(0)
	sub, state := d.arg(1), strings.TrimPrefix(d.arg(2), "-")
	u := unit{id: id, description: d.rest(4), load: "loaded", sub: sub, fileState: state, fragment: m.plan.system.units + "/" + templateOf(id)}
	if d.arg(3) != "-" {
		u.owner = d.arg(3)
	}
	u.active = "active"
	switch sub {
	case "dead":
		u.active = "inactive"
	case "none":
		u = unit{id: id, description: id, load: "not-found", active: "inactive", sub: "dead"}
	}
	if m.unit(id) != nil {
		return
	}
	m.units = append(m.units, u)
	if state == "enabled" {
		m.enable(u, "unit "+id+" of "+i.pkg+map[bool]string{true: m.variant.release()}[strings.HasPrefix(i.pkg, m.variant.role.app)], m.arrived(i.pkg))
	}
}

// templateOf is the file that a unit is read from: getty@tty1 from getty@.
func templateOf(id string) string {
	at := strings.IndexByte(id, '@')
	if at < 0 {
		return id
	}
	return id[:at+1] + id[strings.LastIndexByte(id, '.'):]
}

// enable leaves the link that starts a unit at boot; osquery follows it and
// reports the unit's file.
func (m *machine) enable(u unit, content string, when int64) {
	target := "multi-user.target.wants"
	switch {
	case strings.HasSuffix(u.id, ".timer"):
		target = "timers.target.wants"
	case strings.HasSuffix(u.id, ".socket"):
		target = "sockets.target.wants"
	}
	m.write(file{path: "/etc/systemd/system/" + target + "/" + u.id, content: content, target: u.fragment, mtime: when - 86400*20, ctime: when, size: int64(120 + seedOf(content)%1500)})
}

func (i *installer) cron(d directive) {
	m := i.m
	e := cronEntry{path: d.arg(0), minute: d.arg(1), hour: d.arg(2), day: d.arg(3), month: d.arg(4), weekday: d.arg(5), command: d.rest(6)}
	m.crons = append(m.crons, e)
	mode, content := "0644", "cron "+e.path
	if strings.HasPrefix(e.path, "/var/spool/") {
		mode = "0600"
	}
	for _, other := range m.crons {
		if other.path == e.path {
			content += other.minute + other.hour + other.command
		}
	}
	when := m.arrived(i.pkg)
	if strings.Contains(e.path, m.variant.role.app) || strings.HasPrefix(e.path, "/var/spool/") {
		when = m.arrived(m.variant.role.app)
	}
	m.write(file{path: e.path, mode: mode, content: content, mtime: when, ctime: when, size: int64(len(content))})
}

func (i *installer) process(d directive) {
	m := i.m
	if d.word == "child" {
		for range number(d.arg(0)) {
			i.last = m.spawn(i.main, d.arg(1), d.arg(2), d.arg(3), d.rest(4))
		}
		return
	}
	i.main = m.spawn(m.process(1), d.arg(1), d.arg(2), d.arg(3), d.rest(4))
	i.last = i.main
	if d.arg(0) == "-" {
		i.main.cgroup = "/init.scope"
		return
	}
	m.serve(i.main, d.arg(0))
}

// serve puts a process into a unit's control group.
func (m *machine) serve(p *process, id string) {
	p.unit, p.cgroup = id, "/system.slice/"+id
	if base, _, ok := strings.Cut(id, "@"); ok {
		p.cgroup = fmt.Sprintf("/system.slice/system-%s.slice/%s", strings.ReplaceAll(base, "-", `\x2d`), id)
	}
}

// mapped is a library that a program unpacks to /tmp under a random name.
func (i *installer) mapped(d directive) {
	i.last.maps = append(i.last.maps, mapping{d.arg(0), d.arg(1)})
	if d.arg(2) == "exec" {
		i.m.write(file{path: d.arg(0), mode: "0744", content: "unpacked by " + i.pkg, uid: i.last.uid, gid: i.last.uid, size: 52_000, mtime: i.last.start, ctime: i.last.start})
	}
}

func (i *installer) python(names []string) {
	dir := i.m.expand("/srv/$app/venv/lib/python3/site-packages")
	for _, n := range names {
		version := i.m.plan.distributed("pypi-"+n, 0)
		if n == i.m.variant.release() {
			n, version = i.m.variant.role.app, n
		}
		i.m.python = append(i.m.python, pythonPackage{n, upstream(version), dir})
	}
}
