package detect

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"diffy/pkg/facts"
)

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
	for _, place := range startPlaces {
		if strings.HasPrefix(p, place.prefix) {
			return []trait{{bits: placeBits, technique: place.technique, text: place.text, mild: true, tells: true}}
		}
	}
	return nil
}

const placeBits = 2.5

// startPlaces are where the system itself runs what it finds. Packages put files
// there; an application that runs on one host only is started in other ways.
var startPlaces = []struct{ prefix, technique, text string }{
	{"/etc/rc.local", "T1037.004", "runs at boot"},
	{"/etc/rc.d/rc.local", "T1037.004", "runs at boot"},
	{"/etc/init.d/", "T1037.004", "runs at boot"},
	{"/var/lib/cloud/scripts/", "T1037", "runs at boot"},
	{"/etc/profile.d/", "T1546.004", "runs at each login"},
	{"/etc/update-motd.d/", "T1546", "runs at each login"},
	{"/etc/udev/rules.d/", "T1546.017", "runs when a device appears"},
	{"/etc/apt/apt.conf.d/", "T1546.016", "runs with the package manager"},
	{"/etc/cron.hourly/", "T1053.003", "runs every hour"},
	{"/etc/cron.daily/", "T1053.003", "runs every day"},
	{"/etc/cron.weekly/", "T1053.003", "runs every week"},
	{"/etc/pam.d/", "T1556.003", "decides who may log in"},
	{"/etc/modprobe.d/", "T1547.006", "decides what the kernel loads"},
	{"/etc/modules-load.d/", "T1547.006", "decides what the kernel loads"},
	{"/etc/ld.so.conf.d/", "T1574.006", "decides which libraries programs load"},
}

func passwordTraits(row facts.Raw) []trait {
	switch row.Value("password_status") {
	case "empty":
		return one(3, "T1098", "may log in without a password")
	case "active":
		return one(1, "T1098", "may log in with a password")
	}
	return nil
}

// logTraits looks for a log that was deleted and not rotated.
func logTraits(row facts.Raw) []trait {
	p := strings.TrimSuffix(row.Value("path"), " (deleted)")
	if strings.HasPrefix(p, "/var/log/") && !rotated.MatchString(row.Value("path")) && (strings.HasSuffix(p, "log") || slices.Contains(bareLogs, path.Base(p))) {
		return one(2, "T1070.002", "is a log deleted while it was written")
	}
	return nil
}

// bareLogs are logs of the system whose names do not end as logs do.
var bareLogs = []string{"messages", "secure", "maillog", "cron", "wtmp", "btmp", "lastlog", "dmesg"}

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
		return []trait{{bits: 2, technique: "T1548.003", text: "gives root's rights without a password", mild: sessionRule(row)}}
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
