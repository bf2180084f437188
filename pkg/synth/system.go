package synth

// system is a distribution: how its hosts differ from those of others.
type system struct {
	name       string
	base       string   // its section of the catalog
	conditions []string // that hold for its directives
	platform   string   // os_version.platform
	title      string
	version    string
	units      string // folder of packaged unit files
	daemons    string // how systemd names its own programs
	python     string
	pythonDir  string
	modules    string // folder of PAM modules
	user       string // the account that the image comes with
	sudoGroup  string
	www        string // the account web servers run as
	arch       string
	kernels    []string // oldest first
	suffix     []string // of package revisions, oldest first
	software   []string
}

var systems = []*system{
	{
		name: "debian12", base: "debian", conditions: []string{"deb"}, platform: "debian", title: "Debian GNU/Linux",
		version: "12 (bookworm)", units: "/lib/systemd/system", daemons: "/lib/systemd", python: "/usr/bin/python3.11",
		pythonDir: "/usr/lib/python3/dist-packages", modules: "/lib/x86_64-linux-gnu/security", user: "admin", sudoGroup: "sudo",
		www: "www-data", arch: "amd64",
		kernels:  []string{"6.1.0-25-cloud-amd64", "6.1.0-28-cloud-amd64", "6.1.0-31-cloud-amd64"},
		suffix:   []string{"+deb12u1", "+deb12u2", "+deb12u3"},
		software: []string{"cron", "rsyslog", "unattended-upgrades", "cloud-init"},
	},
	{
		name: "ubuntu2204", base: "debian", conditions: []string{"deb", "ubu"}, platform: "ubuntu", title: "Ubuntu",
		version: "22.04.4 LTS (Jammy Jellyfish)", units: "/lib/systemd/system", daemons: "/lib/systemd", python: "/usr/bin/python3.10",
		pythonDir: "/usr/lib/python3/dist-packages", modules: "/lib/x86_64-linux-gnu/security", user: "ubuntu", sudoGroup: "sudo",
		www: "www-data", arch: "amd64",
		kernels:  []string{"6.5.0-1018-aws", "6.5.0-1022-aws", "6.8.0-1015-aws"},
		suffix:   []string{"ubuntu0.22.04.1", "ubuntu0.22.04.3", "ubuntu0.22.04.6"},
		software: []string{"ubuntu-extras", "cron", "rsyslog", "unattended-upgrades", "cloud-init"},
	},
	{
		name: "ubuntu2404", base: "debian", conditions: []string{"deb", "ubu"}, platform: "ubuntu", title: "Ubuntu",
		version: "24.04.1 LTS (Noble Numbat)", units: "/usr/lib/systemd/system", daemons: "/usr/lib/systemd", python: "/usr/bin/python3.12",
		pythonDir: "/usr/lib/python3/dist-packages", modules: "/lib/x86_64-linux-gnu/security", user: "ubuntu", sudoGroup: "sudo",
		www: "www-data", arch: "amd64",
		kernels:  []string{"6.8.0-1009-aws", "6.8.0-1016-aws", "6.8.0-1021-aws"},
		suffix:   []string{"ubuntu0.24.04.1", "ubuntu0.24.04.2", "ubuntu0.24.04.5"},
		software: []string{"ubuntu-extras", "cron", "rsyslog", "unattended-upgrades", "cloud-init"},
	},
	{
		name: "al2023", base: "amazon", conditions: []string{"rpm"}, platform: "amzn", title: "Amazon Linux",
		version: "2023", units: "/usr/lib/systemd/system", daemons: "/usr/lib/systemd", python: "/usr/bin/python3.9",
		pythonDir: "/usr/lib/python3.9/site-packages", modules: "/usr/lib64/security", user: "ec2-user", sudoGroup: "wheel",
		www: "nginx", arch: "x86_64",
		kernels:  []string{"6.1.97-104.177.amzn2023.x86_64", "6.1.109-118.189.amzn2023.x86_64", "6.1.115-126.197.amzn2023.x86_64"},
		suffix:   []string{".amzn2023.0.1", ".amzn2023.0.2", ".amzn2023.0.4"},
		software: []string{"cron", "cloud-init"},
	},
}

// everywhere is what every host of every distribution has.
var everywhere = []string{
	"users", "systemd", "packages", "pam", "login", "util-linux", "sudo", "coreutils", "procps", "findutils", "bash",
	"curl", "wget", "iproute", "kmod", "iptables", "lsof", "openssh", "dbus", "polkit",
}

func (s *system) debian() bool { return s.base == "debian" }

// pamModules are the authentication modules that a distribution ships.
var pamModules = []string{
	"access", "deny", "echo", "env", "exec", "faildelay", "faillock", "group", "issue", "keyinit", "lastlog", "limits", "listfile",
	"localuser", "loginuid", "mail", "mkhomedir", "motd", "namespace", "nologin", "permit", "pwhistory", "rootok", "securetty",
	"selinux", "sepermit", "shells", "succeed_if", "systemd", "time", "timestamp", "umask", "unix", "userdb", "usertype", "warn", "wheel", "xauth",
}

// kernelModules are loaded everywhere; nitro and xen hosts have their own besides.
var (
	kernelModules = []module{
		{"nls_ascii", 16384, "-"},
		{"crc32c_intel", 16384, "-"},
		{"ghash_clmulni_intel", 16384, "-"},
		{"aesni_intel", 393216, "-"},
		{"crypto_simd", 16384, "aesni_intel"},
		{"ext4", 995328, "-"},
		{"crc16", 16384, "ext4"},
		{"mbcache", 16384, "ext4"},
		{"jbd2", 167936, "ext4"},
		{"autofs4", 53248, "-"},
		{"fuse", 176128, "-"},
		{"dm_mod", 184320, "-"},
		{"loop", 32768, "-"},
		{"configfs", 57344, "-"},
		{"efi_pstore", 16384, "-"},
		{"button", 24576, "-"},
		{"psmouse", 184320, "-"},
		{"serio_raw", 20480, "-"},
		{"binfmt_misc", 28672, "-"},
		{"sch_fq_codel", 20480, "-"},
	}
	nitroModules = []module{{"ena", 139264, "-"}, {"nvme", 53248, "-"}, {"nvme_core", 163840, "nvme"}, {"t10_pi", 16384, "nvme_core"}}
	xenModules   = []module{{"xen_blkfront", 49152, "-"}, {"xen_netfront", 49152, "-"}, {"ixgbevf", 86016, "-"}, {"intel_rapl_msr", 20480, "-"}}
	// diagModules come with the first use of ss, so some hosts have them.
	diagModules = []module{{"tcp_diag", 16384, "-"}, {"udp_diag", 16384, "-"}, {"inet_diag", 24576, "tcp_diag,udp_diag"}}
)

var selinuxSettings = []setting{
	{"root.disabled", "0"},
	{"root.enforce", "1"},
	{"root.mls", "1"},
	{"root.policyvers", "33"},
	{"root.deny_unknown", "1"},
	{"booleans.httpd_can_network_connect", "0"},
	{"booleans.domain_kernel_load_modules", "0"},
	{"booleans.deny_ptrace", "0"},
}

var appArmorProfiles = []string{
	"/usr/bin/man", "/usr/lib/NetworkManager/nm-dhcp-client.action", "/usr/lib/connman/scripts/dhclient-script", "/usr/lib/snapd/snap-confine",
	"/usr/lib/snapd/snap-confine//mount-namespace-capture-helper", "/{,usr/}sbin/dhclient", "lsb_release", "man_filter", "man_groff",
	"nvidia_modprobe", "nvidia_modprobe//kmod", "tcpdump", "ubuntu_pro_apt_news",
}
