package synth

import (
	"fmt"
	"strings"
)

const (
	tcp = 6
	udp = 17
)

func (m *machine) addNetwork() {
	p, nic0 := m.plan, "ens5"
	if m.variant.kind.xen || p.system.platform == "debian" && !m.variant.kind.xen && p.network%2 == 0 {
		nic0 = "eth0"
	}
	m.interfaces = append([]nic{
		{"lo", "00:00:00:00:00:00", "127.0.0.1", "255.0.0.0", 65536, false, 4},
		{"lo", "00:00:00:00:00:00", "::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65536, false, 4},
		{nic0, m.mac, m.addr, "255.255.240.0", 9001, false, 1},
		{nic0, m.mac, linkLocal(m.mac), "ffff:ffff:ffff:ffff::", 9001, false, 1},
	}, m.interfaces...)
	resolver := fmt.Sprintf("10.%d.0.2", p.network)
	if m.running("/usr/lib/systemd/systemd-resolved") != nil {
		resolver = "127.0.0.53"
	}
	m.resolvers = []setting{{"search", p.domain}, {"nameserver", resolver}}
	m.hosts = []setting{{"127.0.0.1", "localhost"}, {m.addr, m.host}, {"::1", "ip6-localhost ip6-loopback"}, {"ff02::1", "ip6-allnodes"}}
	if p.peered {
		for _, i := range p.members[m.roleIndex()] {
			if len(m.hosts) < 20 {
				m.hosts = append(m.hosts, setting{p.address(i), fmt.Sprintf("%s-%d.%s", m.variant.role.app, i, p.domain)})
			}
		}
	}
	m.meet(fmt.Sprintf("10.%d.%d.1", p.network, m.index/240%240), nic0)
	for _, i := range some(m.rng, p.members[m.roleIndex()], m.rng.IntN(4)) {
		m.meet(p.address(i), nic0)
	}
}

// meet puts an address into the neighbour table. A neighbour's hardware address
// follows from its IP address, so that all hosts see the same one.
func (m *machine) meet(address, nic string) {
	if address != m.addr {
		m.neighbours = append(m.neighbours, neighbour{address, hardwareAddress(chances(m.plan.spec.Seed, "mac", address)), nic})
	}
}

func (m *machine) roleIndex() int {
	for i, r := range m.plan.roles {
		if r == m.variant.role {
			return i
		}
	}
	return 0
}

func (i *installer) network(d directive) {
	m := i.m
	switch d.word {
	case "listen":
		protocol := map[string]int{"tcp": tcp, "udp": udp}[d.arg(0)]
		i.last.listen(protocol, number(d.arg(2)), m.bind(d.arg(1))...)
	case "raw":
		i.last.raw = append(i.last.raw, rawSocket{17, number(d.arg(0))})
		if n := number(d.arg(0)); n < 256 {
			i.last.raw[len(i.last.raw)-1] = rawSocket{2, 255}
		}
	case "dial":
		i.dial(d.arg(0), number(d.arg(1)), count(d.arg(2)))
	case "accept":
		i.accept(number(d.arg(0)), d.arg(1), number(d.arg(2)))
	case "backend":
		i.backends(d.arg(0), d.arg(1), d.arg(2))
	case "replica":
		i.replicate()
	}
}

func count(text string) int {
	if text == "" {
		return 1
	}
	return number(text)
}

func (m *machine) bind(address string) []string {
	switch address {
	case "*":
		return []string{"0.0.0.0", "::"}
	case "0":
		return []string{"0.0.0.0"}
	case "own":
		return []string{m.addr}
	}
	return []string{address}
}

func (p *process) listen(protocol, port int, addresses ...string) {
	for _, a := range addresses {
		p.listens = append(p.listens, listener{protocol, familyOf(a), a, port})
	}
}

func familyOf(address string) int {
	if strings.Contains(address, ":") {
		return 10
	}
	return 2
}

// connect is a connection out, from an ephemeral port.
func (m *machine) connect(p *process, remote string, port int) {
	state := "ESTABLISHED"
	if often(m.rng, 0.06) {
		state = pick(m.rng, []string{"TIME_WAIT", "CLOSE_WAIT", "SYN_SENT"})
	}
	p.sockets = append(p.sockets, socket{tcp, familyOf(remote), m.addr, ephemeral(m.rng), remote, port, state})
}

// dial connects to some of those it may connect to: which are open at the
// moment of collection differs from host to host.
func (i *installer) dial(whom string, port, most int) {
	m, p := i.m, i.m.plan
	kind, name, _ := strings.Cut(whom, ":")
	switch kind {
	case "leader":
		if p.leads(m.variant.role) && p.leading.serves {
			m.connect(i.last, p.address(p.leader), port)
		}
	case "peer":
		for _, peer := range some(m.rng, p.members[m.roleIndex()], m.rng.IntN(most+1)) {
			if peer != m.index {
				m.connect(i.last, p.address(peer), port)
			}
		}
	default:
		public := kind == "pool" || kind == "awspool" && !p.vpcEnds
		for range between(m.rng, 1, most) {
			m.connect(i.last, pick(m.rng, p.pool(name, public)), port)
		}
	}
}

func (i *installer) accept(port int, whom string, most int) {
	m, p := i.m, i.m.plan
	for range m.rng.IntN(most + 1) {
		remote := ""
		switch kind, name, _ := strings.Cut(whom, ":"); kind {
		case "lb":
			remote = pick(m.rng, p.balancer)
		case "internet":
			remote = publicAddress(m.rng)
		case "peer":
			remote = p.address(pick(m.rng, p.members[m.roleIndex()]))
		default:
			remote = pick(m.rng, p.pool(name, false))
		}
		i.last.sockets = append(i.last.sockets, socket{tcp, familyOf(remote), m.addr, port, remote, ephemeral(m.rng), "ESTABLISHED"})
	}
}

// backends are a database's processes, one a client.
func (i *installer) backends(database, user, path string) {
	m := i.m
	for range m.rng.IntN(7) {
		client, port := m.plan.private(m.rng, 230), ephemeral(m.rng)
		state := pick(m.rng, []string{"idle", "idle", "idle", "SELECT", "idle in transaction"})
		b := m.spawn(i.main, "postgres", path, i.main.cwd, fmt.Sprintf("postgres: 15/main: %s %s %s(%d) %s", user, database, client, port, state))
		b.sockets = append(b.sockets, socket{tcp, 2, m.addr, 5432, client, port, "ESTABLISHED"})
	}
}

// replicate makes the leader a primary and the others its replicas.
func (i *installer) replicate() {
	m, p, main := i.m, i.m.plan, i.main
	own := m.rng
	m.rng = chances(p.spec.Seed, "replica", m.index) // whoever leads, the rest of the host stays as it is
	defer func() { m.rng = own }()
	switch {
	case !p.leads(m.variant.role):
	case m.leads:
		for _, peer := range p.members[m.roleIndex()] {
			if peer != m.index && len(m.processes) < 80 {
				w := m.spawn(main, "postgres", main.path, main.cwd, fmt.Sprintf("postgres: 15/main: walsender replicator %s(%d) streaming 0/%s", p.address(peer), ephemeral(m.rng), strings.ToUpper(hexes(m.rng, 7))))
				w.sockets = append(w.sockets, socket{tcp, 2, m.addr, 5432, p.address(peer), ephemeral(m.rng), "ESTABLISHED"})
			}
		}
	default:
		m.spawn(main, "postgres", main.path, main.cwd, "postgres: 15/main: startup recovering 0000000100000000000000"+strings.ToUpper(hexes(m.rng, 2)))
		w := m.spawn(main, "postgres", main.path, main.cwd, "postgres: 15/main: walreceiver streaming 0/"+strings.ToUpper(hexes(m.rng, 7)))
		m.connect(w, p.address(p.leader), 5432)
	}
}
