package synth

import (
	"slices"
	"strings"
)

// runPackages is the package manager refreshing its lists right now.
func (m *machine) runPackages() {
	if !m.plan.system.debian() {
		if u := m.unit("dnf-makecache.service"); u != nil {
			u.active, u.sub = "activating", "start"
			p := m.spawn(m.process(1), "root", m.plan.system.python, "/", "/usr/bin/python3 /usr/bin/dnf makecache --timer")
			m.packaged(p.path, "0755", "python3")
			m.serve(p, u.id)
			m.connect(p, pick(m.rng, m.plan.pool("mirror", true)), 443)
		}
		return
	}
	u := m.unit("apt-daily.service")
	u.active, u.sub = "activating", "start"
	script := m.spawn(m.process(1), "root", "/usr/bin/dash", "/", "/bin/sh /usr/lib/apt/apt.systemd.daily update")
	m.serve(script, u.id)
	update := m.spawn(script, "root", "/usr/bin/apt-get", "/", "apt-get -qq -y update")
	fetch := m.spawn(update, "_apt", "/usr/lib/apt/methods/http", "/", "/usr/lib/apt/methods/http")
	for _, p := range []*process{script, update, fetch} {
		p.start = m.now - 20
	}
	m.packaged("/usr/bin/apt-get", "0755", "apt")
	m.packaged("/usr/lib/apt/methods/http", "0755", "apt")
	m.connect(fetch, pick(m.rng, m.plan.pool("mirror", true)), 80)
}

// runCron is an entry of a crontab running right now.
func (m *machine) runCron() {
	cron := m.running("/usr/sbin/cron")
	jobs := slices.DeleteFunc(slices.Clone(m.crons), func(c cronEntry) bool { return c.path == "/etc/crontab" })
	if cron == nil || len(jobs) == 0 {
		return
	}
	job := pick(m.rng, jobs)
	command := job.command
	user, path := "root", strings.TrimPrefix(job.path, "/var/spool/cron/crontabs/")
	if path == job.path {
		user, command, _ = strings.Cut(command, " ")
	} else {
		user = path
	}
	child := m.spawn(cron, "root", "/usr/sbin/cron", "/var/spool/cron", "/usr/sbin/CRON -f -P")
	shell := m.spawn(child, user, "/usr/bin/dash", "/", "/bin/sh -c "+command)
	work := m.spawn(shell, user, "/usr/bin/find", "/", strings.TrimPrefix(command, "cd / && "))
	if !strings.HasPrefix(command, "find") {
		work.path, work.name = "/usr/bin/dash", "sh"
	}
	for _, p := range []*process{child, shell, work} {
		p.start = m.now - 8
	}
}

// configure is a run of configuration management from outside.
func (m *machine) configure() {
	admin, from := pick(m.rng, m.plan.admins), pick(m.rng, m.plan.bastions)
	stamp := itoa(m.now-9) + "." + itoa(between(m.rng, 100000, 999999)) + "-" + itoa(between(m.rng, 1000, 30000))
	script := admin.home + "/.ansible/tmp/ansible-tmp-" + stamp + "/AnsiballZ_" + pick(m.rng, []string{"setup", "apt", "template", "service"}) + ".py"
	privileged := m.spawn(m.running("/usr/sbin/sshd"), "root", "/usr/sbin/sshd", "/", "sshd: "+admin.name+" [priv]")
	session := m.spawn(privileged, admin.name, "/usr/sbin/sshd", "/", "sshd: "+admin.name+"@notty")
	session.sockets = append(session.sockets, socket{tcp, familyOf(from), m.addr, 22, from, ephemeral(m.rng), "ESTABLISHED"})
	shell := m.spawn(session, admin.name, "/usr/bin/dash", admin.home, "/bin/sh -c sudo -H -S -n -u root /bin/sh -c 'echo BECOME-SUCCESS-"+letters(m.rng, "abcdefghijklmnopqrstuvwxyz", 32)+" ; /usr/bin/python3 "+script+"'")
	run := m.spawn(shell, "root", m.plan.system.python, admin.home, "/usr/bin/python3 "+script)
	m.packaged(m.plan.system.python, "0755", "python3")
	for _, p := range []*process{privileged, session, shell, run} {
		p.start, p.unit, p.cgroup = m.now-9, "", "/user.slice/user-"+itoa(admin.uid)+".slice/session-"+itoa(between(m.rng, 2, 900))+".scope"
	}
	m.userManager(admin, m.now-9)
}

func (m *machine) addVolume() {
	m.mounts = append(m.mounts, mount{m.disk("/dev/nvme2n1"), "/data", "ext4", "rw,relatime"})
}

// leaveTool is a package that somebody needed once.
func (m *machine) leaveTool() {
	name := pick(m.rng, []string{"htop", "ncdu", "tree", "iotop", "jq", "tcptraceroute"})
	if m.version(name) != "" {
		return
	}
	m.packages = append(m.packages, installed{name, m.plan.distributed(name, 0), m.plan.system.arch})
	m.fresh("/usr/bin/"+name, "0755", name, m.now-m.rng.Int64N(3_000_000))
}

// failUnit is a oneshot service that did not succeed: rare and harmless.
func (m *machine) failUnit() {
	for _, id := range []string{"fwupd-refresh.service", "man-db.service", "logrotate.service", "systemd-networkd-wait-online.service", "update-motd.service"} {
		if u := m.unit(id); u != nil && u.sub == "dead" {
			u.active, u.sub = "failed", "failed"
			return
		}
	}
}

// wake is a helper that systemd starts when asked and stops when idle.
func (m *machine) wake() {
	name := pick(m.rng, []string{"systemd-hostnamed", "systemd-timedated", "systemd-localed"})
	p := m.spawn(m.process(1), "root", "/usr/lib/systemd/"+name, "/", m.plan.system.daemons+"/"+name)
	p.start = m.now - 15
	m.packaged(p.path, "0755", "systemd")
	m.serve(p, name+".service")
	m.units = append(m.units, unit{id: name + ".service", description: name, load: "loaded", active: "active", sub: "running", fileState: "static", fragment: m.plan.system.units + "/" + name + ".service"})
}
