package synth

import (
	"slices"
	"strconv"
	"strings"
)

// spawn adds a process below parent and returns it. Its user, pid and start
// follow from what the machine knows.
func (m *machine) spawn(parent *process, user, path, cwd, cmdline string) *process {
	p := &process{
		pid: m.nextPid(), path: path, cmdline: cmdline, cwd: cwd, root: "/",
		name: comm(path, cmdline), user: user, start: m.boot + m.rng.Int64N(20) + 3,
		userTime: m.rng.Int64N(400000), systemTime: m.rng.Int64N(90000),
	}
	p.uid = m.uidOf(user)
	p.euid = p.uid
	if parent != nil {
		p.parent, p.cgroup, p.unit = parent.pid, parent.cgroup, parent.unit
		p.start = max(p.start, parent.start)
		p.foreign = parent.foreign
	}
	m.processes = append(m.processes, p)
	return p
}

// comm is the name the kernel keeps: 15 bytes of the program's, or of what the
// process has renamed itself to.
func comm(path, cmdline string) string {
	name := path[strings.LastIndexByte(path, '/')+1:]
	if head, _, ok := strings.Cut(cmdline, ":"); ok && !strings.Contains(head, "/") && !strings.Contains(head, " ") && head != "" {
		name = strings.TrimPrefix(head, "-")
	}
	return name[:min(len(name), 15)]
}

func (m *machine) nextPid() int {
	last := 0
	for _, p := range m.processes {
		last = max(last, p.pid)
	}
	switch {
	case last == 0:
		return 1
	case last == 1:
		return 180 + m.rng.IntN(150)
	}
	return last + 1 + m.rng.IntN(9)
}

func (m *machine) uidOf(user string) int {
	for _, u := range m.users {
		if u.name == user {
			return u.uid
		}
	}
	return 0
}

// userOf names a uid as a query's LIMIT 1 does: the first account that has it.
func (m *machine) userOf(uid int) string {
	for _, u := range m.users {
		if u.uid == uid {
			return u.name
		}
	}
	return ""
}

func (m *machine) process(pid int) *process {
	for _, p := range m.processes {
		if p.pid == pid {
			return p
		}
	}
	return nil
}

func (m *machine) running(path string) *process {
	for _, p := range m.processes {
		if p.path == path && !p.foreign {
			return p
		}
	}
	return nil
}

func (m *machine) file(path string) *file {
	for i := range m.files {
		if m.files[i].path == path {
			return &m.files[i]
		}
	}
	return nil
}

// write puts a file on the disk, in place of one with the same path.
func (m *machine) write(f file) {
	if f.kind == "" {
		f.kind = "regular"
	}
	if f.mode == "" {
		f.mode = "0644"
	}
	if f.inode == 0 {
		f.inode = 3_300_000 + int64(seedOf(f.path)%900_000)
	}
	if f.size == 0 {
		f.size = 40 + int64(seedOf(f.content, "size")%60_000)
	}
	if old := m.file(f.path); old != nil {
		*old = f
		return
	}
	m.files = append(m.files, f)
}

// fresh writes a root-owned file that has just been made.
func (m *machine) fresh(path, mode, content string, when int64) {
	m.write(file{path: path, mode: mode, content: content, mtime: when, ctime: when, inode: 5_000_000 + int64(seedOf(path, content)%100_000)})
}

func (m *machine) remove(path string) {
	m.files = slices.DeleteFunc(m.files, func(f file) bool { return f.path == path })
}

func (m *machine) unit(id string) *unit {
	for i := range m.units {
		if m.units[i].id == id {
			return &m.units[i]
		}
	}
	return nil
}

func (m *machine) version(pkg string) string {
	for _, p := range m.packages {
		if p.name == pkg {
			return p.version
		}
	}
	return ""
}

// kill ends the processes for which doomed is true, and their children.
func (m *machine) kill(doomed func(*process) bool) []*process {
	dead := map[int]bool{}
	var out []*process
	for again := true; again; {
		again = false
		for _, p := range m.processes {
			if !dead[p.pid] && (doomed(p) || dead[p.parent]) {
				dead[p.pid], again = true, true
				out = append(out, p)
			}
		}
	}
	m.processes = slices.DeleteFunc(m.processes, func(p *process) bool { return dead[p.pid] })
	return out
}

func (s *setting) set(value string) { s.value = value }

// settle changes or adds one setting of a list.
func settle(list []setting, key, value string) []setting {
	for i := range list {
		if list[i].key == key {
			list[i].set(value)
			return list
		}
	}
	return append(list, setting{key, value})
}

func itoa[T int | int64](n T) string { return strconv.FormatInt(int64(n), 10) }
