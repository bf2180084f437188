package detect

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"diffy/pkg/facts"
)

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

// commandPattern is a way in which a command is suspicious. A command that has
// none of the words, in lower case, is not held against the pattern: most have
// none, and crontabs may be long.
type commandPattern struct {
	words     []string
	pattern   *regexp.Regexp
	bits      float64
	technique string
	text      string
}

// commandPatterns are tried in order; the first that matches tells.
var commandPatterns = []commandPattern{
	{
		[]string{"/dev/tcp/", "/dev/udp/", "nc", "socket", "pty.spawn", "fsockopen", "socat"},
		regexp.MustCompile(`/dev/(tcp|udp)/|\bn(c|cat)\b.*\s-[a-z]*[ec]\b|\bsocat\b.*(exec|EXEC|system|SYSTEM):|socket\.socket|pty\.spawn|fsockopen|TCPSocket\.(open|new)`),
		5, "T1059.004", "opens a shell over the network",
	},
	{
		[]string{"curl", "wget", "fetch", "lwp-download"},
		regexp.MustCompile(`\b(curl|wget|fetch|lwp-download)\b[^|]*\|\s*(sudo\s+)?([a-z/]*/)?(ba|da|z|k)?sh\b|\b(curl|wget)\b.*(&&|;)\s*(chmod|sh|bash)\b`),
		5, "T1105", "fetches something and runs it",
	},
	{
		[]string{"http.server", "simplehttpserver", "pyftpdlib", "php", "ruby"},
		regexp.MustCompile(`-m\s+(http\.server|SimpleHTTPServer|pyftpdlib)|\bphp\s+-S\b|\bruby\s+-run\b`),
		3, "T1105", "serves files from an interpreter",
	},
	{
		[]string{"stratum+", "xmrig", "minerd", "--donate-level", "cryptonight", "randomx", "nicehash", "kdevtmpfsi", "kinsing"},
		regexp.MustCompile(`(?i)stratum\+(tcp|ssl|tls)|xmrig|minerd|--donate-level|cryptonight|randomx|nicehash|kdevtmpfsi|\bkinsing\b`),
		5, "T1496", "has the words of a coin miner",
	},
	{
		[]string{"base64", "xxd", "eval", "python", "perl"},
		regexp.MustCompile(`base64\s+(-d|--decode|-D)|\|\s*xxd\s+-r|eval\s*\(?\s*(base64|gzinflate)|\bpython[0-9.]*\s+-c\s.*(exec|b64decode)|\bperl\s+-e\b.*(socket|exec)`),
		4, "T1027", "unpacks hidden code",
	},
	{[]string{"ld_preload="}, regexp.MustCompile(`LD_PRELOAD=`), 3, "T1574.006", "preloads a library"},
	{
		[]string{"chattr", "history", "histfile", "touch"},
		regexp.MustCompile(`\bchattr\s+\+i\b|\bhistory\s+-c\b|HISTFILE=/dev/null|\btouch\s+-r\b`),
		3, "T1070", "removes traces",
	},
}

func commandTraits(column string) func(facts.Raw) []trait {
	return func(row facts.Raw) []trait {
		command := row.Value(column)
		lower := strings.ToLower(command)
		for _, p := range commandPatterns {
			if slices.ContainsFunc(p.words, func(w string) bool { return strings.Contains(lower, w) }) && p.pattern.MatchString(command) {
				return one(p.bits, p.technique, p.text)
			}
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
