// Package diffy holds no code: its test holds the house together.
package diffy

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layers are the packages by what they may import of ours: only those of a
// layer before their own.
var layers = [][]string{
	{"pkg/triage", "pkg/cost", "collect"},
	{"pkg/pack", "pkg/snapshot"},
	{"pkg/facts"},
	{"pkg/detect"},
	{"pkg/report", "pkg/trigger"},
	{"pkg/pipeline"},
	{"pkg/cloud", "pkg/local"},
	{"functions", "cmd", "infra"},
}

// pure are the packages that know no clock, network or SDK.
var pure = []string{"pkg/triage", "pkg/pack", "pkg/snapshot", "pkg/facts", "pkg/detect", "pkg/report", "pkg/trigger", "pkg/cost"}

// TestImportsGoOneWay reads the sources and holds their imports against the
// layers. Tests may import what they need.
func TestImportsGoOneWay(t *testing.T) {
	for file, imports := range sources(t) {
		from := layerOf(path.Dir(file))
		for _, imported := range imports {
			ours, ok := strings.CutPrefix(imported, "diffy/")
			if !ok {
				continue
			}
			if strings.HasPrefix(ours, "pkg/synth") {
				if !strings.HasPrefix(file, "cmd/") && !strings.HasPrefix(file, "pkg/synth/") {
					t.Errorf("%s imports %s: only cmd may", file, imported)
				}
				continue
			}
			if to := layerOf(ours); from >= 0 && to >= from && !sameRoom(path.Dir(file), ours) {
				t.Errorf("%s imports %s: imports go one way", file, imported)
			}
		}
	}
}

// TestOutsideStaysOutside keeps SDKs, the network and the clock where they belong.
func TestOutsideStaysOutside(t *testing.T) {
	for file, imports := range sources(t) {
		for _, imported := range imports {
			switch {
			case strings.HasPrefix(imported, "github.com/aws/aws-sdk-go-v2"):
				if !strings.HasPrefix(file, "pkg/cloud/") {
					t.Errorf("%s imports %s: only pkg/cloud may", file, imported)
				}
			case strings.HasPrefix(imported, "github.com/aws/aws-cdk-go"), strings.HasPrefix(imported, "github.com/aws/constructs-go"), strings.HasPrefix(imported, "github.com/aws/jsii"):
				if !strings.HasPrefix(file, "infra/") {
					t.Errorf("%s imports %s: only infra may", file, imported)
				}
			case imported == "net/http" || imported == "os/exec" || imported == "net":
				if slices.ContainsFunc(pure, func(p string) bool { return strings.HasPrefix(file, p+"/") }) {
					t.Errorf("%s imports %s: its package is pure", file, imported)
				}
			}
		}
	}
}

func layerOf(dir string) int {
	for i, layer := range layers {
		for _, name := range layer {
			if dir == name || strings.HasPrefix(dir, name+"/") {
				return i
			}
		}
	}
	return -1
}

// sameRoom reports whether two packages are parts of one: pkg/pipeline and
// pkg/pipeline/storetest.
func sameRoom(a, b string) bool {
	return strings.HasPrefix(a+"/", b+"/") || strings.HasPrefix(b+"/", a+"/")
}

// sources returns the imports of every Go file that is no test.
func sources(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); base == "out" || base == "dist" || base == "cdk.out" || base == "node_modules" || base == "testdata" || base != "." && strings.HasPrefix(base, ".") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "test/") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		out[name] = []string{}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			out[name] = append(out[name], imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) == 0 {
		t.Fatal("no sources found")
	}
	return out
}
