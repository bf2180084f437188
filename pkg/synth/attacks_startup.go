package synth

import "fmt"

// places is a file that something runs by itself, and its usual mode.
func places(name, what string, mode string, plain bool, fits func(*machine) bool, paths ...string) *attack {
	return &attack{
		name: name, what: what, main: []string{"persistence_files"}, plain: plain, fits: fits,
		run: func(s *strike) { s.drop(pick(s.shared, paths), mode, "script") },
	}
}

func onDebian(m *machine) bool { return m.plan.system.debian() }

var startupAttacks = []*attack{
	places("rc-local", "T1037.004: a script run at boot", "0755", true, nil, "/etc/rc.local"),
	places("profile-script", "T1546.004: a script run at each login", "0644", false, nil,
		"/etc/profile.d/proxy.sh", "/etc/profile.d/.lang.sh", "/etc/profile.d/01-locale-fix2.sh", "/etc/profile.d/gawk2.sh"),
	places("udev-rule", "T1546.017: a udev rule that runs a program", "0644", false, nil,
		"/etc/udev/rules.d/75-persistent-net2.rules", "/etc/udev/rules.d/10-local.rules", "/etc/udev/rules.d/99-nvme.rules"),
	places("motd-script", "T1546: a script run for the message of the day", "0755", false, nil,
		"/etc/update-motd.d/20-stats", "/etc/update-motd.d/95-hwe", "/etc/update-motd.d/00-header2"),
	places("init-script", "T1037.004: an init script", "0755", false, onDebian,
		"/etc/init.d/selinux", "/etc/init.d/DbSecuritySpt", "/etc/init.d/netfs2", "/etc/init.d/console-log"),
	places("apt-hook", "T1546: a hook that runs at each package operation", "0644", false, onDebian,
		"/etc/apt/apt.conf.d/00aptitude", "/etc/apt/apt.conf.d/99update", "/etc/apt/apt.conf.d/15proxy"),
	places("boot-script", "T1037: a cloud-init script run at each boot", "0755", false, nil,
		"/var/lib/cloud/scripts/per-boot/net.sh", "/var/lib/cloud/scripts/per-instance/01-setup"),
	places("cron-daily", "T1053.003: a script run every day", "0755", false, nil,
		"/etc/cron.daily/0anacron2", "/etc/cron.hourly/gcc.sh", "/etc/cron.daily/passwd2", "/etc/cron.hourly/sync"),
	{
		name: "shell-startup", what: "T1546.004: a shell's startup file changed", main: []string{"shell_init_files"},
		run: func(s *strike) {
			path := pick(s.shared, []string{"/root/.bashrc", s.m.plan.admins[0].home + "/.bashrc", s.m.plan.admins[0].home + "/.bash_logout"})
			f := s.m.file(path)
			f.content, f.ctime, f.mtime = fmt.Sprint("startup ", s.shared.Uint64()), s.when, s.when
			f.size += 88
			s.mark(s.m.sha(f))
		},
	},
	{
		name: "preload-file", what: "T1574.006: a library that the loader puts into every program", main: []string{"ld_preload_file"}, rule: true, plain: true,
		run: func(s *strike) {
			library := pick(s.shared, []string{"/usr/local/lib/libprocesshider.so", "/lib/libselinux.so.0", "/usr/lib/libext.so", "/dev/shm/.l.so"})
			s.drop(library, "0755", "library")
			s.drop("/etc/ld.so.preload", "0644", library)
		},
	},
	{
		name: "core-pattern", what: "T1547: the kernel runs a program at each crash", main: []string{"security_sysctls"},
		run: func(s *strike) {
			program := pick(s.shared, []string{"/usr/lib/crash-report", "/tmp/.c/handler", "/usr/local/sbin/cored"})
			s.drop(program, "0755", "handler")
			s.m.sysctls = settle(s.m.sysctls, "kernel.core_pattern", "|"+program+" %p %u %s")
			s.mark("kernel.core_pattern")
		},
	},
}
