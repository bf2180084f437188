package synth

import "math/rand/v2"

// machine is one host before anybody asks it anything: what runs on it, what
// lies on its disks, who may log in. Rows come only from here, so a change to a
// machine shows in every query that would show it on a real one.
type machine struct {
	plan    *plan
	variant *variant
	rng     *rand.Rand // this host's own chances
	index   int
	leads   bool

	name, host, instance string // hostIdentifier, host name, instance id
	addr, mac, zone      string
	uuid                 string
	now, boot, launch    int64 // Unix seconds
	cpus, mem            int   // virtual processors, MiB

	kernel, kernelArgs string
	processes          []*process
	files              []file
	units              []unit
	packages           []installed
	users              []account
	members            []member
	crons              []cronEntry
	keys               []sshKey
	privateKeys        []privateKey
	sudo               []sudoRule
	modules            []module
	hidden             []string // modules that only sysfs shows
	sysctls            []setting
	confinement        []setting // SELinux settings and AppArmor profiles
	mounts             []mount
	sources            []source
	rules              []firewallRule
	resolvers          []setting // type → address
	hosts              []setting // address → names
	interfaces         []nic
	neighbours         []neighbour
	containers         []container
	images             []dockerImage
	sessions           []session
	logins             []login
	python             []pythonPackage
	sshd               []setting
	pinned             []file // under /sys/fs/bpf
	extra              []extraTable
	failed             map[string]string // query → error text
	cut                bool              // the log ends early
}

type process struct {
	pid, parent          int
	name, path, cmdline  string
	cwd, root            string
	user                 string
	uid, euid            int
	start                int64
	cgroup               string
	unit                 string
	gone                 bool // the program's file is no longer there
	foreign              bool // in a container's namespaces
	listens              []listener
	sockets              []socket
	raw                  []rawSocket
	environ              []setting
	maps                 []mapping
	deleted              []string // open files that are no longer there
	userTime, systemTime int64    // milliseconds
}

type listener struct {
	protocol, family int
	address          string
	port             int
}

type socket struct {
	protocol, family int
	local            string
	localPort        int
	remote           string
	remotePort       int
	state            string
}

type rawSocket struct{ family, protocol int }

type mapping struct{ path, permissions string }

type file struct {
	path    string
	kind    string // "regular" unless said otherwise
	content string // what the hash is made from; "" makes an unreadable file
	size    int64
	mode    string
	uid     int
	gid     int
	group   string // set-group-id programs: the group's name
	mtime   int64
	ctime   int64
	inode   int64
	target  string // of a symbolic link
	owner   string // the package it came with
}

type unit struct {
	id, description            string
	load, active, sub          string
	fileState, fragment, owner string
}

type installed struct{ name, version, arch string }

type account struct {
	name, home, shell, description string
	uid, gid                       int
	password, algorithm            string // shadow: status, hash algorithm
	changed                        int    // shadow: days since the epoch
}

type member struct {
	group string
	gid   int
	user  string
}

type cronEntry struct{ path, minute, hour, day, month, weekday, command, event string }

type sshKey struct{ user, algorithm, key, options, comment, file string }

type privateKey struct {
	user, path, kind string
	encrypted        bool
	length           int
}

type sudoRule struct{ source, header, details string }

type module struct {
	name   string
	size   int
	usedBy string
}

type setting struct{ key, value string }

type mount struct{ device, path, kind, flags string }

// source is where packages come from: an apt source or a yum repository.
type source struct{ name, uri, release, components, enabled, check, key string }

type firewallRule struct {
	table, chain, policy, target, protocol  string
	src, srcMask, dst, dstMask, dstPort, in string
	out, match                              string
}

type nic struct {
	name, mac, address, mask string
	mtu                      int
	promiscuous              bool
	kind                     int
}

type neighbour struct{ address, mac, nic string }

type container struct {
	id, name, image, command string
	created                  int64
	pid                      int
	privileged               bool
	security                 string
	readonly                 bool
	mounts                   []setting // source → destination
	address                  string
}

type dockerImage struct {
	id, tags string
	size     int64
	created  int64
}

type session struct {
	kind, user, tty, host string
	time                  int64
	pid                   int
}

type login struct {
	user, host  string
	count       int
	first, last int64
}

type pythonPackage struct{ name, version, directory string }

// extraTable is a query that no pack describes.
type extraTable struct {
	query   string
	columns []string
	rows    [][]string
}
