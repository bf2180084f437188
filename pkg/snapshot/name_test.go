package snapshot

import (
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

func TestHostNames(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	tests := []struct{ name, given, want string }{
		{"an instance", "i-0abc1234def567890", "i-0abc1234def567890"},
		{"letters of the world", "größe-1.example", "größe-1.example"},
		{"a path", "../../x", "..%2F..%2Fx"},
		{"a path of Windows", `..\x`, "..%5Cx"},
		{"this folder", ".", "%2E"},
		{"the folder above", "..", "%2E%2E"},
		{"control characters", "a\x1b[2J\n\x00", "a%1B[2J%0A%00"},
		{"direction of writing", "a\u202eb", "a%E2%80%AEb"},
		{"no UTF-8", "a\xff", "a%FF"},
		{"what looks encoded", "a%2Fb", "a%252Fb"},
		{"long", long, strings.Repeat("x", 183) + "~"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := hostName(test.given)
			if len(test.given) > maxName { // a digest follows
				got = got[:len(test.want)]
			}
			if got != test.want {
				t.Errorf("%q", got)
			}
		})
	}
	if hostName(long) == hostName(long+"y") || len(hostName(long)) != maxName {
		t.Error("two names became one")
	}
}

func TestPackPrefixes(t *testing.T) {
	tests := map[string]string{
		"pack_web_users": "users", "pack/web/users": "users", "pack:web:users": "users", "pack.web.users": "users",
		"pack/Global/Disk space: all": "Disk space: all", "pack_it-compliance_os_version": "os_version",
		"package_sources_apt": "package_sources_apt", "packs": "packs", "pack": "pack", "pack_": "pack_", "pack_web": "pack_web",
		"pack__users": "pack__users", "pack_web_": "pack_web_", "users": "users", "unpack_x_y": "unpack_x_y", "pack-a-b": "pack-a-b",
	}
	for given, want := range tests {
		if got := withoutPack(given); got != want {
			t.Errorf("%s: %s", given, got)
		}
	}
}

func TestNoTwoQueriesBecomeOne(t *testing.T) {
	given := map[string]struct{}{
		"users": {}, "pack_a_users": {}, "pack_b_mounts": {}, "pack_c_mounts": {}, "x\x1b": {}, "x%1B": {}, "pack_d_x\x1b": {},
	}
	want := names{
		"users": "users", "pack_a_users": "pack_a_users", "pack_b_mounts": "mounts", "pack_c_mounts": "pack_c_mounts",
		"x%1B": "x%1B", "pack_d_x\x1b": "pack_d_x%1B", "x\x1b": "x%1B~" + shorten(given)["x\x1b"][5:],
	}
	if diff := gocmp.Diff(want, shorten(given)); diff != "" {
		t.Error(diff)
	}
}
