package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"diffy/pkg/cloud"
)

// from makes an app whose environment is this, with a diffy.yaml in its home.
func from(t *testing.T, file string, env map[string]string) *app {
	t.Helper()
	home := t.TempDir()
	if file != "" {
		dir := filepath.Join(home, ".config", "diffy")
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "diffy.yaml"), []byte(file), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return &app{env: func(name string) string {
		if name == "HOME" {
			return home
		}
		return env[name]
	}}
}

func TestSettings(t *testing.T) {
	type kept struct{ stack, region, where string }
	for _, tt := range []struct {
		name, file string
		env        map[string]string
		want       kept
	}{
		{name: "nothing", want: kept{where: inFiles}},
		{name: "only comments", file: "# nothing yet\n", want: kept{where: inFiles}},
		{
			name: "a deployment is kept in", file: "deployment:\n  stack: DiffyProd\n  region: eu-west-1\n",
			want: kept{"DiffyProd", "eu-west-1", inAWS},
		},
		{
			name: "but files may be wanted all the same", file: "deployment:\n  stack: DiffyProd\npersistence: file\n",
			want: kept{stack: "DiffyProd", where: inFiles},
		},
		{
			name: "the environment takes the place of keys", file: "deployment:\n  stack: DiffyProd\npersistence: file\n",
			env:  map[string]string{"DIFFY_STACK": "DiffyTest", "DIFFY_REGION": "us-east-1", "DIFFY_PERSISTENCE": "aws"},
			want: kept{"DiffyTest", "us-east-1", inAWS},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := from(t, tt.file, tt.env)
			s, err := a.settings()
			if err != nil {
				t.Fatal(err)
			}
			where, err := a.persistence("")
			if got := (kept{s.Deployment.Stack, s.Deployment.Region, where}); got != tt.want || err != nil {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

func TestSettingsMistakes(t *testing.T) {
	for _, tt := range []struct {
		name, file, want string
		env              map[string]string
	}{
		{name: "unknown key", file: "deployment:\n  stak: Diffy\n", want: `:2: unknown field "stak"`},
		{name: "key that comes twice", file: "persistence: aws\npersistence: file\n", want: `:2: mapping key "persistence" already defined at [1:1]`},
		{name: "no YAML", file: "deployment: [\n", want: ":1: sequence end token ']' not found"},
		{name: "two documents", file: "persistence: aws\n---\npersistence: file\n", want: ": expected one YAML document"},
		{name: "wrong value", file: "# where\npersistence: s3\n", want: `:2: persistence: "s3" is no place to keep things`},
		{name: "wrong collection", file: "collection: sms\n", want: `:1: collection: "sms" is no way to collect`},
		{name: "wrong method", file: "analysis: [cluster, guess]\n", want: `:1: analysis: "guess" is no method`},
		{name: "no time", file: "exec:\n  timeout: 3\n", want: `:2: exec.timeout: "3" is no time that a host could get`},
		{name: "no account", file: "inventory:\n  prod: {account: 1234}\n", want: `:2: inventory: prod: "1234" is no account`},
		{name: "no region", file: "inventory:\n  prod: {account: 111122223333, regions: [europe]}\n", want: `:2: inventory: prod: "europe" is no region`},
		{name: "unknown key of an account", file: "inventory:\n  prod: {id: 111122223333}\n", want: `:2: unknown field "id"`},
		{name: "no such inventory", file: "inventory: /nowhere.yaml\n", want: `:1: inventory: read /nowhere.yaml: no such file or directory`},
		{name: "wrong type", file: "deployment: Diffy\n", want: ":1: string was used where mapping is expected"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := from(t, tt.file, tt.env)
			_, err := a.settings()
			if want := filepath.Join(a.env("HOME"), ".config", "diffy", "diffy.yaml") + tt.want; err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}

func TestSettingsNameWhatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  map[string]string
		want string
	}{
		{"a variable", map[string]string{"DIFFY_PERSISTENCE": "s3"}, `DIFFY_PERSISTENCE: persistence: "s3" is no place to keep things`},
		{"a file that is not there", map[string]string{"DIFFY_CONFIG": "/nowhere.yaml"}, "read /nowhere.yaml: no such file or directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := from(t, "", tt.env).settings()
			var e *exit
			if !errors.As(err, &e) || e.Error() != tt.want || e.code != exitUsage {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestSettingsAreNotOfTheWorkingDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, dir := range []string{"diffy", ".config/diffy"} {
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "diffy.yaml"), []byte("planted: true\n"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for name, env := range map[string]map[string]string{
		"no home": {}, "relative home": {"HOME": "."}, "relative folder": {"XDG_CONFIG_HOME": ".", "HOME": ""},
	} {
		if _, err := (&app{env: func(n string) string { return env[n] }}).settings(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFailedInAWS(t *testing.T) {
	err := failedInAWS(fmt.Errorf("find stack X in eu-west-1: %w", cloud.ErrNoDeployment))
	var e *exit
	if !errors.As(err, &e) || e.hint == "" || !errors.Is(err, cloud.ErrNoDeployment) {
		t.Errorf("got %#v", err)
	}
	wrapped := failedInAWS(errors.New("read runs: operation error DynamoDB: Query, https response error StatusCode: 400, RequestID: 1, api error X: gone"))
	if wrapped.Error() != "read runs: X: gone" {
		t.Errorf("got %q", wrapped)
	}
}
