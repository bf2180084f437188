package detect

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"diffy/pkg/facts"
	"diffy/pkg/triage"
)

var (
	sshSession  = regexp.MustCompile(`^sshd(-session)?: `)
	interactive = []string{"sshd", "sshd-session", "login", "sudo", "su", "bash", "sh", "zsh", "dash", "tmux", "screen", "ssm-session-worker"}
)

// session explains what comes with a person who is logged in: the processes of
// sshd or the session agent, and what a login shell of theirs runs from the
// system's own folders.
func session(d *deviation) string {
	const why = "it comes with a login"
	row := d.row()
	switch d.table().rule.Name {
	case "processes", "process_odd_location", "process_open_sockets", "open_sockets_remote", "process_envs", "process_env_hijack":
	case "systemd_units", "startup_items":
		if id := d.key.columns[0]; strings.HasPrefix(id, "user@") || strings.HasPrefix(id, "user-runtime-dir@") || strings.HasPrefix(id, "session-") {
			return why
		}
		return ""
	default:
		return ""
	}
	if isSockets(d.table()) && outbound(row) && public(row) {
		return "" // who logs in comes from outside
	}
	program, command := owner(row), row.Value("cmdline")
	if command == "" {
		command = row.Value("process.cmdline")
	}
	parent := path.Base(row.Value("parent_path"))
	switch {
	case path.Base(program) == "sshd" && inSystemDir(program):
		return why
	case sshSession.MatchString(command) && inSystemDir(program):
		return why
	case orphan(row):
		return ""
	case path.Base(program) == sessionWorker && (inSystemDir(program) || strings.HasPrefix(program, "/snap/amazon-ssm-agent/")):
		return why
	case parent == sessionWorker && inSystemDir(program):
		return why
	case slices.Contains(interactive, parent) && inSystemDir(program) && inSession(row.Value("cgroup_path")):
		return why
	case inSession(row.Value("cgroup_path")) && inSystemDir(program) && !orphan(row):
		return why
	}
	return ""
}

// The session manager of the cloud runs what somebody does by it below this
// program, and at the first time makes an account with rights of its own.
const (
	sessionWorker = "ssm-session-worker"
	sessionUser   = "ssm-user"
	sessionRights = "/etc/sudoers.d/ssm-agent-users"
)

// firstSession explains what the session manager makes at its first session.
func firstSession(d *deviation) string {
	row := d.row()
	made := false
	switch d.table().rule.Name {
	case "users", "shadow_status", "shadow":
		made = d.kind == triage.Added && row.Value("username") == sessionUser
	case "sudoers":
		made = d.kind == triage.Added && sessionRule(row)
	case "persistence_files", "recent_system_changes", "file":
		made = row.Value("path") == sessionRights
	case "shell_init_files":
		made = strings.HasPrefix(row.Value("path"), "/home/"+sessionUser+"/")
	case "process_hashes", "hash":
		made = d.kind == triage.Added && path.Base(row.Value("path")) == sessionWorker
	}
	if !made {
		return ""
	}
	return "the session manager makes it at the first session"
}

// sessionRule reports whether a rule of sudo is the one that the session manager
// makes for its account.
func sessionRule(row facts.Raw) bool {
	return row.Value("source") == sessionRights && row.Value("header") == sessionUser && row.Value("rule_details") == "ALL=(ALL) NOPASSWD:ALL"
}

// orphan reports whether a process has outlived the login that started it: a
// daemon that came in by one.
func orphan(row facts.Raw) bool {
	return row.Value("parent") == "1" && strings.Contains(row.Value("cgroup_path"), "/session-")
}

func inSession(cgroup string) bool { return strings.Contains(cgroup, "/user.slice/") }
