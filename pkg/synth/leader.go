package synth

import (
	"math/rand/v2"
	"slices"
)

// leadership is what the one leading host of a role has besides: rare and
// harmless, and by counting alone no different from an attack.
type leadership struct {
	cron, unit, serves, calls, entry bool
	path, command                    string
}

func (p *plan) drawLeader(r *rand.Rand) {
	p.leader = -1
	if !often(r, 0.75) {
		return
	}
	p.leader = pick(r, p.members[r.IntN(len(p.roles))])
	p.leading = leadership{cron: often(r, 0.6), unit: often(r, 0.5), serves: often(r, 0.4), calls: often(r, 0.4), entry: often(r, 0.2)}
	if p.leading == (leadership{}) {
		p.leading.cron = true
	}
	app := p.variants[p.assigned[p.leader]].role.app
	p.leading.path = pick(r, []string{"/usr/local/bin/" + app + "-scheduler", "/opt/" + app + "/bin/coordinator", p.system.python})
	p.leading.command = p.leading.path + pick(r, []string{" --leader", " run --singleton", " /srv/" + app + "/scheduler.py"})
}

// leads reports whether a role has a leader.
func (p *plan) leads(r *role) bool {
	return p.leader >= 0 && p.variants[p.assigned[p.leader]].role == r
}

// lead gives a machine the leader's part.
func (m *machine) lead() {
	p, l, app := m.plan, m.plan.leading, m.variant.role.app
	m.rng = chances(p.spec.Seed, "lead")
	i := installer{m: m, pkg: app}
	if l.cron {
		m.crons = append(m.crons, cronEntry{path: "/etc/cron.d/" + app + "-leader", minute: "*/15", hour: "*", day: "*", month: "*", weekday: "*", command: "root " + l.command + " --once"})
		m.fresh("/etc/cron.d/"+app+"-leader", "0644", "leader "+l.command, m.launch+900)
	}
	main := m.running(l.path)
	if l.unit {
		id := app + "-scheduler.service"
		u := unit{id: id, description: m.variant.role.title + " scheduler", load: "loaded", active: "active", sub: "running", fileState: "enabled", fragment: "/etc/systemd/system/" + id}
		m.units = append(m.units, u)
		m.fresh(u.fragment, "0644", "scheduler unit", m.launch+900)
		m.enable(u, "scheduler unit", m.launch+900)
		if m.file(l.path) == nil {
			m.fresh(l.path, "0755", "scheduler "+m.variant.release(), m.launch+900)
		}
		main = m.spawn(m.process(1), "root", l.path, "/", l.command)
		m.serve(main, id)
	}
	if l.serves {
		m.serveLocally(main)
	}
	if l.calls && main != nil {
		i.last = main
		i.dial("peer", m.variant.role.port, 8)
	}
	if l.entry {
		m.hosts = append(m.hosts, setting{m.addr, "leader." + p.domain})
	}
}

// serveLocally binds redis, or whatever else may be led, to the host's own
// address instead of the loopback one for IPv6.
func (m *machine) serveLocally(main *process) {
	if redis := m.running("/usr/bin/redis-check-rdb"); redis != nil {
		redis.listens = slices.DeleteFunc(redis.listens, func(l listener) bool { return l.address == "::1" })
		redis.listen(tcp, 6379, m.addr)
		return
	}
	if main != nil {
		main.listen(tcp, m.variant.role.port+17, m.addr)
	}
}
