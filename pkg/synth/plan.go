package synth

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// plan is what a whole fleet has in common: which distribution, which roles and
// releases, where its addresses lie, how much its hosts vary by chance. Attacks
// are no part of it, so the same seed gives the same hosts with and without.
type plan struct {
	spec   Spec
	system *system
	now    int64 // Unix seconds: when the fleet is collected
	ext    bool  // the slow tier was asked for too

	named   bool // hosts go by instance id; otherwise by host name
	account string
	region  string
	domain  string
	network int // second octet of the addresses
	vpcEnds bool
	peered  bool // /etc/hosts lists the other hosts

	roles    []*role
	images   []*image
	types    []*instanceType
	variants []*variant
	assigned []uint16 // host → variant
	members  [][]int  // role → hosts

	agents   []string
	security []string // agents that an attacker would stop
	admins   []account
	keys     []sshKey
	sudo     []sudoRule
	rules    []firewallRule
	bastions []string
	balancer []string
	leader   int // host, or -1
	leading  leadership
	churn    churn

	padding  int             // packages more than the software brings
	optional map[string]bool // catalog lines that hold for this fleet
	pools    map[string][]string
	hashes   map[string]string
}

type role struct {
	name, app, title string
	port, metrics    int
	minute           int
	releases         [2]string
	deployed         [2]int64
}

type image struct {
	id     string
	built  int64
	kernel string
	bumped float64 // share of the packages that are one revision ahead
	agents []string
	order  int
}

type instanceType struct {
	name, cpu, hardware string
	cpus, mem           int
	xen                 bool
}

// variant is one kind of host of the fleet.
type variant struct {
	role  *role
	image *image
	kind  *instanceType
	newer bool

	versions map[string]string
}

var (
	appNames = []string{
		"ledger", "atlas", "catalog", "checkout", "beacon", "pricing", "inventory", "gateway", "notifier", "harbor", "quill", "mercury",
		"orders", "payroll", "tracker", "vault9", "compass", "ingest", "billing", "reports", "search", "profile", "dispatch", "relay",
		"journal", "courier", "ticketing", "renderer", "shipping", "telemetry",
	}
	roleNames = []string{
		"node-web", "nvm-worker", "tomcat", "spring", "gunicorn", "uwsgi-pyenv", "go-api", "envoy-mesh", "postgres", "kafka", "rails",
		"php-fpm", "haproxy", "elastic", "docker-host", "ecs-host", "monitoring",
	}
	generalAgents  = []string{"ssm-agent", "cloudwatch-agent", "datadog-agent", "node-exporter", "filebeat", "fluent-bit", "consul", "puppet", "postfix", "chrony"}
	securityAgents = []string{"sentinel", "falcon", "wazuh", "osqueryd", "clamav", "fail2ban", "auditd"}
	people         = []string{"deploy", "ops", "mkeller", "asingh", "jdoe", "lchen", "rmoreau", "kobayashi", "svc-ansible", "twhite", "pnowak", "release"}
	instanceTypes  = []*instanceType{
		{"t3.small", "Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz", "t3.small", 2, 1906, false},
		{"t3.large", "Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz", "t3.large", 2, 7762, false},
		{"m5.large", "Intel(R) Xeon(R) Platinum 8175M CPU @ 2.50GHz", "m5.large", 2, 7623, false},
		{"m6i.xlarge", "Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz", "m6i.xlarge", 4, 15678, false},
		{"c5.2xlarge", "Intel(R) Xeon(R) Platinum 8124M CPU @ 3.00GHz", "c5.2xlarge", 8, 15596, false},
		{"m4.large", "Intel(R) Xeon(R) CPU E5-2686 v4 @ 2.30GHz", "HVM domU", 2, 7974, true},
		{"r6a.large", "AMD EPYC 7R13 Processor", "r6a.large", 2, 15570, false},
	}
)

func newPlan(spec Spec) *plan {
	r := chances(spec.Seed, "plan", spec.Hosts)
	p := &plan{
		spec: spec, system: pick(r, systems), ext: often(r, 0.5),
		now: 1_780_000_000 + r.Int64N(20_000_000), named: often(r, 0.6),
		account: letters(r, "0123456789", 12), region: pick(r, []string{"eu-west-1", "us-east-1", "ap-southeast-2", "eu-central-1"}),
		network: between(r, 8, 180), vpcEnds: often(r, 0.5), peered: often(r, 0.2),
		optional: map[string]bool{}, pools: map[string][]string{}, hashes: map[string]string{},
	}
	p.drawRoles(r)
	p.domain = pick(r, []string{p.roles[0].app + ".internal", "corp.example.net", p.region + ".compute.internal"})
	p.drawSoftware(r)
	p.drawImages(r)
	p.assign(r)
	p.drawPeople(r)
	p.drawNetwork(r)
	p.churn = drawChurn(r, spec)
	p.drawLeader(r)
	return p
}

func (p *plan) drawRoles(r *rand.Rand) {
	n := 1
	switch x := r.Float64(); {
	case p.spec.Hosts < 8 || x < 0.65:
	case x < 0.82:
		n = 2
	default:
		n = between(r, 3, 6)
	}
	n = max(1, min(n, p.spec.Hosts/2))
	names, apps := some(r, roleNames, n), some(r, appNames, n)
	for i := range n {
		major, minor := between(r, 1, 6), between(r, 0, 14)
		p.roles = append(p.roles, &role{
			name: names[i], app: apps[i], title: strings.ToUpper(apps[i][:1]) + apps[i][1:],
			port: between(r, 3000, 9090), metrics: between(r, 9100, 9999), minute: r.IntN(60),
			releases: [2]string{fmt.Sprintf("%d.%d.%d", major, minor, between(r, 0, 9)), fmt.Sprintf("%d.%d.0", major, minor+1)},
			deployed: [2]int64{p.now - int64(between(r, 20, 90))*86400, p.now - int64(between(r, 1, 200))*3600},
		})
	}
}

func (p *plan) drawSoftware(r *rand.Rand) {
	p.agents = append(p.agents, some(r, generalAgents, between(r, 1, 4))...)
	if !slices.Contains(p.agents, "chrony") && p.system.debian() {
		p.agents = append(p.agents, "timesyncd")
	}
	if !p.system.debian() {
		p.agents = append(slices.DeleteFunc(p.agents, func(a string) bool { return a == "chrony" || a == "ssm-agent" }), "chrony", "ssm-agent")
	}
	p.security = some(r, securityAgents, between(r, 1, 3))
}

func (p *plan) drawImages(r *rand.Rand) {
	built := p.now - int64(between(r, 20, 150))*86400
	k := r.IntN(len(p.system.kernels))
	p.images = []*image{{id: "ami-0" + hexes(r, 16), built: built, kernel: p.system.kernels[k]}}
	if !often(r, 0.5) {
		return
	}
	next := &image{
		id: "ami-0" + hexes(r, 16), built: min(p.now-86400*2, built+int64(between(r, 10, 60))*86400), order: 1,
		kernel: p.system.kernels[min(k+r.IntN(2), len(p.system.kernels)-1)], bumped: 0.02 + 0.25*r.Float64(),
	}
	if often(r, 0.3) {
		if fresh := slices.DeleteFunc(slices.Clone(securityAgents), func(a string) bool { return slices.Contains(p.security, a) }); len(fresh) > 0 {
			next.agents = []string{pick(r, fresh)}
		}
	}
	p.images = append(p.images, next)
}

func (p *plan) drawPeople(r *rand.Rand) {
	s := p.system
	p.admins = []account{{name: s.user, uid: 1000, gid: 1000, home: "/home/" + s.user, shell: "/bin/bash", description: "Cloud Default User"}}
	p.sudo = append(p.sudo, sudoRule{"/etc/sudoers.d/90-cloud-init-users", s.user, "ALL=(ALL) NOPASSWD:ALL"})
	p.addKey(r, p.admins[0], p.roles[0].app+"-keypair")
	for i, name := range some(r, people, r.IntN(4)) {
		a := account{name: name, uid: 1001 + i, gid: 1001 + i, home: "/home/" + name, shell: "/bin/bash", description: ""}
		p.admins = append(p.admins, a)
		for range between(r, 1, 3) {
			p.addKey(r, a, fmt.Sprintf("%s@%s", pick(r, people), pick(r, []string{"laptop", "ci-" + itoa(r.IntN(9)), "bastion", "mbp.local"})))
		}
		if often(r, 0.5) {
			p.sudo = append(p.sudo, sudoRule{"/etc/sudoers.d/" + name, name, "ALL=(root) NOPASSWD: /usr/bin/systemctl restart " + p.roles[0].app})
		}
	}
}

func (p *plan) addKey(r *rand.Rand, a account, comment string) {
	p.keys = append(p.keys, sshKey{
		user: a.name, algorithm: pick(r, []string{"ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256"}),
		key: hexes(r, 64), comment: comment, file: a.home + "/.ssh/authorized_keys",
	})
}

func (p *plan) drawNetwork(r *rand.Rand) {
	for range between(r, 1, 3) {
		p.bastions = append(p.bastions, p.private(r, 250))
	}
	if often(r, 0.3) {
		p.bastions = append(p.bastions, publicAddress(r))
	}
	for range between(r, 2, 4) {
		p.balancer = append(p.balancer, p.private(r, 240))
	}
	if !often(r, 0.4) {
		return
	}
	rule := firewallRule{table: "filter", chain: "INPUT", policy: "DROP", target: "ACCEPT", protocol: "tcp", src: "0.0.0.0", srcMask: "0.0.0.0", dst: "0.0.0.0", dstMask: "0.0.0.0", match: "yes"}
	for _, port := range []string{"22", itoa(p.roles[0].port), "80"} {
		rule.dstPort = port
		p.rules = append(p.rules, rule)
	}
}

// private draws an address of the fleet's own network that no host has.
func (p *plan) private(r *rand.Rand, third int) string {
	return fmt.Sprintf("10.%d.%d.%d", p.network, third, between(r, 4, 250))
}

// address is the private address of host i.
func (p *plan) address(i int) string {
	return fmt.Sprintf("10.%d.%d.%d", p.network+i/57_600, i/240%240, 10+i%240)
}

func (p *plan) hash(content string) string {
	h, ok := p.hashes[content]
	if !ok {
		h = sha(content)
		p.hashes[content] = h
	}
	return h
}

// holds decides a catalog line's ~NN once for the fleet.
func (p *plan) holds(s *software, d directive) bool {
	if d.chance == 100 {
		return true
	}
	key := s.name + itoa(d.chance)
	if d.word != "bin" && d.word != "pkg" && d.word != "unit" && d.word != "proc" && d.word != "listen" && d.word != "user" && d.word != "cron" && d.word != "file" {
		key += itoa(d.line)
	}
	held, ok := p.optional[key]
	if !ok {
		held = often(chances(p.spec.Seed, "optional", key), float64(d.chance)/100)
		p.optional[key] = held
	}
	return held
}

// pool is the addresses behind a name: of one endpoint in each zone when it is
// private, several that change from call to call when it is public.
func (p *plan) pool(name string, public bool) []string {
	if got, ok := p.pools[name]; ok {
		return got
	}
	r := chances(p.spec.Seed, "pool", name)
	var out []string
	if public {
		for range between(r, 2, 12) {
			out = append(out, publicAddress(r))
		}
	} else {
		for range between(r, 1, 3) {
			out = append(out, p.private(r, between(r, 241, 249)))
		}
	}
	p.pools[name] = out
	return out
}
