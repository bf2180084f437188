package main

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"diffy/infra/template"

	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// assemblies is where all tests synthesise to.
var assemblies string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Setenv("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "1")
	var err error
	if assemblies, err = os.MkdirTemp("", "infra"); err != nil {
		panic(err)
	}
	code := m.Run()
	jsii.Close()
	os.RemoveAll(assemblies)
	os.Exit(code)
}

// assembly is one synthesis: slow, so each is made once for all tests.
type assembly struct {
	dir         string
	hub, member *template.Template
}

var (
	// byDefault has chosen nothing.
	byDefault = sync.OnceValues(func() (assembly, error) { return assemble(nil) })
	// chosen has chosen everything that is off by default.
	chosen = sync.OnceValues(func() (assembly, error) {
		return assemble(map[string]any{
			"name": "acme", "hostTag": "diffy=yes", "organization": "o-abcdefghij",
			"memberAccounts": "111122223333,444455556666", "lockMode": "COMPLIANCE", "lockDays": "30",
			"breakGlassPrincipal": "arn:aws:iam::111122223333:role/Security", "deployRole": "arn:aws:iam::999988887777:role/Deploy",
			"permissionsBoundary": "arn:aws:iam::999988887777:policy/Boundary",
			"minSeverity":         "7", "ignoredFindings": "", "groupTag": "Service",
			"osquery": "pinned", "osqueryX86": strings.Repeat("a", 64), "osqueryArm": strings.Repeat("b", 64),
			"reservedConcurrency": "50", "email": "soc@example.com", "slackSecret": slackSecret,
		})
	})
)

// slackSecret is a secret by its whole ARN.
const slackSecret = "arn:aws:secretsmanager:eu-west-1:999988887777:secret:diffy/slack-a1B2c3"

func assemble(context map[string]any) (assembly, error) {
	root, err := os.MkdirTemp(assemblies, "")
	if err != nil {
		return assembly{}, err
	}
	src, err := testSources(root)
	if err != nil {
		return assembly{}, err
	}
	a := assembly{dir: filepath.Join(root, "cdk.out")}
	app, err := newApp(a.dir, context, src)
	if err != nil {
		return a, err
	}
	if err := synthesize(app); err != nil {
		return a, err
	}
	if a.hub, err = template.Read(a.dir, "Diffy"); err != nil {
		return a, err
	}
	a.member, err = template.Read(a.dir, "DiffyMember")
	return a, err
}

// testSources are the project's own, with a stand-in for each built function: the
// tests need nothing to be built.
func testSources(root string) (sources, error) {
	for _, name := range functionFolders() {
		folder := filepath.Join(root, "dist", name)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return sources{}, err
		}
		if err := os.WriteFile(filepath.Join(folder, "bootstrap"), []byte(name), 0o755); err != nil {
			return sources{}, err
		}
	}
	src, err := readSources("..", filepath.Join(root, "dist"))
	return src, err
}

// functionFolders are the names under functions/.
func functionFolders() []string {
	files, err := filepath.Glob("../functions/*/main.go")
	if err != nil {
		panic(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, filepath.Base(filepath.Dir(f)))
	}
	return names
}

// byDefaultFunctions are those that need no setting.
func byDefaultFunctions() []string {
	return slices.DeleteFunc(functionFolders(), func(name string) bool { return name == "slack" })
}

func made(t *testing.T, of func() (assembly, error)) assembly {
	t.Helper()
	a, err := of()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// the returns a resource that must be there.
func the(t *testing.T, in *template.Template, id string) template.Resource {
	t.Helper()
	r, ok := in.Resources[id]
	if !ok {
		t.Fatalf("no resource %s", id)
	}
	return r
}

// at walks into a value by keys and list positions; nil when there is no such way.
func at(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[step]
		case int:
			l, _ := v.([]any)
			if step >= len(l) {
				return nil
			}
			v = l[step]
		}
	}
	return v
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// golden compares with a checked-in file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	same(t, file+"; go test ./infra -update writes it anew", string(want), got)
}

// TestDeterminism: the same input gives the same bytes, in every file.
func TestDeterminism(t *testing.T) {
	first, second := made(t, byDefault), made(t, func() (assembly, error) { return assemble(nil) })
	a, b := files(t, first.dir), files(t, second.dir)
	same(t, "names of the files", slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b)))
	for name := range a {
		if a[name] != b[name] {
			t.Errorf("%s differs between two syntheses", name)
		}
	}
}

func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		out[strings.TrimPrefix(path, dir)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestLogicalIDs: what points at a resource keeps pointing at it.
func TestLogicalIDs(t *testing.T) {
	a := made(t, byDefault)
	var lines []string
	for stack, in := range map[string]*template.Template{"Diffy": a.hub, "DiffyMember": a.member} {
		for id, r := range in.Resources {
			lines = append(lines, strings.TrimSpace(stack+" "+id+" "+r.Type+" "+r.DeletionPolicy))
		}
	}
	slices.Sort(lines)
	golden(t, "resources.txt", strings.Join(lines, "\n")+"\n")
}
