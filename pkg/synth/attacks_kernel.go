package synth

var kernelAttacks = []*attack{
	{
		name: "kernel-module", what: "T1547.006: a kernel module that no other host has", main: []string{"kernel_modules"}, plain: true,
		run: func(s *strike) {
			name := pick(s.shared, []string{"nf_hlp", "diamorphine", "nf_tables_ext", "snd_pcm_ext", "ip6t_hook", "usbhid_ctl", "vfs_cache"})
			s.m.modules = append(s.m.modules, module{name, 16384 + 4096*s.shared.IntN(8), "-"})
			if s.shared.IntN(2) == 0 {
				s.m.sysctls = settle(s.m.sysctls, "kernel.tainted", "12289")
				s.mark("kernel.tainted")
			}
			if s.shared.IntN(2) == 0 {
				s.drop("/etc/modules-load.d/"+name+".conf", "0644", name)
			}
			s.mark(name)
		},
	},
	{
		name: "hidden-module", what: "T1014: a kernel module that hides from the list", main: []string{"kernel_modules_hidden"}, rule: true,
		run: func(s *strike) {
			name := pick(s.shared, []string{"reptile", "knull", "hid_core2", "netfilter_x"})
			s.m.hidden = append(s.m.hidden, name)
			s.m.sysctls = settle(s.m.sysctls, "kernel.tainted", pick(s.shared, []string{"12288", "4096"}))
			s.mark(name)
		},
	},
	{
		name: "kernel-setting", what: "T1562.001: a protection of the kernel switched off", main: []string{"security_sysctls"},
		run: func(s *strike) {
			change := pick(s.shared, []setting{
				{"kernel.yama.ptrace_scope", "0"},
				{"kernel.unprivileged_bpf_disabled", "0"},
				{"net.ipv4.ip_forward", "1"},
				{"kernel.randomize_va_space", "0"},
				{"kernel.kptr_restrict", "0"},
				{"fs.suid_dumpable", "2"},
				{"net.ipv6.conf.all.forwarding", "1"},
			})
			for _, have := range s.m.sysctls {
				if have == change { // already so here: choose one that is not
					change = setting{"kernel.dmesg_restrict", "0"}
				}
			}
			s.m.sysctls = settle(s.m.sysctls, change.key, change.value)
			s.mark(change.key)
		},
	},
	{
		name: "bpf-program", what: "T1205.002: a pinned eBPF program", main: []string{"bpf_pinned"},
		fits: func(m *machine) bool { return m.plan.ext },
		run: func(s *strike) {
			path := "/sys/fs/bpf/" + pick(s.shared, []string{"tc_ctl", "xdp_filter", "sockops", "tracing/exec"})
			s.m.pinned = append(s.m.pinned, file{path: path, mode: "0600", mtime: s.when, ctime: s.when})
			s.mark(path)
		},
	},
	{
		name: "injected-library", what: "T1055: a library from a writable folder in a service's memory", main: []string{"memory_maps_suspicious"},
		fits: func(m *machine) bool { return m.plan.ext && m.running("/usr/sbin/sshd") != nil },
		run: func(s *strike) {
			p := s.m.running("/usr/sbin/sshd")
			library := pick(s.shared, []string{"/dev/shm/libx.so", "/tmp/.m/l.so", "/memfd:lib", "/var/tmp/libnss_x.so.2"})
			p.maps = append(p.maps, mapping{library, "r-xp"})
			s.mark(library)
		},
	},
	{
		name: "hidden-process", what: "T1564.013: a mount over a process's folder hides it", main: []string{"mounts"}, plain: true,
		run: func(s *strike) {
			path := "/proc/" + itoa(between(s.rng, 700, 32000))
			s.m.mounts = append(s.m.mounts, mount{pick(s.shared, []string{"tmpfs", "/dev/nvme0n1p1", "none"}), path, pick(s.shared, []string{"tmpfs", "ext4"}), "rw,relatime"})
			s.mark(path)
		},
	},
}
