package collect

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// line is one line of a snapshot.
type line struct {
	Name           string
	HostIdentifier string
	UnixTime       int64
	Action         string
	Numerics       *bool
	Snapshot       []map[string]any
	Error          string
	Columns        map[string]string
}

// snapshot reads the one upload that there must be.
func snapshot(t *testing.T, b *bucket) []line {
	t.Helper()
	if len(b.posts) != 1 {
		t.Fatalf("%d uploads, want 1", len(b.posts))
	}
	var all []line
	for _, text := range unzip(t, b.posts[0].file) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("line is no JSON: %v\n%s", err, text)
		}
		if l.HostIdentifier != instance || l.UnixTime == 0 {
			t.Errorf("%s: host %q, time %d", l.Name, l.HostIdentifier, l.UnixTime)
		}
		all = append(all, l)
	}
	return all
}

func TestNormal(t *testing.T) {
	t.Parallel()
	eachShell(t, func(t *testing.T, shell []string) {
		h, b := newHost(t), newBucket(t)
		p := b.parameters("first\tSELECT two\nsecond\tSELECT none\nthird\tSELECT compact\nfourth\tSELECT flags\n")
		got := h.run(shell, p)
		if len(b.posts) != 1 {
			t.Fatalf("%d uploads, want 1; %+v", len(b.posts), got)
		}
		file := b.posts[0].file
		want := Report{
			SHA256: hash(file), Size: int64(len(file)), Rows: 6, Queries: 4,
			Osquery: Pinned, Version: "5.12.1",
		}
		if diff := cmp.Diff(want, got.report); diff != "" || got.stderr != "" || got.exit != 0 {
			t.Errorf("report (-want +got):\n%s\nexit %d, stderr %q", diff, got.exit, got.stderr)
		}
		fields := []string{
			"key=intake/web-1/0001/a1/" + instance + "/" + hash(file) + ".jsonl.gz",
			"X-Amz-Signature=5ec4e7", "policy=eyJ9==", `x-amz-meta-odd=a=b "c" %s \n`,
		}
		if diff := cmp.Diff(fields, b.posts[0].fields); diff != "" {
			t.Errorf("fields (-want +got):\n%s", diff)
		}
		lines := snapshot(t, b)
		if diff := cmp.Diff(normal(h, lines), lines); diff != "" {
			t.Errorf("snapshot (-want +got):\n%s", diff)
		}
	})
}

var collector = regexp.MustCompile(`^(/\S+/run/diffy\.[A-Za-z0-9]{10})( [0-9]+:[0-9]+)+$`)

// normal is what TestNormal expects. What differs each time is taken from got.
func normal(h *host, got []line) []line {
	said := got[0].Columns["collector"]
	m := collector.FindStringSubmatch(said)
	if m == nil || !strings.HasPrefix(said, h.root) {
		h.t.Fatalf("collector %q", said)
	}
	no := false
	want := []line{
		{Name: "diffy_begin", Columns: map[string]string{
			"format": "1", "pack": "linux-triage", "pack_version": "3", "queries": "first,second,third,fourth",
			"osquery_version": "5.12.1", "collector": said,
		}},
		{Name: "first", Snapshot: []map[string]any{{"a": "1", "b": `say "{x}", \`}, {"a": "2", "b": "café"}}},
		{Name: "second", Snapshot: []map[string]any{}},
		{Name: "third", Snapshot: []map[string]any{{"a": "1"}, {"a": "2"}, {"a": nil}}},
		{Name: "fourth", Snapshot: []map[string]any{{
			"home": m[1], "env": "0",
			"args": "--flagfile=/dev/null --config_path=" + m[1] + "/config --augeas_lenses=" + m[1] + "/lenses" +
				" --disable_extensions --disable_database --disable_events --json SELECT flags",
		}}},
		{Name: "diffy_end", Columns: map[string]string{"queries": "4", "errors": "0"}},
	}
	for i := range want {
		want[i].HostIdentifier = instance
		if i < len(got) {
			want[i].UnixTime = got[i].UnixTime
		}
		if want[i].Columns == nil {
			want[i].Action, want[i].Numerics = "snapshot", &no
		}
	}
	return want
}

func TestFailingQueriesCostOnlyThemselves(t *testing.T) {
	t.Parallel()
	eachShell(t, func(t *testing.T, shell []string) {
		h, b := newHost(t), newBucket(t)
		long := "SELECT bad" + strings.Repeat(" x", 1200)
		p := b.parameters("bad\tSELECT bad\nlong\t" + long + "\nslow\tSELECT slow\nhuge\tSELECT huge\ncut\tSELECT cut\n" +
			"words\tSELECT words\ncrash\tSELECT crash\nbig1\tSELECT big\nbig2\tSELECT big\nbig3\tSELECT big\nbig4\tSELECT big\nlast\tSELECT two")
		p.Limits = Limits{QuerySeconds: 3, TotalSeconds: 100, TotalBytes: 13000}
		got := h.run(shell, p)
		if got.report.Queries != 12 || got.report.Errors != 7 || got.report.Rows != 2 {
			t.Errorf("%+v", got)
		}
		failures := map[string]string{}
		for _, l := range snapshot(t, b) {
			if len(l.Error) > 1024 {
				t.Errorf("error of %s has %d bytes", l.Name, len(l.Error))
			}
			if l.Action == "snapshot" {
				failures[l.Name] = l.Error[:min(len(l.Error), 60)]
			}
		}
		want := map[string]string{
			"bad":  `osqueryi ended with 1: Error: near "bad": \   caf   SELECT b`,
			"long": `osqueryi ended with 1: Error: near "bad": \   caf   SELECT b`,
			"slow": "not done after 3 s", "huge": "output larger than 3250 bytes",
			"cut": "osqueryi printed no JSON list of rows", "words": "osqueryi printed no JSON list of rows",
			"crash": "osqueryi ended with 139: ", "big1": "", "big2": "", "big3": "", "big4": "", "last": "",
		}
		if diff := cmp.Diff(want, failures); diff != "" {
			t.Errorf("errors (-want +got):\n%s", diff)
		}
	})
}

// What a query may cost the host: it is the first to go when memory is short, and
// the last to be served when processors are.
func TestLimitsOfAQuery(t *testing.T) {
	t.Parallel()
	eachShell(t, func(t *testing.T, shell []string) {
		h, b := newHost(t), newBucket(t)
		asked := filepath.Join(t.TempDir(), "ionice")
		h.stub("ionice", `printf '%s' "$*" >`+asked)
		p := b.parameters("limits\tSELECT limits\n")
		p.Limits = Limits{QuerySeconds: 20, TotalSeconds: 100, TotalBytes: 4 << 20}
		h.run(shell, p)
		want := []map[string]any{{
			"memory": "2097152", // KiB
			"file":   "2049",    // blocks of 512 bytes: a quarter of the whole, and a little more to tell by
			"nice":   "10", "oom": "1000",
		}}
		if diff := cmp.Diff(want, snapshot(t, b)[1].Snapshot); diff != "" {
			t.Errorf("limits (-want +got):\n%s", diff)
		}
		if said, err := os.ReadFile(asked); err != nil || !strings.HasPrefix(string(said), "-c 2 -n 7 -p ") {
			t.Errorf("ionice was asked for %q: %v", said, err)
		}
	})
}

func TestLimitsOfTheWhole(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, bundle string
		limits       Limits
		want         []string
	}{
		{
			"time", "a\tSELECT slow\nb\tSELECT two\nc\tSELECT two\n",
			Limits{QuerySeconds: 20, TotalSeconds: 5, TotalBytes: MaxUpload},
			[]string{"not done after", "time is up", "time is up"},
		},
		{
			"bytes", strings.Repeat("a\tSELECT big\n", 4),
			Limits{QuerySeconds: 20, TotalSeconds: 60, TotalBytes: 12010},
			[]string{"output larger than 3002 bytes", "output larger than 3002 bytes", "output larger than 3002 bytes", "output larger than 3002 bytes"},
		},
		{
			"bytes of all", strings.Repeat("a\tSELECT wide\n", 6),
			Limits{QuerySeconds: 20, TotalSeconds: 60, TotalBytes: 4100},
			[]string{"", "", "", "", "left out: 1009 bytes more than 4036, the limit is 4100", "left out: "},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			eachShell(t, func(t *testing.T, shell []string) {
				h, b := newHost(t), newBucket(t)
				p := b.parameters(tt.bundle)
				p.Limits = tt.limits
				h.run(shell, p)
				lines := snapshot(t, b)
				lines = lines[1 : len(lines)-1]
				if len(lines) != len(tt.want) {
					t.Fatalf("%d lines, want %d", len(lines), len(tt.want))
				}
				for i, l := range lines {
					if !strings.HasPrefix(l.Error, tt.want[i]) || tt.want[i] == "" && l.Error != "" {
						t.Errorf("line %d: error %q, want %q", i, l.Error, tt.want[i])
					}
				}
			})
		})
	}
}

func TestWaysToFail(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		without []string
		change  func(h *host, b *bucket, p *Parameters)
		want    string
	}{
		{"bundle differs", nil, func(_ *host, b *bucket, _ *Parameters) { b.put("/artifacts/bundle", []byte("x\tSELECT 1\n")) }, "bundle digest mismatch"},
		{"bundle is not there", nil, func(_ *host, b *bucket, _ *Parameters) { delete(b.objects, "/artifacts/bundle") }, "S3 refused the bundle"},
		{"bundle is malformed", nil, func(_ *host, b *bucket, p *Parameters) {
			p.Download.Bundle = b.put("/artifacts/bundle", []byte("a b\tSELECT two\n"))
		}, "malformed bundle"},
		{"osquery differs", nil, func(_ *host, b *bucket, _ *Parameters) { b.put("/artifacts/osquery.tar.gz", []byte("x")) }, "osquery digest mismatch"},
		{"osquery differs, auto", nil, func(h *host, b *bucket, p *Parameters) {
			h.own("usr/bin/osqueryi")
			p.Osquery = Auto
			b.put("/artifacts/osquery.tar.gz", []byte("x"))
		}, "osquery digest mismatch"},
		{"osquery of one architecture for another", nil, func(h *host, b *bucket, p *Parameters) {
			h.stub("uname", "echo aarch64")
			other := b.put("/artifacts/arm.tar.gz", tarball(h.t, "osqueryi"))
			p.Download.Osquery["aarch64"] = Artifact{URL: other.URL, SHA256: p.Download.Osquery["x86_64"].SHA256}
		}, "osquery digest mismatch"},
		{"osquery is not there", nil, func(_ *host, b *bucket, _ *Parameters) { delete(b.objects, "/artifacts/osquery.tar.gz") }, "S3 refused osquery"},
		{"no osqueryi in the tarball", nil, func(h *host, b *bucket, p *Parameters) {
			p.Download.Osquery["x86_64"] = b.put("/artifacts/other.tar.gz", tarball(h.t, "usr/bin/other"))
		}, "cannot unpack osquery"},
		{"osqueryi does not run", nil, func(h *host, b *bucket, p *Parameters) {
			p.Osquery = Host
			h.write("usr/bin/osqueryi", []byte("#!/no/such/interpreter\n"))
		}, "no osqueryi"},
		{"other architecture", nil, func(h *host, _ *bucket, _ *Parameters) { h.stub("uname", "echo aarch64") }, "no pinned osquery for aarch64"},
		{"other architecture, and the host has its own", nil, func(h *host, _ *bucket, _ *Parameters) {
			h.own("usr/bin/osqueryi")
			h.stub("uname", "echo riscv64")
		}, "no pinned osquery for riscv64"},
		{"no osqueryi on the host", nil, func(_ *host, _ *bucket, p *Parameters) { p.Osquery, p.Download.Osquery = Auto, nil }, "no osqueryi"},
		{"S3 out of reach", nil, func(_ *host, _ *bucket, p *Parameters) { p.Download.Bundle.URL = "http://127.0.0.1:1/b" }, "cannot reach S3"},
		{"S3 out of reach by wget", []string{"curl"}, func(_ *host, _ *bucket, p *Parameters) { p.Download.Bundle.URL = "http://127.0.0.1:1/b" }, "cannot reach S3"},
		{"S3 out of reach by python3", []string{"curl", "wget"}, func(_ *host, _ *bucket, p *Parameters) { p.Download.Bundle.URL = "http://127.0.0.1:1/b" }, "cannot reach S3"},
		{"upload out of reach", nil, func(_ *host, _ *bucket, p *Parameters) { p.Upload.URL = "http://127.0.0.1:1/" }, "cannot reach S3"},
		{"upload refused", nil, func(_ *host, b *bucket, _ *Parameters) { b.refuse = 403 }, "S3 refused the upload"},
		{"upload refused by wget", []string{"curl"}, func(_ *host, b *bucket, _ *Parameters) { b.refuse = 403 }, "S3 refused the upload"},
		{"upload refused by python3", []string{"curl", "wget"}, func(_ *host, b *bucket, _ *Parameters) { b.refuse = 403 }, "S3 refused the upload"},
		{"upload redirected", nil, func(_ *host, b *bucket, _ *Parameters) { b.refuse = 307 }, "S3 refused the upload"},
		{"plain HTTP", nil, func(_ *host, _ *bucket, p *Parameters) { p.Download.Bundle.URL = "http://s3.example/b" }, "the bundle has no usable URL"},
		{"URL with a quote", nil, func(_ *host, _ *bucket, p *Parameters) { p.Upload.URL += `"` }, "the upload has no usable URL"},
		{"form of another run", nil, func(_ *host, _ *bucket, p *Parameters) { p.Upload.Prefix = "intake/web-2/0001/a1/" }, "upload form of another run"},
		{"limits that are no numbers", nil, func(_ *host, _ *bucket, p *Parameters) { p.Limits = Limits{QuerySeconds: -1} }, "bad parameters"},
		{"no instance id", nil, func(h *host, _ *bucket, _ *Parameters) { h.env[1] = "AWS_SSM_INSTANCE_ID=" }, "no instance id"},
		{"instance id of the board is a path", nil, func(h *host, _ *bucket, _ *Parameters) {
			h.env[1] = "AWS_SSM_INSTANCE_ID="
			h.write("sys/devices/virtual/dmi/id/board_asset_tag", []byte("i-../../x\n"))
		}, "no instance id"},
		{"no uploader", []string{"curl", "wget", "python3"}, nil, "no uploader"},
		{"no gzip", []string{"gzip"}, nil, "no gzip"},
		{"disk full before", nil, func(h *host, _ *bucket, _ *Parameters) { h.stub("df", `printf 'head\nfs 9 9 100 9 /\n'`) }, "disk full"},
		{"disk full while downloading", nil, func(h *host, _ *bucket, _ *Parameters) { h.stub("curl", "exit 23") }, "disk full"},
		{"disk full while downloading by wget", []string{"curl"}, func(h *host, _ *bucket, _ *Parameters) {
			h.stub("wget", `[ "$1" = --version ] || exit 3`)
		}, "disk full"},
		{"disk full while downloading by python3", []string{"curl", "wget"}, func(h *host, _ *bucket, _ *Parameters) { h.stub("python3", "exit 23") }, "disk full"},
		{"disk full in the middle", nil, func(h *host, _ *bucket, _ *Parameters) {
			h.stub("tr", `[ "$1$2" != '-d\n' ] || exec >/dev/full 2>/dev/null; exec /usr/bin/tr "$@"`)
		}, "disk full"},
		{"disk full at the end", nil, func(h *host, _ *bucket, _ *Parameters) {
			h.stub("gzip", `[ "$1" != -c ] || exec >/dev/full 2>/dev/null; exec /bin/gzip "$@"`)
		}, "disk full"},
		{"noexec everywhere", nil, func(h *host, _ *bucket, _ *Parameters) { h.stub("chmod", "exit 1") }, "no exec dir"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			eachShell(t, func(t *testing.T, shell []string) {
				h, b := newHost(t, tt.without...), newBucket(t)
				p := b.parameters("first\tSELECT two\n")
				if tt.change != nil {
					tt.change(h, b, &p)
				}
				got := h.run(shell, p)
				want := said{stdout: "diffy/1 failed=" + tt.want + "\n", report: Report{Failed: tt.want}, exit: 1}
				if got != want {
					t.Errorf("got %+v\nwant %+v", got, want)
				}
			})
		})
	}
}

// own gives the host an osqueryi of its own.
func (h *host) own(path string) {
	h.t.Helper()
	program, err := os.ReadFile("testdata/osqueryi")
	if err != nil {
		h.t.Fatal(err)
	}
	h.write(path, program)
}

func TestWaysToSucceed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		without []string
		change  func(h *host, b *bucket, p *Parameters)
		osquery Mode
		dir     string
		asked   string
	}{
		{"wget alone", []string{"curl", "python3"}, nil, Pinned, "run", "/artifacts/bundle /artifacts/osquery.tar.gz"},
		{"python3 alone", []string{"curl", "wget"}, nil, Pinned, "run", "/artifacts/bundle /artifacts/osquery.tar.gz"},
		{"python3 and busybox's wget", []string{"curl"}, func(h *host, _ *bucket, _ *Parameters) { h.stub("wget", "exit 1") }, Pinned, "run", "/artifacts/bundle /artifacts/osquery.tar.gz"},
		{"no setsid, renice and ionice", []string{"setsid", "renice", "ionice"}, nil, Pinned, "run", "/artifacts/bundle /artifacts/osquery.tar.gz"},
		{"a bare osqueryi, aarch64", nil, func(h *host, b *bucket, p *Parameters) {
			h.stub("uname", "echo aarch64")
			p.Download.Osquery["aarch64"] = b.put("/artifacts/arm.tar.gz", tarball(h.t, "osqueryi"))
		}, Pinned, "run", "/artifacts/bundle /artifacts/arm.tar.gz"},
		{"the host's own, asked for", nil, func(h *host, _ *bucket, p *Parameters) {
			h.own("opt/osquery/bin/osqueryd")
			p.Osquery = Host
		}, Host, "run", "/artifacts/bundle"},
		{"the host's own, none for this architecture", nil, func(h *host, _ *bucket, p *Parameters) {
			h.own("usr/bin/osqueryi")
			h.stub("uname", "echo riscv64")
			p.Osquery = Auto
		}, Host, "run", "/artifacts/bundle"},
		{"the host's own, the pinned one does not run", nil, func(h *host, b *bucket, p *Parameters) {
			h.own("usr/local/bin/osqueryi")
			p.Osquery = Auto
			p.Download.Osquery["x86_64"] = b.put("/artifacts/other.tar.gz", tarball(h.t, "usr/bin/other"))
		}, Host, "run", "/artifacts/bundle /artifacts/other.tar.gz"},
		{"the pinned one although the host has its own", nil, func(h *host, _ *bucket, p *Parameters) {
			h.own("usr/bin/osqueryi")
			p.Osquery = Auto
		}, Pinned, "run", "/artifacts/bundle /artifacts/osquery.tar.gz"},
		{"noexec in the first place", nil, func(h *host, _ *bucket, _ *Parameters) {
			h.stub("chmod", `case $2 in */run/*) exit 1 ;; esac; exec /bin/chmod "$@"`)
		}, Pinned, "var/lib", "/artifacts/bundle /artifacts/osquery.tar.gz"},
		{"full in the first places", nil, func(h *host, _ *bucket, _ *Parameters) {
			h.stub("df", `case $2 in */run/* | */lib/*) printf 'h\nfs 9 9 9 9 /\n' ;; *) exec /bin/df "$@" ;; esac`)
		}, Pinned, "root", "/artifacts/bundle /artifacts/osquery.tar.gz"},
		{"instance id of the board", nil, func(h *host, _ *bucket, _ *Parameters) {
			h.env[1] = "AWS_SSM_INSTANCE_ID="
			h.write("sys/devices/virtual/dmi/id/board_asset_tag", []byte(instance+"\n"))
		}, Pinned, "run", "/artifacts/bundle /artifacts/osquery.tar.gz"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			eachShell(t, func(t *testing.T, shell []string) {
				h, b := newHost(t, tt.without...), newBucket(t)
				p := b.parameters("first\tSELECT two\n")
				if tt.change != nil {
					tt.change(h, b, &p)
				}
				got := h.run(shell, p)
				if got.exit != 0 || got.stderr != "" || got.report.Osquery != tt.osquery || got.report.Rows != 2 {
					t.Fatalf("%+v", got)
				}
				if asked := strings.Join(b.asked, " "); asked != tt.asked {
					t.Errorf("asked for %q, want %q", asked, tt.asked)
				}
				lines := snapshot(t, b)
				if dir := filepath.Join(h.root, tt.dir) + "/diffy."; !strings.HasPrefix(lines[0].Columns["collector"], dir) {
					t.Errorf("collector %q, want it in %s", lines[0].Columns["collector"], tt.dir)
				}
				if len(lines) != 3 || len(lines[1].Snapshot) != 2 {
					t.Errorf("snapshot %+v", lines)
				}
			})
		})
	}
}

func TestOldAgentReplacesText(t *testing.T) {
	t.Parallel()
	eachShell(t, func(t *testing.T, shell []string) {
		h, b := newHost(t), newBucket(t)
		p := b.parameters("first\tSELECT two\n")
		cmd, alive := h.command(shell, p)
		cmd.Env = h.env
		path := cmd.Args[len(cmd.Args)-1]
		text := commands(t)
		for name, values := range p.Encode() {
			text = strings.ReplaceAll(text, "{{ "+name+" }}", values[0])
		}
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
		if got := h.finish(cmd, alive, func() {}); got.report.Rows != 2 {
			t.Errorf("%+v", got)
		}
	})
}
