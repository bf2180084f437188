package synth

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// churn is what happens to hosts without meaning anything: each kind strikes
// some of the hosts of some of the fleets.
type churn struct {
	hosts map[string]map[int]bool // kind → hosts

	upgraded  []string // packages that some hosts have newer already
	restarted bool     // and whose services were restarted then
	transient float64  // how often a timer's service is caught running
	rotated   float64  // how often a log was rotated under a daemon
	extra     []string // queries that no pack describes
}

// happenings are the kinds: how many fleets know one, and the least and the
// greatest share of hosts that it strikes there. One host is always struck.
var happenings = []struct {
	kind         string
	fleets       float64
	least, share float64
}{
	{"booted", 0.3, 0.005, 0.05},
	{"rebooted", 0.2, 0.01, 0.2},
	{"administrator", 0.35, 0.005, 0.05},
	{"session manager", 0.1, 0.005, 0.03},
	{"package run", 0.12, 0.005, 0.06},
	{"cron run", 0.2, 0.01, 0.1},
	{"configuration run", 0.12, 0.005, 0.1},
	{"upgraded", 0.35, 0.05, 0.6},
	{"older kernel", 0.25, 0.02, 0.35},
	{"data volume", 0.12, 0.25, 0.6},
	{"leftover tool", 0.1, 0.005, 0.02},
	{"failed unit", 0.1, 0.005, 0.02},
	{"on demand", 0.15, 0.01, 0.1},
	{"failed query", 0.2, 0.01, 0.05},
	{"cut log", 0.05, 0.002, 0.01},
}

var upgradable = []string{
	"openssl", "openssh-server", "sudo", "curl", "systemd", "python3", "bash", "util-linux", "tzdata", "ca-certificates", "iproute2", "libc6",
	"cron", "rsyslog", "nginx", "glibc", "dbus", "kmod", "coreutils", "login", "wget", "procps", "findutils", "nodejs", "chrony", "postfix", "libssl3",
}

func drawChurn(r *rand.Rand, spec Spec) churn {
	c := churn{hosts: map[string]map[int]bool{}}
	for _, h := range happenings {
		if !often(r, h.fleets) {
			continue
		}
		k := max(1, int(float64(spec.Hosts)*(h.least+(h.share-h.least)*r.Float64())))
		c.hosts[h.kind] = map[int]bool{}
		for _, i := range r.Perm(spec.Hosts)[:min(k, spec.Hosts)] {
			c.hosts[h.kind][i] = true
		}
	}
	c.upgraded = some(r, upgradable, between(r, 2, 10))
	c.restarted = often(r, 0.8)
	c.transient = 0.03 * r.Float64()
	c.rotated = 0.4 * r.Float64() * r.Float64()
	if often(r, 0.35) {
		c.extra = some(r, []string{"disk_inventory", "memory_info", "cpu_time", "asset_tags", "load_average"}, between(r, 1, 3))
	}
	return c
}

func (m *machine) struck(kind string) bool { return m.plan.churn.hosts[kind][m.index] }

// age makes a host young or its boot recent, before anything is built on it.
func (m *machine) age() {
	switch {
	case m.struck("booted"):
		m.boot = m.now - 45 - m.rng.Int64N(400)
		m.launch = m.boot
	case m.struck("rebooted"):
		m.boot = m.now - 300 - m.rng.Int64N(3000)
	}
	if olds := m.plan.system.kernels; m.struck("older kernel") {
		k := max(slices.Index(olds, m.kernel), 1)
		m.kernel = olds[k-1]
	}
}

// live lets happen to a built machine what the plan has in store for it, apart
// from some kinds. Each kind has chances of its own, so that one more or less
// changes no other.
func (m *machine) live(without ...string) {
	for _, h := range []struct {
		kind   string
		happen func()
	}{
		{"upgraded", m.upgrade},
		{"booted", m.comeUp},
		{"administrator", m.logIn},
		{"session manager", m.openSession},
		{"package run", m.runPackages},
		{"cron run", m.runCron},
		{"configuration run", m.configure},
		{"data volume", m.addVolume},
		{"leftover tool", m.leaveTool},
		{"failed unit", m.failUnit},
		{"on demand", m.wake},
		{"failed query", m.failQuery},
		{"cut log", func() { m.cut = true }},
	} {
		if m.struck(h.kind) && !slices.Contains(without, h.kind) {
			m.rng = chances(m.plan.spec.Seed, h.kind, m.index)
			h.happen()
		}
	}
	m.rng = chances(m.plan.spec.Seed, "tick", m.index)
	m.tick()
	m.addExtra()
}

// tick is what every host does at all times: timers, log rotation.
func (m *machine) tick() {
	c := m.plan.churn
	for i := range m.units {
		u := &m.units[i]
		if _, timed := timedServices[u.id]; timed && u.sub == "dead" && often(m.rng, c.transient) {
			u.active, u.sub = "activating", "start"
		}
		if u.sub == "waiting" && often(m.rng, c.transient) {
			u.sub = "running"
		}
	}
	if often(m.rng, c.rotated) {
		if p := m.exposed(); p != nil {
			p.deleted = append(p.deleted, fmt.Sprintf("/var/log/%s/%s.log.1 (deleted)", m.variant.role.app, m.variant.role.app))
		}
	}
}

// timedServices are started by a timer and soon done.
var timedServices = map[string]bool{
	"apt-daily.service": true, "apt-daily-upgrade.service": true, "dpkg-db-backup.service": true, "e2scrub_all.service": true,
	"man-db.service": true, "logrotate.service": true, "fstrim.service": true, "systemd-tmpfiles-clean.service": true, "motd-news.service": true,
	"fwupd-refresh.service": true, "phpsessionclean.service": true, "update-motd.service": true, "dnf-makecache.service": true,
	"refresh-policy-routes@ens5.service": true, "packagekit.service": true,
}

func (m *machine) failQuery() {
	queries := m.queryNames()
	for range between(m.rng, 1, 2) {
		m.failed[pick(m.rng, queries)] = pick(m.rng, []string{"query timed out after 20 s", "Error: database or disk is full", "vtable constructor failed: table"})
	}
}

// addExtra answers queries that are in no pack: most of their values are
// different everywhere, one column is the same everywhere.
func (m *machine) addExtra() {
	for _, q := range m.plan.churn.extra {
		t := extraTable{query: q, columns: []string{"item", "reading", "serial", "state"}}
		for i := range 2 + int(seedOf(q)%4) {
			t.rows = append(t.rows, []string{q + itoa(i), itoa(m.rng.IntN(1_000_000)), hexes(m.rng, 10), "ok"})
		}
		m.extra = append(m.extra, t)
	}
}
