package synth

import (
	"slices"
	"strings"
)

func (m *machine) askFirewall(add func(...string)) {
	for _, r := range m.rules {
		port := r.dstPort
		if port == "" {
			port = "0:65535"
		}
		add(r.table, r.chain, r.policy, r.target, r.protocol, r.src, r.srcMask, "0:65535", r.dst, r.dstMask, port, r.in, r.out, r.match)
	}
}

func (m *machine) askResolvers(add func(...string)) {
	for _, r := range m.resolvers {
		add("resolver", r.key, r.value)
	}
	for _, h := range m.hosts {
		add("hosts", h.key, h.value)
	}
}

func (m *machine) askInterfaces(add func(...string)) {
	for _, n := range m.interfaces {
		add(n.name, itoa(n.kind), itoa(n.mtu), flag(n.promiscuous), n.mac, n.address, n.mask)
	}
}

func (m *machine) askNeighbours(add func(...string)) {
	for _, n := range m.neighbours {
		add(n.address, n.mac, n.nic, "0")
	}
}

func (m *machine) askContainers(add func(...string)) {
	for _, c := range m.containers {
		add(c.id, c.name, c.image, "sha256:"+m.plan.hash("image "+c.image), c.command, itoa(c.created), "running", "Up "+itoa((m.now-c.created)/3600)+" hours",
			itoa(c.pid), flag(c.privileged), c.security, flag(c.readonly))
	}
}

func (m *machine) askImages(add func(...string)) {
	for _, i := range m.images {
		add(i.id, i.tags, itoa(i.size), itoa(i.created))
	}
}

var sensitive = []string{"/", "/etc", "/proc", "/root", "/var/run/docker.sock", "/run/docker.sock", "/var/lib/docker"}

func (m *machine) askSensitiveMounts(add func(...string)) {
	for _, c := range m.containers {
		for _, x := range c.mounts {
			if slices.Contains(sensitive, x.key) || strings.HasPrefix(x.key, "/etc/") {
				add(c.id, c.image, "bind", x.key, x.value, "1")
			}
		}
	}
}
