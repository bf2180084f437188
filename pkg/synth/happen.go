package synth

import (
	"fmt"
	"slices"
	"strings"
)

// upgrade installs newer revisions of some packages, ahead of the other hosts.
// Where services were not restarted, they run from files that are gone.
func (m *machine) upgrade() {
	c, when := m.plan.churn, m.now-600-m.rng.Int64N(80_000)
	when = max(when, m.launch)
	for _, name := range c.upgraded {
		i := slices.IndexFunc(m.packages, func(p installed) bool { return p.name == name })
		if i < 0 {
			continue
		}
		m.packages[i].version = m.plan.distributed(name, 2)
		for _, f := range slices.Clone(m.files) {
			if f.owner != name || !strings.HasPrefix(f.content, f.path) {
				continue
			}
			group := f.group
			m.packaged(f.path, f.mode, name)
			replaced := m.file(f.path)
			replaced.ctime, replaced.group = when, group
			m.restart(f.path, when)
		}
	}
}

func (m *machine) restart(path string, when int64) {
	for _, p := range m.processes {
		switch {
		case p.path != path || p.foreign:
		case m.plan.churn.restarted || p.pid == 1:
			p.start = max(p.start, when)
		default:
			p.gone = true
		}
	}
}

// comeUp is a host that has just been launched: it talks to nobody yet, the
// last services are starting, and the first boot's work is still running.
func (m *machine) comeUp() {
	for _, p := range m.processes {
		p.sockets, p.deleted = nil, nil
	}
	m.logins = nil
	for _, id := range []string{"cloud-final.service", "apt-daily.service", "snapd.seeded.service", "dnf-makecache.service"} {
		if u := m.unit(id); u != nil && often(m.rng, 0.7) {
			u.active, u.sub = "activating", "start"
		}
	}
	if m.version("cloud-init") != "" {
		m.serve(m.spawn(m.process(1), "root", m.plan.system.python, "/", "/usr/bin/python3 /usr/bin/cloud-init modules --mode=final"), "cloud-final.service")
		m.packaged(m.plan.system.python, "0755", "python3")
	}
	if often(m.rng, 0.35) {
		id := m.variant.role.app + ".service"
		if u := m.unit(id); u != nil {
			u.active, u.sub = "activating", "start-pre"
			m.kill(func(p *process) bool { return p.unit == id })
			m.files = slices.DeleteFunc(m.files, func(f file) bool { return strings.HasPrefix(f.path, "/tmp/") })
		}
	}
}

// logIn is an administrator at work over ssh.
func (m *machine) logIn() {
	p := m.plan
	admin, from, tty := pick(m.rng, p.admins), pick(m.rng, p.bastions), "pts/"+itoa(m.rng.IntN(3))
	since := max(m.boot+60, m.now-m.rng.Int64N(9000))
	id := itoa(between(m.rng, 2, 4000))
	privileged := m.spawn(m.running("/usr/sbin/sshd"), "root", "/usr/sbin/sshd", "/", "sshd: "+admin.name+" [priv]")
	session := m.spawn(privileged, admin.name, "/usr/sbin/sshd", "/", "sshd: "+admin.name+"@"+tty)
	session.sockets = append(session.sockets, socket{tcp, familyOf(from), m.addr, 22, from, ephemeral(m.rng), "ESTABLISHED"})
	shell := m.spawn(session, admin.name, "/usr/bin/bash", admin.home, "-bash")
	work := []*process{privileged, session, shell}
	if often(m.rng, 0.6) {
		tool := pick(m.rng, []struct{ path, command string }{
			{"/usr/bin/top", "top"},
			{"/usr/bin/journalctl", "journalctl -fu " + m.variant.role.app},
			{"/usr/bin/less", "less /var/log/syslog"},
			{"/usr/bin/sudo", "sudo -i"},
			{"/usr/bin/vim.basic", "vim /etc/nginx/nginx.conf"},
		})
		if m.file(tool.path) == nil {
			m.packaged(tool.path, "0755", "less")
		}
		work = append(work, m.spawn(shell, admin.name, tool.path, admin.home, tool.command))
		if tool.command == "sudo -i" {
			work = append(work, m.spawn(work[3], "root", "/usr/bin/bash", "/root", "-bash"))
		}
	}
	for _, w := range work {
		w.start, w.unit, w.cgroup = since, "", fmt.Sprintf("/user.slice/user-%d.slice/session-%s.scope", admin.uid, id)
	}
	m.userManager(admin, since)
	m.sessions = append(m.sessions, session0(admin.name, tty, from, since, session.pid))
	if i := slices.IndexFunc(m.logins, func(l login) bool { return l.user == admin.name && l.host == from }); i < 0 {
		m.logins = append(m.logins, login{admin.name, from, 1, since, since})
	}
}

func session0(user, tty, host string, since int64, pid int) session {
	return session{"user", user, tty, host, since, pid}
}

// userManager is what systemd runs for a user who is logged in.
func (m *machine) userManager(a account, since int64) {
	user := itoa(a.uid)
	manager := m.spawn(m.process(1), a.name, "/usr/lib/systemd/systemd", "/", m.plan.system.daemons+"/systemd --user")
	helper := m.spawn(manager, a.name, "/usr/lib/systemd/systemd", "/", "(sd-pam)")
	for _, p := range []*process{manager, helper} {
		p.start, p.unit, p.cgroup = since, "user@"+user+".service", "/user.slice/user-"+user+".slice/user@"+user+".service/init.scope"
	}
	m.units = append(m.units,
		unit{id: "user@" + user + ".service", description: "User Manager for UID " + user, load: "loaded", active: "active", sub: "running", fileState: "static", fragment: m.plan.system.units + "/user@.service", owner: user},
		unit{id: "user-runtime-dir@" + user + ".service", description: "User Runtime Directory /run/user/" + user, load: "loaded", active: "active", sub: "exited", fileState: "static", fragment: m.plan.system.units + "/user-runtime-dir@.service"})
	m.mounts = append(m.mounts, mount{"tmpfs", "/run/user/" + user, "tmpfs", fmt.Sprintf("rw,nosuid,nodev,relatime,size=%dk,nr_inodes=%d,mode=700,uid=%s,gid=%s", m.mem*102, m.mem*25, user, user)})
}

// openSession is somebody at work through the session manager, which makes its
// own account at the first time.
func (m *machine) openSession() {
	var agent *process
	for _, p := range m.processes {
		if strings.HasSuffix(p.path, "/ssm-agent-worker") {
			agent = p
		}
	}
	if agent == nil {
		return
	}
	path := strings.Replace(agent.path, "ssm-agent-worker", "ssm-session-worker", 1)
	m.packaged(path, "0755", "amazon-ssm-agent")
	since := max(m.boot+60, m.now-m.rng.Int64N(4000))
	m.addUser(account{name: "ssm-user", uid: 1090, gid: 1090, home: "/home/ssm-user", shell: "/bin/sh", changed: int(since / 86400)})
	m.addHome(account{home: "/home/ssm-user", uid: 1090, gid: 1090}, since)
	m.sudo = append(m.sudo, sudoRule{"/etc/sudoers.d/ssm-agent-users", "ssm-user", "ALL=(ALL) NOPASSWD:ALL"})
	m.fresh("/etc/sudoers.d/ssm-agent-users", "0440", "ssm-user ALL=(ALL) NOPASSWD:ALL", since)
	worker := m.spawn(agent, "root", path, "/", path+" "+pick(m.rng, people)+"-0"+hexes(m.rng, 16))
	shell := m.spawn(worker, "ssm-user", "/usr/bin/bash", "/usr/bin", "sh")
	worker.start, shell.start = since, since
}
