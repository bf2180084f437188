package synth

import "strings"

// query is one statement of the pack and how a machine answers it. The columns
// are those of its SELECT, in order.
type query struct {
	name    string
	ext     bool
	columns string
	answer  func(m *machine, add func(...string))
}

// packQueries lists the pack's statements as they are run. What is collected
// only on request, and personal data, is not among them.
var packQueries = []query{
	{"host_identity", false, "hostname uuid cpu_type hardware_model os_platform os_name os_version kernel_version kernel_args uptime_s", (*machine).askIdentity},
	{"ec2_identity", false, "instance_id instance_type architecture region availability_zone ami_id iam_arn account_id security_groups", (*machine).askInstance},
	{"processes", false, "pid parent name path cmdline cwd root on_disk uid euid username start_time cgroup_path parent_name parent_path", (*machine).askProcesses},
	{"process_deleted_binary", false, "pid parent name path cmdline uid username start_time cgroup_path host_ns", (*machine).askDeletedBinaries},
	{"process_odd_location", false, "pid parent name path cmdline cwd uid username start_time", (*machine).askOddLocations},
	{"process_kthread_masquerade", false, "pid parent name path cmdline uid start_time", (*machine).askMasquerades},
	{"process_env_hijack", false, "pid name path key value", (*machine).askEnvironments},
	{"process_hashes", false, "path sha256 size uid gid mode mtime ctime inode", (*machine).askProcessHashes},
	{"listening_ports", false, "pid protocol family address port name path cmdline uid username", (*machine).askListeners},
	{"open_sockets_remote", false, "pid protocol family local_address local_port remote_address remote_port state name path uid", (*machine).askSockets},
	{"raw_packet_sockets", false, "pid family protocol state name path cmdline uid", (*machine).askRawSockets},
	{"crontab", false, "event minute hour day_of_month month day_of_week command path", (*machine).askCrontab},
	{"systemd_units", false, "id description load_state active_state sub_state unit_file_state fragment_path source_path user", (*machine).askUnits},
	{"persistence_files", false, "path type size uid gid mode mtime ctime symlink_target_path sha256", (*machine).askPersistence},
	{"ld_preload_file", false, "path size uid mode mtime ctime sha256", (*machine).askPreload},
	{"shell_init_files", false, "path size uid mode mtime ctime sha256", (*machine).askShellInit},
	{"kernel_modules", false, "name size used_by status", (*machine).askModules},
	{"kernel_modules_hidden", false, "module", (*machine).askHiddenModules},
	{"security_sysctls", false, "name current_value config_value", (*machine).askSettings},
	{"users", false, "uid gid username description directory shell", (*machine).askUsers},
	{"privileged_group_members", false, "groupname gid username uid", (*machine).askMembers},
	{"shadow_status", false, "username password_status hash_alg last_change", (*machine).askShadow},
	{"authorized_keys", false, "username algorithm key_sha256 options comment key_file", (*machine).askKeys},
	{"private_ssh_keys", false, "username path encrypted key_type key_length", (*machine).askPrivateKeys},
	{"sudoers", false, "source header rule_details", (*machine).askSudoers},
	{"suid_bin", false, "path username groupname permissions", (*machine).askSetuid},
	{"key_binaries", false, "path size uid mode mtime ctime inode sha256", (*machine).askKeyBinaries},
	{"auth_modules", true, "path size uid mode mtime ctime sha256", (*machine).askAuthModules},
	{"tmp_executables", false, "path size uid gid mode mtime ctime btime sha256", (*machine).askTemporary},
	{"recent_system_changes", false, "path filename type size uid mode mtime ctime btime", (*machine).askRecent},
	{"deb_packages", false, "name version arch revision status", (*machine).askDebPackages},
	{"rpm_packages", false, "name version release arch epoch install_time vendor", (*machine).askRpmPackages},
	{"python_packages", true, "name version directory", (*machine).askPython},
	{"npm_packages", true, "name version directory", (*machine).askNothing},
	{"package_sources_apt", false, "source base_uri release components", (*machine).askAptSources},
	{"package_sources_yum", false, "name baseurl mirrorlist enabled gpgcheck gpgkey", (*machine).askYumSources},
	{"iptables", false, "filter_name chain policy target protocol src_ip src_mask src_port dst_ip dst_mask dst_port iniface outiface match", (*machine).askFirewall},
	{"resolvers_and_hosts", false, "kind a b", (*machine).askResolvers},
	{"network_interfaces", false, "interface type mtu promisc mac address mask", (*machine).askInterfaces},
	{"arp_cache", false, "address mac interface permanent", (*machine).askNeighbours},
	{"mounts", false, "device path type flags", (*machine).askMounts},
	{"docker_containers", false, "id name image image_id command created state status pid privileged security_options readonly_rootfs", (*machine).askContainers},
	{"docker_images", false, "id tags size_bytes created", (*machine).askImages},
	{"docker_sensitive_mounts", false, "id image type source destination rw", (*machine).askSensitiveMounts},
	{"logged_in_users", false, "type user tty host time pid", (*machine).askSessions},
	{"login_history", false, "username host logins first_seen last_seen", (*machine).askLogins},
	{"mac_and_selinux", false, "scope k v", (*machine).askConfinement},
	{"trust_store_additions", false, "path size mtime ctime sha256", (*machine).askTrustStore},
	{"bpf_pinned", true, "path type uid mode mtime ctime", (*machine).askPinned},
	{"memory_maps_suspicious", true, "pid name proc_path map_path permissions", (*machine).askMaps},
	{"deleted_open_files", true, "pid name proc_path fd path", (*machine).askDeletedFiles},
	{"sshd_settings", true, "label value node", (*machine).askSshd},
}

// queries are what this machine's fleet was asked.
func (m *machine) queries() []query {
	if m.plan.spec.Form == Plain {
		return plainQueries
	}
	var out []query
	for _, q := range packQueries {
		if !q.ext || m.plan.ext {
			out = append(out, q)
		}
	}
	return out
}

func (m *machine) queryNames() []string {
	var out []string
	for _, q := range m.queries() {
		out = append(out, q.name)
	}
	return out
}

// ask returns the answer to a query: its columns and its rows.
func (m *machine) ask(q query) (columns []string, rows [][]string) {
	columns = strings.Fields(q.columns)
	q.answer(m, func(cells ...string) { rows = append(rows, cells) })
	return columns, rows
}

func (m *machine) askNothing(func(...string)) {}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}
