package pack

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// origin says where a rule comes from.
func origin(p *Pack, q *Query) string {
	switch q.SQL != "" {
	case true:
		return "query " + q.Name
	default:
		if t := p.tables[q.Name]; t != nil && t.Why == q.Why {
			return "table " + q.Name
		}
		return "names"
	}
}

func TestRule(t *testing.T) {
	const (
		plainPorts = "pid port protocol family address fd socket path net_namespace"
		packPorts  = "pid protocol family address port name path cmdline uid username"
		processes  = "pid name path cmdline state cwd root uid gid euid egid suid sgid on_disk wired_size resident_size " +
			"total_size user_time system_time disk_bytes_read disk_bytes_written start_time parent pgroup threads nice cgroup_path"
	)
	p := load(t)
	for _, test := range []struct {
		name, query, columns string
		ours                 bool
		want                 string
	}{
		{"our own log", "listening_ports", plainPorts, true, "query listening_ports"},
		{"our own log, no rows", "crontab", "", true, "query crontab"},
		{"the pack's columns in somebody's log", "listening_ports", packPorts, false, "query listening_ports"},
		{"the plain table of that name", "listening_ports", plainPorts, false, "table listening_ports"},
		{"all the pack selects and more", "mounts", "device device_alias path type flags blocks inodes", false, "query mounts"},
		{"less than the pack selects", "mounts", "path type", false, "table mounts"},
		{"no rows at all", "mounts", "", false, "table mounts"},
		{"another name, same columns", "proc_snapshot", processes, false, "table processes"},
		{"another name, more columns", "proc_snapshot", processes + " username sha256", false, "table processes"},
		{"another name, some columns", "running", "pid name path cmdline uid", false, "table processes"},
		{"another name, too few columns", "running", "pid path", false, "names"},
		{"two tables' columns", "ssh_users", "uid gid uid_signed gid_signed username description directory shell uuid " +
			"encrypted key_type key_group_name key_length key_security_bits path", false, "names"},
		{"columns of several tables", "packages", "name version arch", false, "names"},
		{"columns of several tables whole", "labels", "id key value", false, "names"},
		{"two columns that are a table", "memberships", "uid gid", false, "table user_groups"},
		{"a table's name over other rows", "users", "city country", false, "names"},
		{"nothing known", "whatever", "colour", false, "names"},
		{"nothing at all", "whatever", "", false, "names"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := p.Rule(test.query, strings.Fields(test.columns), test.ours)
			if o := origin(p, got); o != test.want {
				t.Errorf("rule of %s, want %s", o, test.want)
			}
		})
	}
}

// Columns that a table does not have get a role; the pack's own entries stay.
func TestRuleExtends(t *testing.T) {
	p := load(t)
	got := p.Rule("user_groups", []string{"uid", "gid", "sha256", "read_time", "home_path"}, false)
	want := &Query{
		Name: "user_groups", Why: p.tables["user_groups"].Why,
		Tier: TierCore, Mode: ModeCohort, Cost: CostFast, Privacy: PrivacyMetadata,
		Columns: []string{"uid", "gid", "sha256", "read_time", "home_path"},
		Key:     []string{"uid", "gid"}, Compare: []string{"sha256", "home_path"}, Volatile: []string{"read_time"},
		Template: map[string]string{"home_path": TemplatePath},
		Prior:    1, Techniques: []string{"T1098.007"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(p.tables["user_groups"].Compare) != 0 {
		t.Error("the table's own rule was changed")
	}
}

// The pack's own entry over a whole plain table: what the table calls volatile
// stays so, the rest is shown, and what is compared is the pack's.
func TestRuleCompletes(t *testing.T) {
	p := load(t)
	own := p.Query("kernel_modules")
	got := p.Rule("kernel_modules", []string{"name", "size", "used_by", "status", "address", "signer"}, false)
	want := *own
	want.Columns = []string{"name", "size", "used_by", "status", "address", "signer"}
	want.Volatile = append(slices.Clone(own.Volatile), "address")
	want.Shown = []string{"signer"}
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if exact := p.Rule("kernel_modules", own.Columns, false); exact != own {
		t.Errorf("the entry was not returned as it is: %v", exact)
	}
}

func TestInfer(t *testing.T) {
	rule := func(key, compare, volatile string, template map[string]string) *Query {
		return &Query{
			Name: "q", Tier: TierCore, Mode: ModeCohort, Cost: CostFast, Privacy: PrivacySecret,
			Key: fields(key), Compare: fields(compare), Volatile: fields(volatile), Template: template,
		}
	}
	for _, test := range []struct {
		name, columns string
		want          *Query
	}{
		{
			"a program", "pid binary_path binary_sha256 mode start_time parent_path",
			rule("binary_path parent_path", "binary_sha256 mode", "pid start_time",
				map[string]string{"binary_path": TemplatePath, "parent_path": TemplatePath}),
		},
		{
			"a service", "service_name listen_address listen_port load_state request_count",
			rule("service_name listen_address listen_port", "load_state", "request_count", map[string]string{
				"service_name": TemplateText, "listen_address": TemplateAddress, "listen_port": TemplatePort, "load_state": TemplateText,
			}),
		},
		{
			"nothing that names", "colour shape inode",
			rule("colour shape", "", "inode", map[string]string{"colour": TemplateText, "shape": TemplateText}),
		},
		{"only what varies", "pid inode last_seen", rule("", "", "pid inode last_seen", map[string]string{})},
		{"no columns", "", rule("", "", "", map[string]string{})},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.want.Columns = strings.Fields(test.columns)
			if diff := cmp.Diff(test.want, infer("q", strings.Fields(test.columns))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func fields(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Fields(s)
}
