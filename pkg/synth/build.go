package synth

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// machine builds host i as it is before anything happens to it. Hosts from
// spec.Hosts on are further ones of the same make: baseline hosts.
func (p *plan) machine(i int, v *variant, leads bool) *machine {
	m := &machine{plan: p, variant: v, rng: chances(p.spec.Seed, "host", i), index: i, leads: leads, failed: map[string]string{}}
	m.addr = p.address(i)
	m.host = "ip-" + strings.ReplaceAll(m.addr, ".", "-")
	if !p.system.debian() {
		m.host += "." + p.region + ".compute.internal"
	}
	m.instance, m.uuid, m.mac = "i-0"+hexes(m.rng, 16), strings.ToUpper(uuid(m.rng)), hardwareAddress(m.rng)
	m.name = m.host
	if p.named {
		m.name = m.instance
	}
	m.zone = p.region + string(rune('a'+i%3))
	m.now = p.now + m.rng.Int64N(90)
	oldest := m.now - max(v.image.built, m.now-45*86400)
	m.launch = m.now - 7200 - m.rng.Int64N(max(oldest-7200, 1))
	m.boot = m.launch
	if often(m.rng, 0.3) {
		m.boot = m.now - 3600 - m.rng.Int64N(m.now-m.launch-3600)
	}
	m.cpus, m.mem, m.kernel = v.kind.cpus, v.kind.mem, v.image.kernel
	m.age()
	m.kernelArgs = "BOOT_IMAGE=/boot/vmlinuz-" + m.kernel + " root=PARTUUID=" + uuid(chances(p.spec.Seed, v.image.id)) + " ro console=tty1 console=ttyS0 nvme_core.io_timeout=4294967295"
	m.installAll()
	m.addPeople()
	m.addSystem()
	m.addNetwork()
	m.firstBoot()
	return m
}

func (m *machine) installAll() {
	s := m.plan.system
	names := slices.Concat(everywhere, s.software, m.plan.agents, m.plan.security, m.variant.image.agents, []string{m.variant.role.name})
	done := map[string]bool{}
	for _, name := range names {
		m.install(s.find(name), done)
	}
	for k := range m.plan.padding {
		name := "lib" + appNames[k%len(appNames)] + itoa(k)
		m.packages = append(m.packages, installed{name, m.plan.version(m.variant, name), s.arch})
	}
	for _, name := range pamModules {
		m.packaged(s.modules+"/pam_"+name+".so", "0644", m.first("libpam-modules", "pam"))
	}
}

// first returns the first of some packages that the host has.
func (m *machine) first(names ...string) string {
	for _, n := range names {
		if m.version(n) != "" {
			return n
		}
	}
	return names[0]
}

func (m *machine) install(s *software, done map[string]bool) {
	if done[s.name] {
		return
	}
	done[s.name] = true
	i := installer{m: m, software: s}
	for _, d := range s.directives {
		if d.word == "uses" {
			for _, other := range d.args {
				m.install(m.plan.system.find(other), done)
			}
			continue
		}
		if m.plan.system.holds(d) && (!d.newer || m.variant.newer) && m.plan.holds(s, d) {
			i.follow(d)
		}
	}
}

// packaged writes a file that came with a package: same version, same content.
func (m *machine) packaged(path, mode, pkg string) {
	version := m.version(pkg)
	m.write(file{
		path: path, mode: mode, content: path + " of " + pkg + " " + version, owner: pkg,
		size:  20_000 + int64(seedOf(path, version)%2_000_000),
		mtime: m.variant.image.built - int64(seedOf(pkg, version)%30_000_000),
		ctime: m.arrived(pkg),
	})
}

// arrived is when a package's files came to the host: with the image, or with
// the release that was last deployed.
func (m *machine) arrived(pkg string) int64 {
	if !strings.HasPrefix(pkg, m.variant.role.app) {
		return m.variant.image.built
	}
	return max(m.launch, m.variant.role.deployed[at(m.variant.newer)])
}

// expand fills in the $words of a catalog line.
func (m *machine) expand(text string) string {
	if !strings.Contains(text, "$") {
		return text
	}
	return os.Expand(text, m.word)
}

func (m *machine) word(name string) string {
	v := m.variant
	switch name {
	case "app":
		return v.role.app
	case "title":
		return v.role.title
	case "version":
		return v.release()
	case "port":
		return itoa(v.role.port)
	case "metrics":
		return itoa(v.role.metrics)
	case "minute":
		return itoa((v.role.minute + 7*at(v.newer)) % 60)
	case "addr":
		return m.addr
	case "host":
		return m.host
	case "iid":
		return m.instance
	case "cpus":
		return itoa(m.cpus)
	case "mem":
		return itoa(m.mem / 2)
	case "memm":
		return itoa(m.mem/2) + "m"
	case "num":
		return itoa(between(m.rng, 1000, 4_000_000))
	case "pid":
		return itoa(between(m.rng, 400, 30_000))
	case "uuid":
		return uuid(m.rng)
	case "python":
		return m.plan.system.python
	case "pythonname":
		return "/usr/bin/python3"
	case "sd":
		return m.plan.system.daemons
	case "www":
		return m.plan.system.www
	case "registry":
		return fmt.Sprintf("%s.dkr.ecr.%s.amazonaws.com", m.plan.account, m.plan.region)
	case "snaprev":
		return itoa(7000 + int(seedOf(m.plan.spec.Seed, v.image.order, "snap")%1500))
	}
	panic("catalog has no word $" + name)
}
