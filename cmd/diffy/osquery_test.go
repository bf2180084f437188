package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"diffy/pkg/pipeline"
)

// member is one file of a .tar.gz.
type member struct {
	name string
	kind byte
	mode int64
	data []byte
}

func packed(t *testing.T, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	w := tar.NewWriter(zip)
	for _, m := range members {
		if err := w.WriteHeader(&tar.Header{Typeflag: m.kind, Name: m.name, Mode: m.mode, Size: int64(len(m.data)), Linkname: "x"}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(m.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// head is that of a program for a machine.
func head(class elf.Class, machine elf.Machine) []byte {
	h := make([]byte, 64)
	copy(h, elf.ELFMAG)
	h[elf.EI_CLASS], h[elf.EI_DATA], h[18] = byte(class), byte(elf.ELFDATA2LSB), byte(machine)
	return h
}

func TestReadRelease(t *testing.T) {
	amd, arm64 := head(elf.ELFCLASS64, elf.EM_X86_64), head(elf.ELFCLASS64, elf.EM_AARCH64)
	official := []member{
		{"./etc/osquery/osquery.example.conf", tar.TypeReg, 0o644, []byte("{}")},
		{"./opt/osquery/bin/osqueryd", tar.TypeReg, 0o755, amd},
		{"./usr/bin/osqueryi", tar.TypeSymlink, 0o777, nil},
	}
	whole := packed(t, official...)
	tests := []struct {
		name string
		data []byte
		want string // the architecture, or what the error says
	}{
		{"as it is released", whole, "x86_64"},
		{"the shell alone", packed(t, member{"osqueryi", tar.TypeReg, 0o755, arm64}), "aarch64"},
		{"both: the collector takes the daemon", packed(t, member{"osqueryi", tar.TypeReg, 0o755, arm64}, official[1]), "x86_64"},
		{"another machine", packed(t, member{"osqueryi", tar.TypeReg, 0o755, head(elf.ELFCLASS64, elf.EM_386)}), "its osqueryi is for the machine EM_386"},
		{"32 bits", packed(t, member{"osqueryi", tar.TypeReg, 0o755, head(elf.ELFCLASS32, elf.EM_X86_64)}), "is no 64-bit program"},
		{"a script", packed(t, member{"osqueryi", tar.TypeReg, 0o755, []byte("#!/bin/sh\nexec /bin/sh\n")}), "is no 64-bit program"},
		{"an empty file", packed(t, member{"osqueryi", tar.TypeReg, 0o755, nil}), "is no 64-bit program"},
		{"a link", packed(t, member{"osqueryi", tar.TypeSymlink, 0o777, nil}), "is no file that can be run"},
		{"no permission to run", packed(t, member{"osqueryi", tar.TypeReg, 0o644, amd}), "is no file that can be run"},
		{"something else", packed(t, member{"bin/osqueryi", tar.TypeReg, 0o755, amd}), "it has neither opt/osquery/bin/osqueryd nor osqueryi"},
		{"no .tar.gz", []byte("PK\x03\x04"), "it is no .tar.gz"},
		{"cut", whole[:len(whole)-30], "it is no whole .tar.gz"},
		{"no .tar in it", func() []byte {
			var b bytes.Buffer
			zip := gzip.NewWriter(&b)
			_, _ = zip.Write(bytes.Repeat([]byte("x"), 600))
			_ = zip.Close()
			return b.Bytes()
		}(), "it is no whole .tar.gz"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, err := readRelease(test.data)
			got := r.arch
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, test.want) || err == nil && len(r.sha256) != 64 {
				t.Errorf("%+v, %q, want %q", r, got, test.want)
			}
		})
	}
}

func TestPlaces(t *testing.T) {
	home := pipeline.Place{Account: "111122223333", Region: "eu-west-1"}
	got, err := placesOf([]pipeline.Place{home, home}, []string{"111122223333/eu-west-1", "444455556666/us-gov-west-1"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]pipeline.Place{home, {Account: "444455556666", Region: "us-gov-west-1"}}, got); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
	for _, bad := range []string{"eu-west-1", "1/eu-west-1", "444455556666/eu-west-1/x", "444455556666/../x"} {
		if _, err := placesOf([]pipeline.Place{home}, []string{bad}); err == nil {
			t.Errorf("%q is a place", bad)
		}
	}
}

// FuzzReadRelease: a file that pretends to be a release neither stops us nor passes
// for another machine's.
func FuzzReadRelease(f *testing.F) {
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := readRelease(data); err == nil && r.arch != x86 && r.arch != arm {
			t.Errorf("a release for %q", r.arch)
		}
	})
}
