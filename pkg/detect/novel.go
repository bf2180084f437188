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
func (g *group) novel(all []*deviation, common map[string]bool) {
	for _, d := range all {
		if d.kind != triage.Added {
			continue
		}
		p := program(d)
		if p == "" || common[p] || common["/usr"+p] || common[strings.TrimPrefix(p, "/usr")] {
			continue
		}
		d.traits = append(d.traits, trait{bits: novelBits, mild: true, text: "names a program that most hosts do not have: " + path.Base(p)})
	}
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
