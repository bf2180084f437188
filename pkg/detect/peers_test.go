package detect_test

import (
	"strings"
	"testing"

	"diffy/pkg/detect"
	"diffy/pkg/snapshot"
	"diffy/pkg/triage"

	"github.com/google/go-cmp/cmp"
)

const (
	interfaceColumns = "interface|type|mtu|promisc|mac|address|mask"
	startColumns     = "path|sha256|type|uid|gid|mode|symlink_target_path"
	preloadColumns   = "path|sha256|size|mtime|ctime"
)

// hostsWith makes a group of which all have a table and some have more.
func hostsWith(all snapshot.Table, odd map[string]snapshot.Table) []*snapshot.Host {
	var hosts []*snapshot.Host
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"} {
		h := ours(name, all)
		if t, is := odd[name]; is {
			h.Tables = replaced(h.Tables, t)
		}
		hosts = append(hosts, h)
	}
	return hosts
}

func TestOneOfSeveralRowsChanged(t *testing.T) {
	rest := rows("network_interfaces", interfaceColumns, "eth0|1|9001|0|m|fe80::1|ffff::")
	hosts := hostsWith(rest, nil)
	for i, h := range hosts {
		row := "eth0|1|1500|0|m|10.0.0.1|255.255.255.0"
		if i == 0 {
			row = "eth0|1|1500|1|m|10.0.0.1|255.255.255.0"
		}
		h.Tables = replaced(h.Tables, rows("network_interfaces", interfaceColumns, row))
	}
	f := find(detect.Run(detect.Input{Group: "g", Set: setOf(t, hosts...)}), "network_interfaces", triage.Changed)
	if f == nil || !cmp.Equal(f.ChangedColumns, []string{"promisc"}) || f.Expected["mtu"] != "1500" {
		t.Errorf("an interface that became promiscuous: %+v", f)
	}
}

// TestFewHaveItEachItsOwn: two hosts of ten have a file that no other has, each
// with contents of its own. That they have it is what is odd.
func TestFewHaveItEachItsOwn(t *testing.T) {
	all := rows("persistence_files", startColumns, "/etc/rc0.d/x|00|regular|0|0|0644|")
	hosts := hostsWith(all, map[string]snapshot.Table{
		"a": rows("persistence_files", startColumns, "/etc/profile.d/fix.sh|aa|regular|0|0|0644|"),
		"b": rows("persistence_files", startColumns, "/etc/profile.d/fix.sh|bb|regular|0|0|0644|"),
	})
	r := detect.Run(detect.Input{Group: "g", Set: setOf(t, hosts...)})
	if f := find(r, "persistence_files", triage.Added); f == nil || !strings.Contains(f.Why, "1 other has something else by that name") {
		t.Errorf("a file run at each login on two hosts: %+v", f)
	}
	if f := find(r, "persistence_files", triage.Changed); f != nil {
		t.Errorf("nothing changed: %+v", f)
	}
}

func TestNobodyIsBlamedForLackingWhatIsWrong(t *testing.T) {
	preload := rows("ld_preload_file", preloadColumns, "/etc/ld.so.preload|aa|20|1|1")
	odd := map[string]snapshot.Table{}
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		odd[name] = preload
	}
	r := detect.Run(detect.Input{Group: "g", Set: setOf(t, hostsWith(rows("ld_preload_file", preloadColumns), odd)...)})
	if f := find(r, "ld_preload_file", triage.Missing); f != nil {
		t.Errorf("blamed: %+v", f)
	}
	if f := find(r, "ld_preload_file", triage.Added); f == nil || f.HostsWith != 7 || f.Severity != triage.High {
		t.Errorf("a library preloaded on most hosts: %+v", f)
	}
}
