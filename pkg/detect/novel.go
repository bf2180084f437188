package detect

import (
	"path"
	"strings"

	"diffy/pkg/triage"
)

// novelBits is what a program counts that no fact of most hosts names: a
// leader's scheduler runs the interpreter that all hosts have, an implant
// brings a file of its own.
const novelBits = 1.5

// novel adds a trait to rows that bring a program of their own.
func (g *group) novel(all []*deviation) {
	for _, d := range all {
		if d.kind != triage.Added {
			continue
		}
		if unit := g.intruded(d); unit != "" {
			d.traits = append(d.traits, trait{bits: intrudedBits, mild: true, technique: "T1055", text: "runs inside " + unit + ", where other hosts run nothing like it"})
		}
		p := program(d)
		if p == "" || g.common[p] || g.common["/usr"+p] || g.common[strings.TrimPrefix(p, "/usr")] {
			continue
		}
		d.traits = append(d.traits, trait{bits: novelBits, mild: true, novel: true, text: "names a program that most hosts do not have, " + p})
	}
}

// intrudedBits is what a process counts that stands among those of a service
// which most hosts have, and which runs no such thing there.
const intrudedBits = 1.0

// intruded names the service of most hosts that a process is inside of.
func (g *group) intruded(d *deviation) string {
	if d.table().rule.Name != "processes" || d.row().Value("path") == d.row().Value("parent_path") {
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
