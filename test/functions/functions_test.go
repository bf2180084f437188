// Package functions holds a test of the Lambda functions as they are deployed: it
// builds each as `make build` does and reads what came out.
package functions

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"debug/buildinfo"
	"debug/elf"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

// largest is how large a function may be, zipped. Lambda takes more, and loads it
// slower.
const largest = 12_000_000 // bytes

// foreign is what no function has any use for: names of packages and functions as
// they stand in every Go program.
var foreign = []string{
	"github.com/aws/aws-cdk-go", "github.com/aws/constructs-go", "github.com/aws/jsii", "testing.tRunner",
	"diffy/cmd/", "diffy/infra", "diffy/pkg/local", "diffy/pkg/synth", "diffy/pkg/pipeline/storetest", "diffy/test/",
}

func TestFunctions(t *testing.T) {
	readSources(t)
	dir := t.TempDir()
	build := exec.Command("go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", dir+"/", "./functions/...")
	build.Dir = "../.."
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	folders, err := filepath.Glob("../../functions/*/main.go")
	if err != nil || len(folders) == 0 {
		t.Fatalf("there are no functions: %v", err)
	}
	for _, file := range folders {
		name := filepath.Base(filepath.Dir(file))
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, filepath.Join(dir, name))
		})
	}
}

// readSources opens what the functions are made of: the result of this test is then
// kept by go test for as long as none of it changes, and no longer.
func readSources(t *testing.T) {
	t.Helper()
	for _, top := range []string{"../../go.mod", "../../functions", "../../pkg", "../../collect"} {
		err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				_, err = os.ReadFile(path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func check(t *testing.T, path string) {
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	image, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	if image.Machine != elf.EM_AARCH64 {
		t.Errorf("it is built for %s", image.Machine)
	}
	if libraries, _ := image.ImportedLibraries(); len(libraries) > 0 {
		t.Errorf("it needs %v, which the runtime may not have", libraries)
	}
	for _, name := range foreign {
		if bytes.Contains(program, []byte(name)) {
			t.Errorf("it holds %s", name)
		}
	}
	checkModules(t, program)
	if size := zipped(t, program); size > largest {
		t.Errorf("it has %d bytes zipped, more than %d", size, largest)
	} else {
		t.Logf("%d bytes, %d zipped", len(program), size)
	}
}

func checkModules(t *testing.T, program []byte) {
	t.Helper()
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(info.Settings, debug.BuildSetting{Key: "GOARCH", Value: "arm64"}) {
		t.Errorf("it was built with %v", info.Settings)
	}
	for _, dep := range info.Deps {
		if slices.ContainsFunc(foreign, func(name string) bool { return strings.HasPrefix(dep.Path, name) }) {
			t.Errorf("it is made with module %s", dep.Path)
		}
	}
}

// zipped is the size of the archive that `zip -9` makes of it.
func zipped(t *testing.T, program []byte) int {
	t.Helper()
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(out, flate.BestCompression)
	})
	file, err := w.Create("bootstrap")
	if err == nil {
		_, err = file.Write(program)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return archive.Len()
}
