package facts

import (
	"net/netip"
	"testing"

	"diffy/pkg/pack"

	"pgregory.net/rapid"
)

func TestTemplate(t *testing.T) {
	me := &identity{addrs: map[netip.Addr]struct{}{}}
	me.addName("web-7.shop.internal")
	me.addName("i-0123456789abcdef0")
	me.addAddr("10.77.0.13")
	me.addAddr("2001:db8::13")
	for name, c := range map[string]struct{ class, in, want string }{
		"own name":               {pack.TemplateText, "node --id web-7 -v", "node --id <host> -v"},
		"own qualified name":     {pack.TemplateText, "WEB-7.shop.internal:80", "<host>:80"},
		"part of a longer word":  {pack.TemplateText, "web-75 1", "web-75 1"},
		"name of an address":     {pack.TemplateText, "PEER=ip-10-77-0-12", "PEER=<host>"},
		"own address":            {pack.TemplateText, "LEADER=10.77.0.13", "LEADER=<ip>"},
		"another's address":      {pack.TemplateText, "LEADER=10.77.0.11", "LEADER=<ip>"},
		"public address":         {pack.TemplateText, "nc 203.0.113.9 443", "nc 203.0.113.9 443"},
		"version, no address":    {pack.TemplateText, "server-1.9.0.2.js 1.9.0", "server-1.9.0.2.js 1.9.0"},
		"own address 6":          {pack.TemplateAddress, "2001:db8::13", "<ip>"},
		"public address 6":       {pack.TemplateAddress, "2001:db8::14", "2001:db8::14"},
		"wildcard":               {pack.TemplateAddress, "0.0.0.0", "0.0.0.0"},
		"loopback":               {pack.TemplateAddress, "::1", "::1"},
		"zone":                   {pack.TemplateAddress, "fe80::1%eth0", "<ip>"},
		"mapped":                 {pack.TemplateAddress, "::ffff:10.77.0.12", "<ip>"},
		"fixed port":             {pack.TemplatePort, "31337", "31337"},
		"last fixed port":        {pack.TemplatePort, "32767", "32767"},
		"first ephemeral port":   {pack.TemplatePort, "32768", "<eph>"},
		"beyond the range":       {pack.TemplatePort, "61000", "61000"},
		"uuid":                   {pack.TemplateText, "root=4a2a87cc-fa2d-24f9-d7d3-365a05723c76", "root=<uuid>"},
		"container id":           {pack.TemplateText, "docker-3f2a9c1b7d8e.scope", "docker-<hex>.scope"},
		"instance id":            {pack.TemplateText, "agent i-0f00ba4deadbeef01", "agent <id>"},
		"image stays":            {pack.TemplateText, "ami-0123456789abcdef0", "ami-0123456789abcdef0"},
		"user manager":           {pack.TemplateUnit, "user@1000.service", "user@<n>.service"},
		"date":                   {pack.TemplateText, "log-2026-11-24.gz 20261124", "log-<date>.gz <date>"},
		"time":                   {pack.TemplateText, "--since 1795509434", "--since <n>"},
		"mktemp":                 {pack.TemplatePath, "/run/app.kX7b2Q/sock", "/run/app.<rand>/sock"},
		"words with digits stay": {pack.TemplateText, "Python3 OpenJDK17 sha256sum x86_64", "Python3 OpenJDK17 sha256sum x86_64"},
		"name under /tmp stays":  {pack.TemplatePath, "/tmp/kX7b2Q/3f2a9c1b7d8e", "/tmp/kX7b2Q/3f2a9c1b7d8e"},
		"in a command too":       {pack.TemplateText, "sh -c '/dev/shm/.a1B2c3 10.0.0.9'", "sh -c '/dev/shm/.a1B2c3 <ip>'"},
		"systemd's folder": {
			pack.TemplatePath, "/tmp/systemd-private-0123456789abcdef0123456789abcdef-ntp.service-aB3dE9/tmp/x",
			"/tmp/systemd-private-<hex>-ntp.service-<rand>/tmp/x",
		},
		"mount options": {pack.TemplateOptions, "rw,size=64k,lowerdir=/a:/b", "rw,size,lowerdir"},
		"schedule":      {pack.TemplateSchedule, "*/5", "*/5"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := template(c.class, c.in, me); got != c.want {
				t.Errorf("template(%s, %q) = %q, want %q", c.class, c.in, got, c.want)
			}
		})
	}
}

// What is canonical already stays as it is, and nothing an attacker writes
// makes the walk fail.
func TestTemplateTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.String().Draw(t, "value")
		class := rapid.SampledFrom([]string{pack.TemplateText, pack.TemplatePath, pack.TemplateAddress, pack.TemplatePort, pack.TemplateOptions}).Draw(t, "class")
		once := template(class, in, nil)
		if twice := template(class, once, nil); twice != once {
			t.Fatalf("%q became %q, then %q", in, once, twice)
		}
	})
}

func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{"LEADER=10.0.0.11", "::ffff:1.2.3.4", "user@1000", "/tmp/systemd-private-", "i-0123456789abcdef0", "4a2a87cc-fa2d-24f9-d7d3-365a05723c76"} {
		f.Add(seed)
	}
	me := &identity{addrs: map[netip.Addr]struct{}{}}
	me.addName("web-7")
	me.addAddr("10.0.0.11")
	f.Fuzz(func(t *testing.T, value string) {
		template(pack.TemplateText, value, me)
		template(pack.TemplateAddress, value, me)
	})
}
