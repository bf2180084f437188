package synth

var networkAttacks = []*attack{
	{
		name: "sniffer", what: "T1040: a sniffer on the network interface", main: []string{"raw_packet_sockets", "network_interfaces"}, plain: true,
		run: func(s *strike) {
			path := pick(s.shared, []string{"/usr/bin/tcpdump", "/usr/local/bin/netstatd", "/opt/.n/cap"})
			s.drop(path, "0755", "sniffer")
			p := s.start(nil, "root", path, "/", path+" -i any -w /var/tmp/.pcap port 80")
			p.raw = append(p.raw, rawSocket{17, 768})
			var sniffed string
			for _, n := range s.m.interfaces {
				if n.kind == 1 && n.address == s.m.addr {
					sniffed = n.name
					s.mark(n.name)
				}
			}
			for i := range s.m.interfaces { // one for each of its addresses
				if n := &s.m.interfaces[i]; n.name == sniffed {
					n.promiscuous = true
				}
			}
		},
	},
	{
		name: "tunnel", what: "T1572: a tunnel to outside", main: []string{"processes", "listening_ports", "open_sockets_remote"}, plain: true,
		run: func(s *strike) {
			port := pick(s.shared, []int{1080, 9050, 2222, 3128, 8118})
			tool := pick(s.shared, []struct{ path, command string }{
				{"/usr/bin/ssh", "ssh -fN -D " + itoa(port) + " -o StrictHostKeyChecking=no t@"},
				{"/usr/local/bin/chisel", "chisel client --keepalive 30s https://"},
				{"/usr/bin/frpc", "/usr/bin/frpc -c /etc/frp/frpc.ini "},
			})
			if s.m.file(tool.path) == nil {
				s.drop(tool.path, "0755", "tunnel")
			}
			host := publicAddress(s.shared)
			p := s.start(nil, "root", tool.path, "/", tool.command+host)
			p.sockets = append(p.sockets, socket{tcp, 2, s.m.addr, ephemeral(s.rng), host, pick(s.shared, []int{22, 443, 7000}), "ESTABLISHED"})
			p.listen(tcp, port, "127.0.0.1")
			s.mark(host, itoa(port))
		},
	},
	{
		name: "hosts-entry", what: "T1565.001: a name sent elsewhere by /etc/hosts", main: []string{"resolvers_and_hosts"}, plain: true,
		run: func(s *strike) {
			to := pick(s.shared, []string{"127.0.0.1", "0.0.0.0", publicAddress(s.shared)})
			name := pick(s.shared, []string{"security.ubuntu.com", "ssm.eu-west-1.amazonaws.com", "updates.falcon.example.com", "packages.example.org", "logs." + s.m.plan.domain})
			s.m.hosts = append(s.m.hosts, setting{to, name})
			s.mark(name)
		},
	},
	{
		name: "resolver", what: "T1071.004: names are resolved elsewhere", main: []string{"resolvers_and_hosts"},
		run: func(s *strike) {
			address := publicAddress(s.shared)
			for i := range s.m.resolvers {
				if s.m.resolvers[i].key == "nameserver" {
					s.m.resolvers[i].value = address
				}
			}
			s.mark(address)
		},
	},
	{
		name: "beacon", what: "T1071: a program that was there already calls somebody new", main: []string{"open_sockets_remote"}, plain: true,
		fits: func(m *machine) bool { return m.running("/usr/lib/systemd/systemd-logind") != nil },
		run: func(s *strike) {
			path := pick(s.shared, []string{"/usr/lib/systemd/systemd-logind", "/usr/sbin/sshd", "/usr/lib/systemd/systemd-journald"})
			s.calls(s.m.running(path), pick(s.shared, callPorts))
		},
	},
}

var containerAttacks = []*attack{
	{
		name: "privileged-container", what: "T1610 / T1611: a privileged container with the host's files", main: []string{"docker_containers", "docker_sensitive_mounts"},
		fits: func(m *machine) bool { return m.running("/usr/bin/dockerd") != nil },
		run: func(s *strike) {
			image := pick(s.shared, []string{"alpine:latest", "ubuntu:22.04", "debian:stable-slim", "docker.example.net/tools/monitor:latest"})
			c := s.m.runContainer(image, pick(s.shared, []string{"sh", "chroot /host bash", "sleep 1000000", "/monitor"}))
			c.privileged, c.security, c.name, c.created = true, "", "/"+letters(s.shared, "abcdefghijklmnop", 8), s.when
			c.mounts = []setting{{"/", "/host"}}
			s.mark(image)
		},
	},
	{
		name: "socket-container", what: "T1611: a container that can command the container engine", main: []string{"docker_sensitive_mounts"},
		fits: func(m *machine) bool { return len(m.containers) > 1 },
		run: func(s *strike) {
			c := s.m.runContainer("portainer/agent:2.19", "./agent")
			c.mounts = []setting{{"/var/run/docker.sock", "/var/run/docker.sock"}}
			s.mark("portainer/agent:2.19")
		},
	},
}
