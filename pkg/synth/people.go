package synth

import "fmt"

// addUser adds an account. Ids from 900 to 999 are given out downwards in the
// order of installation, as the tools do; so another image may give others.
func (m *machine) addUser(a account) {
	taken := map[int]bool{}
	for _, u := range m.users {
		if u.name == a.name {
			return
		}
		taken[u.uid] = true
	}
	if a.uid >= 900 && a.uid < 1000 {
		for a.uid = 999; taken[a.uid]; a.uid-- {
		}
		a.gid = a.uid
	}
	for a.uid >= 100 && a.uid < 900 && taken[a.uid] {
		a.uid++
	}
	if a.password == "" {
		a.password = "locked"
	}
	if a.changed == 0 {
		a.changed = int(m.variant.image.built / 86400)
	}
	m.users = append(m.users, a)
}

func (m *machine) addPeople() {
	p := m.plan
	for _, a := range p.admins {
		a.changed = int(m.launch / 86400)
		m.addUser(a)
		m.addHome(a, m.launch)
		m.members = append(m.members, member{p.system.sudoGroup, 27, a.name}, member{"adm", 4, a.name})
	}
	m.members = append(m.members, member{"root", 0, "root"})
	m.keys = append(m.keys, p.keys...)
	first := p.admins[0]
	m.keys = append(m.keys, sshKey{
		user: "root", algorithm: p.keys[0].algorithm, key: p.keys[0].key, comment: p.keys[0].comment, file: "/root/.ssh/authorized_keys",
		options: fmt.Sprintf(`no-port-forwarding,no-agent-forwarding,no-X11-forwarding,command="echo 'Please login as the user \"%s\"'"`, first.name),
	})
	m.addSudoers()
	if chances(p.spec.Seed, "deploy key").IntN(3) == 0 {
		m.privateKeys = append(m.privateKeys, privateKey{first.name, first.home + "/.ssh/id_ed25519", "ed25519", false, -1})
	}
	r := chances(p.spec.Seed, "logins")
	if r.IntN(4) == 0 {
		return // nobody uses ssh here
	}
	for _, a := range some(m.rng, p.admins, 1+m.rng.IntN(2)) {
		for _, from := range some(m.rng, p.bastions, between(m.rng, 0, 2)) {
			count := between(m.rng, 1, 9)
			last := m.now - m.rng.Int64N(m.now-m.launch)
			m.logins = append(m.logins, login{a.name, from, count, max(m.launch, last-m.rng.Int64N(400_000)), last})
		}
	}
}

func (m *machine) addHome(a account, when int64) {
	names := []string{".bashrc", ".profile", ".bash_logout"}
	if !m.plan.system.debian() {
		names[1] = ".bash_profile"
	}
	for _, n := range names {
		m.write(file{path: a.home + "/" + n, content: "skeleton " + n, uid: a.uid, gid: a.gid, mtime: m.variant.image.built - 9_000_000, ctime: when})
	}
}

func (m *machine) addSudoers() {
	main := "/etc/sudoers"
	defaults := []string{"env_reset", "mail_badpass", `secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"`, "use_pty"}
	if !m.plan.system.debian() {
		defaults = []string{"!visiblepw", "always_set_home", "match_group_by_gid", "env_reset", `secure_path = /sbin:/bin:/usr/sbin:/usr/bin`}
	}
	for _, d := range defaults {
		m.sudo = append(m.sudo, sudoRule{main, "Defaults", d})
	}
	m.sudo = append(m.sudo, sudoRule{main, "root", "ALL=(ALL:ALL) ALL"}, sudoRule{main, "%" + m.plan.system.sudoGroup, "ALL=(ALL:ALL) ALL"},
		sudoRule{main, "@includedir", "/etc/sudoers.d"})
	for _, rule := range m.plan.sudo {
		m.sudo = append(m.sudo, rule)
		m.write(file{path: rule.source, mode: "0440", content: rule.header + " " + rule.details, mtime: m.launch, ctime: m.launch})
	}
}
