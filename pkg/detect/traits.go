package detect

import (
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strconv"
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
		if out[i].technique == "T1070.004" && g.onDisk[row.Value("path")] {
			out[i] = trait{bits: 1, technique: "T1070.004", text: "runs from a file that has been replaced since", mild: true}
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
		for _, k := range t.keys {
			for _, f := range k.facts {
				if t.rule.Name != "processes" || f.Row.Value("on_disk") == "1" {
					out[f.Row.Value("path")] = true
				}
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
	"deleted_open_files":         {hiddenTraits("path")},
	"mac_and_selinux":            {macTraits},
	"sshd_settings":              {sshdTraits},
	"resolvers_and_hosts":        {redirectTraits("a", "b"), resolverTraits("a", "b")},
	"dns_resolvers":              {resolverTraits("type", "address")},
	"deb_packages":               {toolTraits},
	"rpm_packages":               {toolTraits},
	"etc_hosts":                  {redirectTraits("address", "hostnames")},
	"loaded_libraries":           {fileTraits},
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

func programTraits(row facts.Raw) []trait {
	p := row.Value("path")
	var out []trait
	switch {
	case strings.HasPrefix(p, "/memfd:"):
		out = append(out, trait{bits: 5, technique: "T1620", text: "runs from memory, without a file", rule: true})
	case scratch(p) || strings.HasPrefix(p, "/run/user/"):
		out = append(out, trait{bits: 4, technique: "T1059", text: "runs from a folder that anybody may write to", rule: true})
	}
	if hidden(p) {
		out = append(out, trait{bits: 2, technique: "T1564.001", text: "hides behind a name that begins with a dot", rule: false})
	}
	return out
}

// inContainer reports whether a process belongs to a container: its path is
// then none of the host's, and osquery looks for the file on the host.
func inContainer(row facts.Raw) bool {
	if row.Value("host_ns") == "0" {
		return true
	}
	group := row.Value("cgroup_path")
	for _, word := range []string{"docker", "containerd", "kubepods", "libpod", "machine.slice", "/lxc"} {
		if strings.Contains(group, word) {
			return true
		}
	}
	return false
}

func deletedTraits(row facts.Raw) []trait {
	if row.Value("on_disk") != "0" || inContainer(row) {
		return nil
	}
	return deletedRowTraits(row)
}

func deletedRowTraits(row facts.Raw) []trait {
	if inContainer(row) {
		return nil
	}
	return []trait{{bits: 3, technique: "T1070.004", text: "runs from a file that has been deleted", rule: true}}
}

// Commands that fetch and run, open a reverse shell, mine, or unpack hidden code.
var (
	fileServer   = regexp.MustCompile(`-m\s+(http\.server|SimpleHTTPServer|pyftpdlib)|\bphp\s+-S\b|\bruby\s+-run\b`)
	reverseShell = regexp.MustCompile(`/dev/(tcp|udp)/|\bn(c|cat)\b.*\s-[a-z]*[ec]\b|\bsocat\b.*(exec|EXEC|system|SYSTEM):|socket\.socket|pty\.spawn|fsockopen|TCPSocket\.(open|new)`)
	fetchAndRun  = regexp.MustCompile(`\b(curl|wget|fetch|lwp-download)\b[^|]*\|\s*(sudo\s+)?([a-z/]*/)?(ba|da|z|k)?sh\b|\b(curl|wget)\b.*(&&|;)\s*(chmod|sh|bash)\b`)
	unpacked     = regexp.MustCompile(`base64\s+(-d|--decode|-D)|\|\s*xxd\s+-r|eval\s*\(?\s*(base64|gzinflate)|\bpython[0-9.]*\s+-c\s.*(exec|b64decode)|\bperl\s+-e\b.*(socket|exec)`)
	miner        = regexp.MustCompile(`(?i)stratum\+(tcp|ssl|tls)|xmrig|minerd|--donate-level|cryptonight|randomx|nicehash|kdevtmpfsi|\bkinsing\b`)
	timestomped  = regexp.MustCompile(`\bchattr\s+\+i\b|\bhistory\s+-c\b|HISTFILE=/dev/null|\btouch\s+-r\b`)
)

func commandTraits(column string) func(facts.Raw) []trait {
	return func(row facts.Raw) []trait {
		command := row.Value(column)
		switch {
		case command == "":
			return nil
		case reverseShell.MatchString(command):
			return one(5, "T1059.004", "opens a shell over the network")
		case fetchAndRun.MatchString(command):
			return one(5, "T1105", "fetches something and runs it")
		case fileServer.MatchString(command):
			return one(3, "T1105", "serves files from an interpreter")
		case miner.MatchString(command):
			return one(5, "T1496", "has the words of a coin miner")
		case unpacked.MatchString(command):
			return one(4, "T1027", "unpacks hidden code")
		case strings.Contains(command, "LD_PRELOAD="):
			return one(3, "T1574.006", "preloads a library")
		case timestomped.MatchString(command):
			return one(3, "T1070", "removes traces")
		}
		return nil
	}
}

// scratchIn looks for a program in a scratch folder or behind a dot in a command.
func scratchIn(column, technique string) func(facts.Raw) []trait {
	return func(row facts.Raw) []trait {
		for _, word := range words(row.Value(column)) {
			if strings.HasPrefix(word, "/") && (scratch(word) || hidden(word)) && !strings.HasSuffix(word, ".log") {
				return one(4, technique, "uses a file in a hidden folder or one that anybody may write to")
			}
		}
		return nil
	}
}

// words splits a command at blanks, quotes and the shell's punctuation.
func words(command string) []string {
	return strings.FieldsFunc(command, func(r rune) bool { return strings.ContainsRune(" \t\"'`;|&<>()=,", r) })
}

var shells = []string{"sh", "bash", "dash", "zsh", "ksh", "ash", "busybox"}

var serviceDaemons = regexp.MustCompile(`^(nginx|apache2?|httpd|lighttpd|caddy|haproxy|node|java|php-fpm[0-9.]*|php|tomcat|catalina|postgres|mysqld|mariadbd|mongod|redis-server|memcached|gunicorn|uwsgi|uvicorn|puma|unicorn|dotnet|beam\.smp|named|unbound|exim4?|postfix|vsftpd|smbd|kafka|envoy|traefik)$`)

// lineageTraits looks for a shell whose parent serves the network.
func lineageTraits(row facts.Raw) []trait {
	parent := row.Value("parent_name")
	if p := row.Value("parent_path"); p != "" {
		parent = path.Base(p)
	}
	if slices.Contains(shells, path.Base(row.Value("path"))) && serviceDaemons.MatchString(parent) {
		return one(4, "T1059.004", "is a shell started by "+parent)
	}
	return nil
}

// kthreadTraits looks for a program that shows itself as a kernel thread.
func kthreadTraits(row facts.Raw) []trait {
	if row.Value("path") == "" || row.Value("parent") == "2" {
		return nil
	}
	command := strings.TrimSpace(row.Value("cmdline"))
	if strings.HasPrefix(command, "[") && strings.HasSuffix(command, "]") || strings.HasPrefix(row.Value("name"), "kworker") {
		return []trait{{bits: 5, technique: "T1036.004", text: "poses as a kernel thread", rule: true}}
	}
	return nil
}

func orphanTraits(row facts.Raw) []trait {
	if orphan(row) {
		return []trait{{bits: 1, technique: "T1059", text: "has outlived the login that started it", mild: true}}
	}
	return nil
}

func envTraits(row facts.Raw) []trait {
	value := row.Value("value")
	switch row.Value("key") {
	case "LD_PRELOAD", "LD_AUDIT":
		if scratch(value) || hidden(value) {
			return one(5, "T1574.006", "preloads a library from an odd place")
		}
		return one(2, "T1574.006", "preloads a library")
	case "HISTFILE":
		if value == "/dev/null" || value == "" {
			return one(2, "T1070.003", "keeps no shell history")
		}
	case "PROMPT_COMMAND", "BASH_ENV", "PYTHONSTARTUP", "PERL5OPT", "NODE_OPTIONS", "LD_LIBRARY_PATH":
		if scratch(value) || hidden(value) {
			return one(3, "T1574.006", "loads code from an odd place")
		}
	}
	return nil
}

// ownerTraits looks at the program that a socket belongs to.
func ownerTraits(row facts.Raw) []trait {
	program := owner(row)
	if scratch(program) || hidden(program) || strings.HasPrefix(program, "/memfd:") {
		return one(3, "T1571", "belongs to a program in a hidden folder or one that anybody may write to")
	}
	if base := path.Base(program); slices.Contains(shells, base) || slices.Contains([]string{"nc", "ncat", "nc.openbsd", "nc.traditional", "socat"}, base) {
		return one(4, "T1059.004", "belongs to "+base)
	}
	return nil
}

// owner returns the program that a row belongs to, of the row or joined in.
func owner(row facts.Raw) string {
	if p := row.Value("process.path"); p != "" {
		return p
	}
	return row.Value("path")
}

var backdoorPorts = []string{"31337", "4444", "4445", "1337", "5555", "6666", "6667", "9001", "12345", "1234", "2222", "7777", "8888", "9999"}

func portTraits(column, text string) func(facts.Raw) []trait {
	return func(row facts.Raw) []trait {
		if slices.Contains(backdoorPorts, row.Value(column)) {
			return one(1, "T1571", text)
		}
		return nil
	}
}

func remoteTraits(row facts.Raw) []trait {
	if !public(row) {
		return nil
	}
	port := row.Value("remote_port")
	switch {
	case inbound(row):
		return nil
	case homebody.MatchString(path.Base(owner(row))):
		return one(5, "T1036.005", "is a program that has no business on the internet")
	case slices.Contains(backdoorPorts, port) || port == "3333" || port == "14444":
		return one(4, "T1571", "talks to a public address on a port that backdoors and miners use")
	case port == "53" || port == "123":
		return one(1, "T1071", "talks to a public address")
	}
	return []trait{{bits: 2.5, technique: "T1071", text: "talks to a public address", mild: true}}
}

// homebody matches system programs that never open connections to the internet.
var homebody = regexp.MustCompile(`^(systemd|init|systemd-(journald|logind|udevd|machined|hostnamed|localed|timedated|oomd|userdbd)|udevadm|cron|crond|anacron|atd|dbus-daemon|dbus-broker|agetty|login|auditd|polkitd|irqbalance|acpid|mcelog|smartd|multipathd|lvmetad|rngd|haveged|thermald|ps|ls|top|getty|kmod|nologin)$`)

// public reports whether a row is a connection to an address on the internet.
func public(row facts.Raw) bool {
	addr, err := netip.ParseAddr(row.Value("remote_address"))
	return err == nil && onInternet(addr)
}

func onInternet(addr netip.Addr) bool {
	return !addr.IsPrivate() && !addr.IsLoopback() && !addr.IsLinkLocalUnicast() && !addr.IsUnspecified()
}

// inbound reports whether the other side of a connection opened it: it came to
// a fixed port of ours from a port that a kernel picked.
func inbound(row facts.Raw) bool {
	local, ok := port(row.Value("local_port"))
	remote, also := port(row.Value("remote_port"))
	return ok && also && local < firstDynamic && remote >= firstDynamic
}

// Linux picks the ports of outgoing connections from here on.
const firstDynamic = 32768

func port(text string) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n > 0 && n < 65536
}

func unitTraits(row facts.Raw) []trait {
	for _, column := range []string{"fragment_path", "source_path", "path"} {
		if p := row.Value(column); scratch(p) || hidden(p) {
			return one(4, "T1543.002", "is defined in a hidden folder or one that anybody may write to")
		}
	}
	return nil
}

func fileTraits(row facts.Raw) []trait {
	p := row.Value("path")
	switch {
	case scratch(p) && hidden(p):
		return one(3, "T1564.001", "is hidden in a folder that anybody may write to")
	case hidden(p) && !slices.Contains(usualHidden, path.Base(p)):
		return one(2, "T1564.001", "hides behind a name that begins with a dot")
	}
	return nil
}

// usualHidden are files with a dot that packages bring outside home folders.
var usualHidden = []string{".pwd.lock", ".placeholder", ".updated", ".profile", ".bashrc", ".bash_logout", ".java"}

func preloadTraits(row facts.Raw) []trait {
	if row.Value("path") == "/etc/ld.so.preload" {
		return []trait{{bits: 6, technique: "T1574.006", text: "is loaded into every program", rule: true}}
	}
	return nil
}

// modeTraits looks at a file's permissions, octal digits.
func modeTraits(row facts.Raw) []trait {
	mode := row.Value("mode")
	if len(mode) >= 4 && mode[len(mode)-4] >= '4' && mode[len(mode)-4] <= '7' {
		return one(3, "T1548.001", "is setuid")
	}
	if mode != "" && strings.ContainsRune("2367", rune(mode[len(mode)-1])) {
		return one(2, "T1222", "may be written by anybody")
	}
	return nil
}

func suidTraits(row facts.Raw) []trait {
	p := row.Value("path")
	dir, base := path.Dir(p), path.Base(p)
	switch {
	case slices.Contains(shells, base) || slices.Contains([]string{"find", "vim", "vi", "less", "awk", "gawk", "mawk", "perl", "python3", "cp", "tee", "env", "nmap", "tar"}, base):
		return one(4, "T1548.001", "gives any user root's rights")
	case !slices.Contains([]string{"/bin", "/sbin", "/usr/bin", "/usr/sbin"}, dir):
		return one(2, "T1548.001", "is setuid outside the system's own folders")
	}
	return one(1, "T1548.001", "is setuid")
}

func sysctlTraits(column string) func(facts.Raw) []trait {
	return func(row facts.Raw) []trait {
		value := row.Value(column)
		switch row.Value("name") {
		case "kernel.core_pattern":
			if strings.HasPrefix(value, "|") && !strings.Contains(value, "apport") && !strings.Contains(value, "systemd-coredump") {
				return one(3, "T1546", "runs a program at every crash")
			}
		case "kernel.randomize_va_space", "kernel.yama.ptrace_scope", "kernel.kptr_restrict":
			if value == "0" {
				return one(2, "T1562.001", "turns a protection off")
			}
		case "vm.nr_hugepages":
			if value != "0" {
				return []trait{{bits: 1, technique: "T1496", text: "reserves huge pages, as miners do", mild: true}}
			}
		}
		return nil
	}
}

func userTraits(row facts.Raw) []trait {
	name, uid := row.Value("username"), row.Value("uid")
	switch {
	case uid == "0" && name != "root":
		return []trait{{bits: 6, technique: "T1136.001", text: "is a second root", rule: true}}
	case strings.HasSuffix(row.Value("shell"), "sh") && name != "root":
		return one(1, "T1136.001", "may log in")
	}
	return nil
}

func keyTraits(row facts.Raw) []trait {
	if row.Value("username") == "root" || row.Value("uid") == "0" {
		return one(1, "T1098.004", "opens root's account")
	}
	return nil
}

func sudoTraits(row facts.Raw) []trait {
	if strings.Contains(row.Value("rule_details"), "NOPASSWD") {
		return one(2, "T1548.003", "gives root's rights without a password")
	}
	return nil
}

var overProcess = regexp.MustCompile(`^/proc/[0-9]+`)

func mountTraits(row facts.Raw) []trait {
	if overProcess.MatchString(row.Value("path")) {
		return []trait{{bits: 6, technique: "T1564.013", text: "hides a process behind a mount", rule: true}}
	}
	return nil
}

func containerTraits(row facts.Raw) []trait {
	if row.Value("privileged") == "1" {
		return one(3, "T1611", "is a privileged container")
	}
	return nil
}

func mapTraits(row facts.Raw) []trait {
	p := row.Value("map_path")
	if scratch(p) || hidden(p) || strings.HasPrefix(p, "/memfd:") {
		return one(3, "T1055", "is code mapped from an odd place")
	}
	return nil
}

func macTraits(row facts.Raw) []trait {
	if v := strings.ToLower(row.Value("v")); v == "permissive" || v == "disabled" || v == "complain" || v == "unconfined" {
		return one(2, "T1562.001", "turns a protection off")
	}
	return nil
}

func sshdTraits(row facts.Raw) []trait {
	label, value := row.Value("label"), strings.ToLower(row.Value("value"))
	switch {
	case label == "AuthorizedKeysCommand", label == "PermitEmptyPasswords" && value == "yes":
		return one(3, "T1098.004", "opens a way in")
	case label == "PermitRootLogin" && value == "yes", label == "PasswordAuthentication" && value == "yes":
		return one(2, "T1098.004", "opens a way in")
	}
	return nil
}

// resolverTraits looks for a resolver on the internet.
func resolverTraits(kind, address string) func(facts.Raw) []trait {
	return func(row facts.Raw) []trait {
		addr, err := netip.ParseAddr(row.Value(address))
		if row.Value(kind) != "nameserver" || err != nil || !onInternet(addr) {
			return nil
		}
		return one(2, "T1071.004", "resolves names at a public address")
	}
}

// tools are packages that attackers bring.
var tools = []string{
	"nmap", "masscan", "zmap", "netcat", "netcat-traditional", "netcat-openbsd", "ncat", "socat", "hydra", "john", "hashcat", "tor", "proxychains",
	"proxychains4", "xmrig", "sshpass", "chisel", "sqlmap", "tcpdump", "dsniff", "ettercap-text-only", "hping3", "responder",
}

func toolTraits(row facts.Raw) []trait {
	if slices.Contains(tools, row.Value("name")) {
		return one(3, "T1588.002", "is a tool that attackers bring")
	}
	return nil
}

var redirected = regexp.MustCompile(`(?i)(amazonaws\.com|update|security|mirror|archive|deb\.|ubuntu|debian|github|pypi|npmjs|docker)`)

func redirectTraits(address, name string) func(facts.Raw) []trait {
	return func(row facts.Raw) []trait {
		to := row.Value(address)
		if (to == "0.0.0.0" || strings.HasPrefix(to, "127.")) && strings.Contains(row.Value(name), ".") && !strings.Contains(row.Value(name), "localhost") {
			return one(2, "T1565.001", "makes a name unreachable")
		}
		if redirected.MatchString(row.Value(name)) {
			return one(2, "T1565.001", "redirects a name that updates or AWS depend on")
		}
		return nil
	}
}
