package detect

import (
	"cmp"
	"regexp"
	"strings"

	"diffy/pkg/facts"
)

// trait is something suspicious about a row by itself, whatever other hosts
// have. Rules are traits that are wrong even when every host shares them.
type trait struct {
	bits      float64
	technique string
	text      string // completes "…, and it "
	rule      bool
	mild      bool // no reason to doubt a harmless explanation
	novel     bool // names a program that most hosts do not have
	tells     bool // mild, but nothing that an application's one leader has
}

// traitsOf reads the traits of a row. The query decides which apply; the pack's
// queries and osquery's plain tables have their columns under one name.
func traitsOf(query string, row facts.Raw) []trait {
	var out []trait
	for _, read := range traitReaders[query] {
		out = append(out, read(row)...)
	}
	return out
}

// traits reads the traits of a row in the light of the group: a file that was
// deleted under a running program and is there on other hosts was replaced, as
// an upgrade does.
func (g *group) traits(t *table, row facts.Raw) []trait {
	out := traitsOf(t.rule.Name, row)
	for i := range out {
		if unpackedLibrary.MatchString(cmp.Or(row.Value("map_path"), row.Value("path"))) {
			out[i].mild = true
		}
		if out[i].technique == "T1548.001" && g.setuid[row.Value("path")] {
			out[i].mild = true // most hosts have it so
		}
		if out[i].technique == "T1070.004" && g.onDisk[row.Value("path")] {
			out[i] = trait{bits: 1, technique: "T1070.004", text: "runs from a file that has been replaced since", mild: true}
		}
	}
	return out
}

// unpackedLibrary matches what libraries of Java unpack for themselves each time
// they start.
var unpackedLibrary = regexp.MustCompile(`^/tmp/([a-z]+-[0-9]+/)?(snappy-[0-9.]+-[0-9a-f-]{36}-libsnappyjava|libnetty_[a-z0-9_]+[0-9]{6,}|jna-?[0-9]+/jna[0-9]+|sqlite-[0-9.]+-[0-9a-f-]{36}-libsqlitejdbc|libzstd-jni[0-9.-]+|librocksdbjni[0-9]+|liblz4-java-?[0-9]+)\.(so|tmp)$`)

// setuidEverywhere are the setuid programs that most hosts have.
func (g *group) setuidEverywhere() map[string]bool {
	out := map[string]bool{}
	if t := g.table("suid_bin"); t != nil {
		for _, k := range t.keys {
			if 2*k.present.count() > t.answered.count() {
				out[k.columns[0]] = true
			}
		}
	}
	return out
}

// files are the programs that are a file on some host of the group.
func (g *group) files() map[string]bool {
	out := map[string]bool{}
	for _, t := range g.tables {
		switch t.rule.Name {
		case "process_hashes", "key_binaries", "hash", "processes":
		default:
			continue
		}
		for _, f := range t.every() {
			if t.rule.Name != "processes" || f.Row.Value("on_disk") == "1" {
				out[f.Row.Value("path")] = true
			}
		}
	}
	return out
}

var traitReaders = map[string][]func(facts.Raw) []trait{
	"processes":                  {programTraits, deletedTraits, commandTraits("cmdline"), lineageTraits, kthreadTraits, orphanTraits},
	"process_deleted_binary":     {programTraits, deletedRowTraits, commandTraits("cmdline")},
	"process_odd_location":       {programTraits, commandTraits("cmdline")},
	"process_kthread_masquerade": {programTraits, alwaysTrait("T1036.004", "poses as a kernel thread")},
	"process_hashes":             {programTraits},
	"process_env_hijack":         {envTraits},
	"process_envs":               {envTraits},
	"listening_ports":            {ownerTraits, portTraits("port", "is bound to a port that backdoors use by default")},
	"process_open_sockets":       {ownerTraits, remoteTraits},
	"open_sockets_remote":        {ownerTraits, remoteTraits},
	"raw_packet_sockets":         {ownerTraits, fixedTrait(1, "T1205.002", "reads raw packets")},
	"crontab":                    {commandTraits("command"), scratchIn("command", "T1053.003")},
	"systemd_units":              {unitTraits},
	"startup_items":              {unitTraits},
	"persistence_files":          {fileTraits, preloadTraits},
	"recent_system_changes":      {fileTraits, modeTraits},
	"file":                       {fileTraits, preloadTraits, modeTraits},
	"hash":                       {fileTraits},
	"tmp_executables":            {fixedTrait(2, "T1105", "is an executable in a folder that anybody may write to"), hiddenTraits("path")},
	"ld_preload_file":            {alwaysTrait("T1574.006", "is loaded into every program")},
	"shell_init_files":           {modeTraits},
	"suid_bin":                   {suidTraits},
	"kernel_modules_hidden":      {alwaysTrait("T1014", "is in sysfs but hidden from the list of modules")},
	"security_sysctls":           {sysctlTraits("current_value")},
	"system_controls":            {sysctlTraits("current_value")},
	"users":                      {userTraits},
	"authorized_keys":            {keyTraits},
	"sudoers":                    {sudoTraits},
	"mounts":                     {mountTraits},
	"docker_containers":          {containerTraits},
	"docker_sensitive_mounts":    {fixedTrait(1, "T1611", "gives a container a part of the host")},
	"memory_maps_suspicious":     {mapTraits},
	"deleted_open_files":         {hiddenTraits("path"), logTraits},
	"shadow_status":              {passwordTraits},
	"shadow":                     {passwordTraits},
	"mac_and_selinux":            {macTraits},
	"sshd_settings":              {sshdTraits},
	"resolvers_and_hosts":        {redirectTraits("a", "b"), resolverTraits("a", "b")},
	"dns_resolvers":              {resolverTraits("type", "address")},
	"deb_packages":               {toolTraits},
	"rpm_packages":               {toolTraits},
	"etc_hosts":                  {redirectTraits("address", "hostnames")},
	"loaded_libraries":           {fileTraits},
	"bpf_pinned":                 {fixedTrait(1, "T1014", "stays in the kernel when its program has ended")},
	"yara_quick":                 {alwaysTrait("T1027", "matches a YARA rule")},
}

func one(bits float64, technique, text string) []trait {
	return []trait{{bits: bits, technique: technique, text: text}}
}

func fixedTrait(bits float64, technique, text string) func(facts.Raw) []trait {
	return func(facts.Raw) []trait { return one(bits, technique, text) }
}

func alwaysTrait(technique, text string) func(facts.Raw) []trait {
	return func(facts.Raw) []trait { return []trait{{bits: 6, technique: technique, text: text, rule: true}} }
}

// scratch reports whether a path is in a folder that anybody may write to.
func scratch(p string) bool {
	for _, root := range []string{"/tmp/", "/var/tmp/", "/dev/shm/"} {
		if strings.HasPrefix(p, root) {
			return true
		}
	}
	return false
}

// hidden reports whether a path has a folder or file whose name begins with a
// dot, outside a home folder, where that is usual.
func hidden(p string) bool {
	if strings.HasPrefix(p, "/home/") || strings.HasPrefix(p, "/root/") {
		return false
	}
	return strings.Contains(p, "/.")
}

func hiddenTraits(column string) func(facts.Raw) []trait {
	return func(row facts.Raw) []trait {
		if p := row.Value(column); hidden(p) {
			return one(2, "T1564.001", "hides behind a name that begins with a dot")
		}
		return nil
	}
}
