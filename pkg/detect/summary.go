package detect

import (
	"fmt"
	"strings"

	"diffy/pkg/triage"
)

// nouns are what rows of a query are called in a sentence.
var nouns = map[string]string{
	"processes": "process", "process_deleted_binary": "process whose file is gone", "process_odd_location": "process in an odd place",
	"process_kthread_masquerade": "false kernel thread", "process_env_hijack": "loader variable", "process_envs": "environment variable",
	"process_hashes": "program", "hash": "file", "file": "file", "listening_ports": "listener", "open_sockets_remote": "connection out",
	"process_open_sockets": "connection out", "raw_packet_sockets": "raw socket", "crontab": "cron entry", "systemd_units": "systemd unit",
	"startup_items": "startup item", "persistence_files": "startup file", "ld_preload_file": "preloaded library", "shell_init_files": "shell startup file",
	"kernel_modules": "kernel module", "kernel_modules_hidden": "hidden kernel module", "security_sysctls": "kernel setting", "system_controls": "kernel setting",
	"users": "account", "privileged_group_members": "member of a privileged group", "shadow_status": "password", "shadow": "password",
	"authorized_keys": "authorized key", "private_ssh_keys": "private key", "user_ssh_keys": "private key", "sudoers": "sudo rule", "suid_bin": "setuid program",
	"key_binaries": "system program", "auth_modules": "login module", "tmp_executables": "program in a scratch folder", "recent_system_changes": "changed system file",
	"deb_packages": "package", "rpm_packages": "package", "python_packages": "package", "npm_packages": "package", "package_sources_apt": "package source",
	"package_sources_yum": "package source", "iptables": "firewall rule", "resolvers_and_hosts": "name server or hosts entry", "etc_hosts": "hosts entry",
	"network_interfaces": "interface", "mounts": "mount", "docker_containers": "container", "docker_images": "image", "docker_sensitive_mounts": "mount into a container",
	"login_history": "login", "mac_and_selinux": "protection setting", "trust_store_additions": "trusted authority", "memory_maps_suspicious": "mapping of code from an odd place",
	"deleted_open_files": "deleted file held open", "sshd_settings": "sshd setting", "bpf_pinned": "pinned BPF object",
}

// summary says in a sentence what the findings of a story are together: by what
// they are and by kind, counted, in the order of their scores.
func summary(hosts []string, all []*deviation) string {
	counts := map[string]int{}
	var order []string
	for _, d := range all {
		noun := nouns[d.table().rule.Name]
		if noun == "" {
			noun = d.table().rule.Name + " row"
		}
		what := map[triage.Kind]string{triage.Added: "new " + noun, triage.Missing: "missing " + noun, triage.Changed: "changed " + noun}[d.kind]
		if counts[what]++; counts[what] == 1 {
			order = append(order, what)
		}
	}
	parts := make([]string, len(order))
	for i, what := range order {
		parts[i] = "a " + what
		if n := counts[what]; n > 1 {
			parts[i] = fmt.Sprintf("%d %s", n, many(what))
		}
	}
	return "on " + someHosts(hosts) + ": " + strings.Join(parts, ", ")
}

// many is the plural of what a noun and its words before it name: of its head,
// which stands before the first of these.
func many(what string) string {
	tail := ""
	for _, mark := range []string{" whose ", " in ", " of ", " out", " held ", " into "} {
		if i := strings.Index(what, mark); i >= 0 {
			what, tail = what[:i], what[i:]+tail
		}
	}
	switch {
	case strings.HasSuffix(what, "y"):
		return strings.TrimSuffix(what, "y") + "ies" + tail
	case strings.HasSuffix(what, "s"):
		return what + "es" + tail
	}
	return what + "s" + tail
}

// mostNamed is how many hosts a sentence names.
const mostNamed = 5

func someHosts(hosts []string) string {
	if n := len(hosts) - mostNamed; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(hosts[:mostNamed], ", "), n)
	}
	return list(hosts)
}
