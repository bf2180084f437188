package detect

import (
	"path"
	"slices"
	"strings"

	"diffy/pkg/facts"
	"diffy/pkg/triage"
)

// novelBits is what a program counts that no fact of most hosts names: a
// leader's scheduler runs the interpreter that all hosts have, an implant
// brings a file of its own.
const novelBits = 1.5

// besides adds to new rows the traits that only the rest of the group shows: a
// program of its own, a place among what others have.
func (g *group) besides(all []*deviation, hosts []*context) {
	for _, d := range all {
		if d.kind != triage.Added {
			continue
		}
		d.traits = append(d.traits, g.amongOthers(d)...)
		if g.unpackaged(d, hosts) {
			d.traits = append(d.traits, trait{bits: unpackagedBits, technique: "T1543.002", mild: true, tells: true, text: "lies among the units of packages, of which the host has no other than usual"})
		}
		p := program(d)
		if p == "" || g.common[p] || g.common["/usr"+p] || g.common[strings.TrimPrefix(p, "/usr")] {
			continue
		}
		d.traits = append(d.traits, trait{bits: novelBits, mild: true, novel: true, tells: g.homeless(d, p, hosts), text: "names a program that most hosts do not have, " + p})
	}
}

// homeless reports whether a program lies where packages put theirs, and by its
// name belongs to none that the host has. An application's own lie elsewhere.
func (g *group) homeless(d *deviation, p string, hosts []*context) bool {
	if !inSystemDir(p) || g.differs(d, hosts) {
		return false
	}
	if g.owned == nil {
		g.owned = map[string]bool{}
	}
	owned, known := g.owned[p]
	if !known {
		owned = g.anyPackage(func(name string) bool { return belongs(p, name) }) || !g.anyPackage(func(string) bool { return true })
		g.owned[p] = owned
	}
	return !owned
}

// anyPackage reports whether a package of the group is the one.
func (g *group) anyPackage(is func(name string) bool) bool {
	return slices.ContainsFunc(g.packages(), func(t *table) bool {
		return slices.ContainsFunc(t.keys, func(k *key) bool { return is(k.named("name")) })
	})
}

// What a row counts that stands among what most hosts have, where nothing like
// it is.
const (
	intrudedBits   = 1.0 // a process inside their service
	unpackagedBits = 1.5 // a unit among those of packages
	unlistedBits   = 1.5 // a child of cron without an entry
	silentBits     = 1.5 // a connection out of a program that has none there
)

// amongOthers looks at what a row is inside of.
func (g *group) amongOthers(d *deviation) []trait {
	row := d.row()
	switch {
	case d.table().rule.Name == "processes" && g.unlisted(row):
		return []trait{{bits: unlistedBits, technique: "T1053.003", mild: true, tells: true, text: "is started by cron, and no entry says so"}}
	case d.table().rule.Name == "processes":
		if unit := g.intruded(d); unit != "" {
			return []trait{{bits: intrudedBits, technique: "T1055", mild: true, text: "runs inside " + unit + ", where other hosts run nothing like it"}}
		}
	case isSockets(d.table()) && public(row) && outbound(row) && g.common[owner(row)] && g.habits.public[owner(row)] == 1:
		return []trait{{bits: silentBits, technique: "T1071", mild: true, text: "belongs to a program that talks to nobody outside on other hosts"}}
	case isPersistence(d.table()):
		if unit := overridden(row.Value("path")); unit != "" && 2*orNone(g.habits.units[unit], d.hosts).count() > len(g.hosts) {
			return []trait{{bits: placeBits, technique: "T1543.002", mild: true, tells: true, text: "changes " + unit + ", which most hosts have"}}
		}
	}
	return nil
}

// unlisted reports whether a process is cron's own child and no crontab of the
// group has what it runs.
func (g *group) unlisted(row facts.Raw) bool {
	parent, base := path.Base(row.Value("parent_path")), path.Base(row.Value("path"))
	if parent != "cron" && parent != "crond" || base == parent || len(g.habits.cron) == 0 {
		return false
	}
	command := commandOf(row)
	return command != "" && !slices.ContainsFunc(g.habits.cron, func(e cronEntry) bool {
		return strings.Contains(e.command, command) || strings.Contains(command, e.command)
	})
}

// overridden names the unit that a file below /etc/systemd/system changes, "" for
// none.
func overridden(p string) string {
	rest, ok := strings.CutPrefix(p, "/etc/systemd/system/")
	if !ok {
		return ""
	}
	dir, _, _ := strings.Cut(rest, "/")
	unit, ok := strings.CutSuffix(dir, ".d")
	if !ok {
		return ""
	}
	return unit
}

func isPersistence(t *table) bool {
	return t.rule.Name == "persistence_files" || t.rule.Name == "file" || t.rule.Name == "hash"
}

// unpackaged reports whether a unit's file lies where packages put theirs on
// hosts that have the same packages as others.
func (g *group) unpackaged(d *deviation, hosts []*context) bool {
	if t := d.table().rule.Name; t != "systemd_units" && t != "startup_items" || !inUnitDir(d.row().Value("fragment_path")) {
		return false
	}
	return !g.differs(d, hosts)
}

// differs reports whether one of a deviation's hosts has other packages than
// usual.
func (g *group) differs(d *deviation, hosts []*context) bool {
	differs := false
	d.hosts.each(func(h int) { differs = differs || len(hosts[h].packages) > 0 })
	return differs
}

// intruded names the service of most hosts that a process is inside of.
func (g *group) intruded(d *deviation) string {
	if d.row().Value("path") == d.row().Value("parent_path") {
		return ""
	}
	unit := path.Base(d.row().Value("cgroup_path"))
	if hosts, ok := g.habits.units[unit]; !ok || 2*hosts.count() <= len(g.hosts) || g.habits.onDemand[unit] {
		return ""
	}
	return unit
}

// program is the program that a row runs, is, or belongs to.
func program(d *deviation) string {
	row := d.fact.Row
	switch d.table().rule.Name {
	case "processes", "process_deleted_binary", "process_odd_location", "process_hashes", "suid_bin", "listening_ports",
		"open_sockets_remote", "process_open_sockets", "raw_packet_sockets", "tmp_executables":
		if p := owner(row); strings.HasPrefix(p, "/") {
			return p
		}
	case "recent_system_changes", "hash":
		if p := row.Value("path"); inSystemDir(p) || strings.Contains(p, "/bin/") || strings.Contains(p, "/sbin/") {
			return p
		}
	case "crontab":
		for _, word := range words(row.Value("command")) {
			if strings.HasPrefix(word, "/") && !strings.HasPrefix(word, "/dev/") {
				return word
			}
		}
	}
	return ""
}
