package detect

import (
	"path"
	"slices"
	"strings"

	"diffy/pkg/facts"
	"diffy/pkg/triage"
)

// context is what happened to a host that accounts for some of its differences.
type context struct {
	packages []string        // whose version is not the usual one, or that are extra or gone
	removed  []string        // those that are gone
	upgraded bool            // a package has another version than usual
	kernel   hostSet         // the hosts of its kernel, where that is not the one of most
	booting  bool            // up for minutes only, the others for longer
	crontabs map[string]bool // whose entries differ in their schedule only
	programs map[string]bool // that a login, a timer or a common cron entry accounts for
	running  map[string]bool // programs that run with other arguments than elsewhere
}

// A host is booting when it has been up for less than this, seconds.
const bootTime = 15 * 60

// contexts finds, from the deviations in stable facts and in processes, what
// happened to each host.
func (g *group) contexts(all []*deviation) []*context {
	out := make([]*context, len(g.hosts))
	for i := range g.hosts {
		out[i] = &context{booting: g.young.has(i), crontabs: map[string]bool{}, programs: map[string]bool{}, running: map[string]bool{}}
	}
	for _, d := range all {
		if isPackages(d.table()) {
			d.hosts.each(func(h int) {
				out[h].packages = append(out[h].packages, d.key.named("name"))
				out[h].upgraded = out[h].upgraded || d.kind == triage.Changed
				if d.kind == triage.Missing {
					out[h].removed = append(out[h].removed, d.key.named("name"))
				}
			})
		}
		if d.table().rule.Name == "crontab" && d.kind == triage.Changed && onlySchedule(d) {
			d.hosts.each(func(h int) { out[h].crontabs[d.row().Value("path")] = true })
		}
		if d.table().rule.Name == "processes" {
			harmless := session(d) != "" || g.passing(d) != ""
			d.hosts.each(func(h int) {
				if d.kind == triage.Added {
					out[h].running[lineage(d.row())] = true
				}
				if harmless || g.starting(d, out[h]) != "" {
					out[h].programs[d.row().Value("path")] = true
				}
			})
		}
	}
	g.kernels(out)
	return out
}

// lineage names what a process runs, for whom and whose child it is: everything
// but its arguments.
func lineage(row facts.Raw) string {
	return joinKey([]string{row.Value("path"), row.Value("parent_path"), row.Value("username"), row.Value("uid")})
}

// booting returns the hosts that have been up for minutes only, when others
// have been for longer.
func (g *group) booting() hostSet {
	young, longer := newHostSet(len(g.hosts)), false
	for i, h := range g.hosts {
		if h.Uptime > 0 && h.Uptime < bootTime {
			young.add(i)
		}
		longer = longer || h.Uptime >= 2*bootTime
	}
	if !longer {
		return newHostSet(len(g.hosts))
	}
	return young
}

// row is the row that a deviation brings, or that is missing.
func (d *deviation) row() facts.Raw {
	if d.fact != nil {
		return d.fact.Row
	}
	return d.expected.Row
}

func isPackages(t *table) bool {
	return t.rule.Name == "deb_packages" || t.rule.Name == "rpm_packages"
}

// kernels tells the hosts whose kernel is not the commonest one who else runs it.
func (g *group) kernels(out []*context) {
	t := g.table("host_identity", "kernel_info")
	if t == nil || len(t.keys) == 0 {
		return
	}
	column := "kernel_version"
	if t.rule.Name == "kernel_info" {
		column = "version"
	}
	versions := map[string]hostSet{}
	for k, f := range t.every() {
		version := k.compared(f, column)
		versions[version] = f.hosts.or(orNone(versions[version], f.hosts))
	}
	for _, hosts := range versions {
		if 2*hosts.count() < len(g.hosts) {
			hosts.each(func(h int) { out[h].kernel = hosts })
		}
	}
}

// passing explains processes and units that run for a while on any host.
func (g *group) passing(d *deviation) string {
	row := d.row()
	switch d.table().rule.Name {
	case "systemd_units", "startup_items":
		return g.passingUnit(d)
	case "processes":
		if !inSystemDir(row.Value("path")) {
			return ""
		}
		unit := path.Base(row.Value("cgroup_path"))
		if g.habits.onDemand[unit] {
			return unit + " runs now and then"
		}
		if base := path.Base(row.Value("path")); (base == "cron" || base == "crond") && strings.HasPrefix(path.Base(row.Value("cmdline")), "CRON ") {
			return "cron is running an entry"
		}
		if underCron(row) {
			if g.habits.scheduled(commandOf(row), d.hosts) {
				return "a cron entry that other hosts have too is running"
			}
		}
	}
	return ""
}

// commandOf is what a process was told to run: a shell's command, or its own.
func commandOf(row facts.Raw) string {
	command := row.Value("cmdline")
	if _, run, ok := strings.Cut(command, " -c "); ok {
		return run
	}
	return command
}

// underCron reports whether a process is cron's child or in its service.
func underCron(row facts.Raw) bool {
	parent, group := path.Base(row.Value("parent_path")), row.Value("cgroup_path")
	return parent == "cron" || parent == "crond" || strings.HasSuffix(group, "/cron.service") || strings.HasSuffix(group, "/crond.service")
}

func (g *group) passingUnit(d *deviation) string {
	if d.kind != triage.Changed {
		if g.triggered(d) {
			return "" // what starts it is as new
		}
		if (onDemand(d.row()) || d.table().rule.Name == "startup_items" && g.habits.onDemand[d.key.columns[0]]) && !failed(d) {
			return "the unit is loaded now and then"
		}
		return ""
	}
	if !slices.Equal(d.changed, []string{"active_state"}) && !slices.Equal(d.changed, []string{"status"}) {
		return ""
	}
	switch d.key.compared(d.fact, d.changed[0]) {
	case "failed":
		return ""
	case "activating", "deactivating", "reloading":
		return "the unit is starting or stopping"
	}
	if d.row().Value("unit_file_state") == "enabled" && d.key.compared(d.fact, d.changed[0]) == "active" {
		return "the unit is enabled, and runs as it should"
	}
	if onDemand(d.row()) || g.habits.onDemand[d.key.columns[0]] {
		return "the unit runs now and then"
	}
	return ""
}

// triggered reports whether a unit's timer, socket or path came with it: then it
// is not one that other hosts have too and happen not to run.
func (g *group) triggered(d *deviation) bool {
	name, ok := strings.CutSuffix(d.key.columns[0], ".service")
	return ok && d.kind == triage.Added && slices.ContainsFunc(d.table().keys, func(k *key) bool {
		by, is := strings.CutPrefix(k.columns[0], name)
		return is && (by == ".timer" || by == ".socket" || by == ".path") && k.present.equal(d.hosts)
	})
}

func failed(d *deviation) bool {
	return d.fact != nil && d.key.compared(d.fact, "active_state") == "failed"
}

func isSockets(t *table) bool {
	return t.rule.Name == "open_sockets_remote" || t.rule.Name == "process_open_sockets"
}
