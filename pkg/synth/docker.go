package synth

import (
	"fmt"
	"strings"
)

// runContainer starts a container, with all that it leaves on the host: the
// shim, a mount, an interface, a proxy and a firewall rule. Addresses are given
// out in the order of starting, which differs from host to host.
func (m *machine) runContainer(image, command string) *container {
	c := container{
		id: hexes(m.rng, 64), image: image, command: command, created: m.boot + m.rng.Int64N(max(m.now-m.boot, 1)),
		security: "name=seccomp,profile=builtin", name: containerName(m, image), address: fmt.Sprintf("172.17.0.%d", 2+len(m.containers)+m.rng.IntN(3)),
	}
	shim := m.spawn(m.process(1), "root", "/usr/bin/containerd-shim-runc-v2", "/run/containerd/io.containerd.runtime.v2.task/moby/"+c.id,
		"/usr/bin/containerd-shim-runc-v2 -namespace moby -id "+c.id+" -address /run/containerd/containerd.sock")
	m.serve(shim, "containerd.service")
	program := m.inside(shim, &c, command)
	c.pid = program.pid
	overlay := hexes(m.rng, 64)
	m.mounts = append(m.mounts,
		mount{"overlay", "/var/lib/docker/overlay2/" + overlay + "/merged", "overlay", "rw,relatime,lowerdir=/var/lib/docker/overlay2/l/" + strings.ToUpper(hexes(m.rng, 26)) + ",upperdir=/var/lib/docker/overlay2/" + overlay + "/diff"},
		mount{"nsfs", "/run/docker/netns/" + hexes(m.rng, 12), "nsfs", "rw"})
	m.interfaces = append(m.interfaces, nic{"veth" + hexes(m.rng, 7), hardwareAddress(m.rng), "", "", 1500, false, 1})
	if strings.Contains(image, "api") {
		m.publish(&c)
	}
	tag := dockerImage{id: "sha256:" + m.plan.hash("image "+image), tags: image, size: 80_000_000 + int64(seedOf(image)%200_000_000), created: m.variant.image.built}
	m.images = append(m.images, tag)
	m.containers = append(m.containers, c)
	return &m.containers[len(m.containers)-1]
}

func containerName(m *machine, image string) string {
	base := image[strings.LastIndexByte(image, '/')+1:]
	base, _, _ = strings.Cut(base, ":")
	return fmt.Sprintf("/%s-%s-%d", m.variant.role.app, base, 1+m.rng.IntN(3))
}

// inside starts a program in a container's namespaces.
func (m *machine) inside(shim *process, c *container, command string) *process {
	words := strings.Fields(strings.ReplaceAll(command, "'", ""))
	path := "/usr/local/bin/" + strings.TrimLeft(words[0], "./")
	p := m.spawn(shim, "root", path, "/app", strings.Join(words, " "))
	p.foreign, p.gone = true, true
	p.cgroup, p.unit = "/system.slice/docker-"+c.id+".scope", ""
	if m.plan.ext {
		p.maps = append(p.maps, mapping{path, "r-xp"}, mapping{"/lib/x86_64-linux-gnu/libc.so.6", "r-xp"})
	}
	return p
}

// publish makes a container's port the host's.
func (m *machine) publish(c *container) {
	port := m.variant.role.port
	daemon := m.running("/usr/bin/dockerd")
	for _, host := range []string{"0.0.0.0", "::"} {
		proxy := m.spawn(daemon, "root", "/usr/bin/docker-proxy", "/", fmt.Sprintf("/usr/bin/docker-proxy -proto tcp -host-ip %s -host-port %d -container-ip %s -container-port %d", host, port, c.address, port))
		proxy.listen(tcp, port, host)
	}
	m.rules = append(m.rules,
		firewallRule{table: "nat", chain: "DOCKER", target: "DNAT", protocol: "tcp", policy: "", src: "0.0.0.0", srcMask: "0.0.0.0", dst: "0.0.0.0", dstMask: "0.0.0.0", dstPort: itoa(port), in: "!docker0", match: "yes"},
		firewallRule{table: "filter", chain: "DOCKER", target: "ACCEPT", protocol: "tcp", policy: "", src: "0.0.0.0", srcMask: "0.0.0.0", dst: c.address, dstMask: "255.255.255.255", dstPort: itoa(port), in: "!docker0", out: "docker0", match: "yes"})
	if len(m.containers) == 0 {
		m.interfaces = append(m.interfaces, nic{"docker0", hardwareAddress(m.rng), "172.17.0.1", "255.255.0.0", 1500, false, 1})
	}
}
