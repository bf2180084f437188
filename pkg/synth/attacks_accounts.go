package synth

var accountAttacks = []*attack{
	{
		name: "new-account", what: "T1136.001: a new account that may log in", main: []string{"users", "shadow_status"}, plain: true,
		run: func(s *strike) {
			name := pick(s.shared, []string{"support", "sysadmin", "ubuntu2", "backupd", "ftpuser", "guest1", "systemd-core", "postgres2", "test"})
			a := account{name: name, uid: 1010 + s.shared.IntN(40), home: "/home/" + name, shell: "/bin/bash", password: "active", algorithm: "yescrypt", changed: int(s.when / 86400)}
			a.gid = a.uid
			s.m.addUser(a)
			s.m.addHome(a, s.when)
			if s.shared.IntN(2) == 0 {
				s.m.members = append(s.m.members, member{s.m.plan.system.sudoGroup, 27, name})
			}
			s.mark(name)
		},
	},
	{
		name: "second-root", what: "T1078.003: a second account with uid 0", main: []string{"users"}, rule: true, plain: true,
		run: func(s *strike) {
			name := pick(s.shared, []string{"toor", "daemon2", "sysd", "bin2", "mysqld", "root2"})
			s.m.addUser(account{name: name, home: pick(s.shared, []string{"/root", "/", "/tmp"}), shell: "/bin/bash", password: "active", algorithm: "sha512", changed: int(s.when / 86400)})
			s.mark(name)
		},
	},
	{
		name: "login-shell", what: "T1078.003: a system account that may log in", main: []string{"users"}, plain: true,
		run: func(s *strike) {
			name := pick(s.shared, []string{"games", "nobody", "sync", "lp", "mail", "daemon"})
			for i := range s.m.users {
				if u := &s.m.users[i]; u.name == name {
					u.shell, u.password, u.algorithm, u.changed = "/bin/bash", "active", "sha512", int(s.when/86400)
				}
			}
			s.markIn("users", name)
			s.markIn("shadow_status", name)
			s.markIn("shadow", name)
		},
	},
	{
		name: "password-set", what: "T1098: a password for an account that had none", main: []string{"shadow_status"},
		run: func(s *strike) {
			for i := range s.m.users {
				if u := &s.m.users[i]; u.name == "root" {
					u.password, u.algorithm, u.changed = "active", pick(s.shared, []string{"yescrypt", "sha512", "md5"}), int(s.when/86400)
				}
			}
			s.markIn("shadow_status", "root")
		},
	},
	{
		name: "sudo-rule", what: "T1548.003: an account that may do everything", main: []string{"sudoers", "persistence_files"}, plain: true,
		run: func(s *strike) {
			who := pick(s.shared, []string{s.m.plan.system.www, "nobody", "ALL", s.m.plan.admins[len(s.m.plan.admins)-1].name})
			path := "/etc/sudoers.d/" + pick(s.shared, []string{"99-local", "zz-cloud", "README2", "10-apps", who + "-deploy"})
			s.m.sudo = append(s.m.sudo, sudoRule{path, who, "ALL=(ALL) NOPASSWD:ALL"})
			s.drop(path, "0440", who)
		},
	},
	{
		name: "group-member", what: "T1098.007: an account added to a powerful group", main: []string{"privileged_group_members"}, plain: true,
		run: func(s *strike) {
			group := pick(s.shared, []struct {
				name string
				gid  int
			}{{"docker", 119}, {"disk", 6}, {"shadow", 42}, {"lxd", 110}})
			user := pick(s.shared, []string{s.m.plan.system.www, "nobody", s.m.plan.admins[0].name})
			s.m.members = append(s.m.members, member{group.name, group.gid, user})
			s.markIn("privileged_group_members", group.name)
			s.markIn("user_groups", itoa(group.gid))
		},
	},
	{
		name: "sshd-setting", what: "T1098.004: sshd lets root in with a password", main: []string{"persistence_files"},
		run: func(s *strike) {
			f := s.m.file("/etc/ssh/sshd_config")
			f.content, f.ctime, f.mtime = "sshd_config with root login", s.when, s.when
			f.size += 38
			s.m.sshd = append(s.m.sshd, setting{"PermitRootLogin", "yes"}, setting{"PasswordAuthentication", "yes"})
			s.mark(s.m.sha(f), "PermitRootLogin", "PasswordAuthentication")
		},
	},
}
