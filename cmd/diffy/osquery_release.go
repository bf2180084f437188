package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The architectures that hosts have, by the names that uname gives them.
const (
	x86 = "x86_64"
	arm = "aarch64"
)

var architectures = []string{x86, arm}

var machines = map[elf.Machine]string{elf.EM_X86_64: x86, elf.EM_AARCH64: arm}

// programs are the members of a release that the collector takes for osquery, the
// first that is there.
var programs = []string{"opt/osquery/bin/osqueryd", "osqueryi"}

// release is what a .tar.gz of osquery turned out to be.
type release struct {
	arch   string
	sha256 string // of the .tar.gz, hex
}

// What a release may have, unpacked; osquery 5 has 120 MB in 300 files.
const (
	largestUnpacked = 1 << 30 // bytes
	mostMembers     = 10_000
)

// readRelease looks into a .tar.gz for the program that the collector would run.
func readRelease(data []byte) (release, error) {
	zip, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return release{}, errors.New("it is no .tar.gz")
	}
	unpacked := &io.LimitedReader{R: zip, N: largestUnpacked}
	found := map[string]program{}
	members := tar.NewReader(unpacked)
	for n := 0; ; n++ {
		head, err := members.Next()
		switch {
		case errors.Is(err, io.EOF):
			return chooseRelease(data, found)
		case unpacked.N <= 0 || n >= mostMembers:
			return release{}, fmt.Errorf("it unpacks to more than %d bytes or %d files", largestUnpacked, mostMembers)
		case err != nil:
			return release{}, errors.New("it is no whole .tar.gz")
		}
		if name := strings.TrimPrefix(head.Name, "./"); name == programs[0] || name == programs[1] {
			found[name] = readProgram(head, members)
		}
	}
}

// program is a member that may be osquery.
type program struct {
	arch string
	err  error
}

func chooseRelease(data []byte, found map[string]program) (release, error) {
	for _, name := range programs {
		p, ok := found[name]
		if !ok {
			continue
		}
		if p.err != nil {
			return release{}, fmt.Errorf("its %s %w", name, p.err)
		}
		sum := sha256.Sum256(data)
		return release{arch: p.arch, sha256: hex.EncodeToString(sum[:])}, nil
	}
	return release{}, fmt.Errorf("it has neither %s nor %s", programs[0], programs[1])
}

// elfHeader is how many bytes of a program say what it runs on.
const elfHeader = 20

// readProgram reads from the head of a program what machine it is for.
func readProgram(head *tar.Header, r io.Reader) program {
	refuse := func(format string, args ...any) program { return program{err: fmt.Errorf(format, args...)} }
	if head.Typeflag != tar.TypeReg || head.FileInfo().Mode()&0o111 == 0 {
		return refuse("is no file that can be run")
	}
	h := make([]byte, elfHeader)
	_, err := io.ReadFull(r, h)
	if err != nil || string(h[:4]) != elf.ELFMAG || elf.Class(h[elf.EI_CLASS]) != elf.ELFCLASS64 || elf.Data(h[elf.EI_DATA]) != elf.ELFDATA2LSB {
		return refuse("is no 64-bit program for Linux")
	}
	machine := elf.Machine(binary.LittleEndian.Uint16(h[18:]))
	arch, ok := machines[machine]
	if !ok {
		return refuse("is for the machine %s; hosts have %s", machine, strings.Join(architectures, " or "))
	}
	return program{arch: arch}
}
