package synth

import (
	"slices"
	"strings"
)

func (m *machine) onDisk(p *process) string { return flag(!p.gone) }

func (m *machine) askProcesses(add func(...string)) {
	for _, p := range m.processes {
		parentName, parentPath := "", ""
		if pp := m.process(p.parent); pp != nil {
			parentName, parentPath = pp.name, pp.path
		}
		add(itoa(p.pid), itoa(p.parent), p.name, p.path, p.cmdline, p.cwd, p.root, m.onDisk(p), itoa(p.uid), itoa(p.euid), m.userOf(p.uid),
			itoa(p.start), p.cgroup, parentName, parentPath)
	}
}

func (m *machine) askDeletedBinaries(add func(...string)) {
	for _, p := range m.processes {
		if p.gone {
			add(itoa(p.pid), itoa(p.parent), p.name, p.path, p.cmdline, itoa(p.uid), m.userOf(p.uid), itoa(p.start), p.cgroup, flag(!p.foreign))
		}
	}
}

func temporary(path string) bool {
	for _, dir := range []string{"/tmp/", "/var/tmp/", "/dev/shm/"} {
		if strings.HasPrefix(path, dir) || path+"/" == dir {
			return true
		}
	}
	return false
}

func (m *machine) askOddLocations(add func(...string)) {
	for _, p := range m.processes {
		if temporary(p.path) || temporary(p.cwd) || strings.HasPrefix(p.path, "/run/user/") || strings.Contains(p.path, "/.") {
			add(itoa(p.pid), itoa(p.parent), p.name, p.path, p.cmdline, p.cwd, itoa(p.uid), m.userOf(p.uid), itoa(p.start))
		}
	}
}

func (m *machine) askMasquerades(add func(...string)) {
	for _, p := range m.processes {
		bracketed := func(s string) bool { return strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") }
		if p.parent != 2 && p.path != "" && (bracketed(p.cmdline) || bracketed(p.name) || strings.HasPrefix(p.name, "kworker") || strings.HasPrefix(p.name, "ksoftirqd")) {
			add(itoa(p.pid), itoa(p.parent), p.name, p.path, p.cmdline, itoa(p.uid), itoa(p.start))
		}
	}
}

var watchedVariables = []string{
	"LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH", "PYTHONSTARTUP", "PYTHONPATH", "NODE_OPTIONS", "JAVA_TOOL_OPTIONS", "PERL5OPT",
	"BASH_ENV", "PROMPT_COMMAND", "HISTFILE", "HISTSIZE",
}

func (m *machine) askEnvironments(add func(...string)) {
	for _, p := range m.processes {
		for _, e := range p.environ {
			if slices.Contains(watchedVariables, e.key) {
				add(itoa(p.pid), p.name, p.path, e.key, e.value)
			}
		}
	}
}

func (m *machine) askProcessHashes(add func(...string)) {
	done := map[string]bool{}
	for _, p := range m.processes {
		f := m.file(p.path)
		if p.foreign || p.gone || done[p.path] || f == nil {
			continue
		}
		done[p.path] = true
		add(p.path, m.sha(f), itoa(f.size), itoa(f.uid), itoa(f.gid), f.mode, itoa(f.mtime), itoa(f.ctime), itoa(f.inode))
	}
}

func (m *machine) askListeners(add func(...string)) {
	for _, p := range m.processes {
		for _, l := range p.listens {
			add(itoa(p.pid), itoa(l.protocol), itoa(l.family), l.address, itoa(l.port), p.name, p.path, p.cmdline, itoa(p.uid), m.userOf(p.uid))
		}
	}
}

func (m *machine) askSockets(add func(...string)) {
	for _, p := range m.processes {
		for _, s := range p.sockets {
			add(itoa(p.pid), itoa(s.protocol), itoa(s.family), s.local, itoa(s.localPort), s.remote, itoa(s.remotePort), s.state, p.name, p.path, itoa(p.uid))
		}
	}
}

func (m *machine) askRawSockets(add func(...string)) {
	for _, p := range m.processes {
		for _, s := range p.raw {
			add(itoa(p.pid), itoa(s.family), itoa(s.protocol), "", p.name, p.path, p.cmdline, itoa(p.uid))
		}
	}
}

func (m *machine) askMaps(add func(...string)) {
	for _, p := range m.processes {
		for _, x := range p.maps {
			add(itoa(p.pid), p.name, p.path, x.path, x.permissions)
		}
		if p.gone && !p.foreign { // its own text is such a mapping
			add(itoa(p.pid), p.name, p.path, p.path, "r-xp")
		}
	}
}

func (m *machine) askDeletedFiles(add func(...string)) {
	for _, p := range m.processes {
		for i, path := range p.deleted {
			add(itoa(p.pid), p.name, p.path, itoa(3+(p.pid+i)%20), path)
		}
	}
}
