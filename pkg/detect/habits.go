package detect

import (
	"path"
	"slices"
	"strings"

	"diffy/pkg/facts"
)

// habits are what the group does now and then on its own.
type habits struct {
	onDemand     map[string]bool    // units that are started by timers, sockets, the bus or other units
	units        map[string]hostSet // unit → hosts that have it installed
	unitOf       map[string]string  // program → the unit that runs it, "" when several do
	cron         []cronEntry
	packageWords map[string]bool // words in the names of packages that most hosts have
	public       map[string]int  // program → public addresses that hosts' copies talk to
}

func (g *group) learnHabits() habits {
	h := habits{packageWords: map[string]bool{}, units: map[string]hostSet{}, unitOf: map[string]string{}, onDemand: map[string]bool{}, public: map[string]int{}}
	h.learnUnits(g)
	h.learnPackages(g)
	h.learnPrograms(g)
	if t := g.table("crontab"); t != nil {
		for _, k := range t.keys {
			h.cron = append(h.cron, cronEntry{k.named("command"), k.present})
		}
	}
	return h
}

func (h habits) learnUnits(g *group) {
	t := g.table("systemd_units")
	if t == nil {
		return
	}
	for _, f := range t.every() {
		id := f.Row.Value("id")
		if onDemand(f.Row) {
			h.onDemand[id] = true
		}
		if f.Row.Value("fragment_path") != "" {
			h.units[id] = f.hosts.or(orNone(h.units[id], f.hosts))
		}
	}
	for _, k := range t.keys { // the service of a timer that most hosts have
		if timer, ok := strings.CutSuffix(k.columns[0], ".timer"); ok && 2*k.present.count() > len(g.hosts) {
			h.onDemand[timer+".service"] = true
		}
	}
}

func (h habits) learnPackages(g *group) {
	for _, t := range g.packages() {
		for _, k := range t.keys {
			if 2*k.present.count() <= len(g.hosts) {
				continue
			}
			for _, word := range strings.Split(k.named("name"), "-") {
				h.packageWords[word] = true
			}
		}
	}
}

// learnPrograms notes which unit runs a program, and how many addresses outside
// its copies talk to.
func (h habits) learnPrograms(g *group) {
	if t := g.table("processes"); t != nil {
		for _, f := range t.every() {
			p, unit := f.Row.Value("path"), path.Base(f.Row.Value("cgroup_path"))
			if known, twice := h.unitOf[p]; twice && known != unit {
				unit = ""
			}
			h.unitOf[p] = unit
		}
	}
	for _, t := range g.tables {
		if !isSockets(t) {
			continue
		}
		for _, k := range t.keys {
			if len(k.facts) > 0 && public(k.facts[0].Row) {
				h.public[owner(k.facts[0].Row)]++
			}
		}
	}
}

// unit names the unit that a row belongs to, "" when it does not tell.
func (h habits) unit(row facts.Raw) string {
	for _, column := range []string{"cgroup_path", "process.cgroup_path"} {
		if unit := path.Base(row.Value(column)); strings.HasSuffix(unit, ".service") {
			return unit
		}
	}
	if id := row.Value("id"); strings.HasSuffix(id, ".service") {
		return id
	}
	return h.unitOf[owner(row)]
}

// cronEntry is a command in a crontab and the hosts that have it.
type cronEntry struct {
	command string
	hosts   hostSet
}

// scheduled reports whether at least two hosts beside the given ones have a
// crontab that runs the command.
func (h habits) scheduled(command string, hosts hostSet) bool {
	return command != "" && slices.ContainsFunc(h.cron, func(e cronEntry) bool {
		return e.hosts.minus(hosts).count() >= 2 && (strings.Contains(e.command, command) || strings.Contains(command, e.command))
	})
}

// onDemand reports whether a unit is one that packages bring and that is not
// enabled by itself: something else starts it, now and then.
func onDemand(row facts.Raw) bool {
	state := row.Value("unit_file_state")
	return (state == "static" || state == "indirect") && inUnitDir(row.Value("fragment_path"))
}

func inUnitDir(p string) bool {
	return strings.HasPrefix(p, "/lib/systemd/") || strings.HasPrefix(p, "/usr/lib/systemd/")
}
