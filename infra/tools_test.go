package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// python returns a program of the project's virtual environment, which the first
// who needs it makes.
func python(t *testing.T, program string) string {
	t.Helper()
	execute(t, "../test/e2e/setup")
	return "../.venv/bin/" + program
}

func execute(t *testing.T, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	var errors bytes.Buffer
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", program, strings.Join(args, " "), err, out, errors.String())
	}
	return string(out)
}

// TestLint: cfn-lint minds nothing.
func TestLint(t *testing.T) {
	lint := python(t, "cfn-lint")
	for _, of := range []func() (assembly, error){byDefault, chosen} {
		files, err := filepath.Glob(filepath.Join(made(t, of).dir, "*.template.json"))
		if err != nil || len(files) != 2 {
			t.Fatalf("templates: %v, %v", files, err)
		}
		if out := execute(t, lint, append([]string{"-t"}, files...)...); out != "" {
			t.Error(out)
		}
	}
}

// TestStateMachineIsValid asks asl-validator about the file, as it is filled in.
func TestStateMachineIsValid(t *testing.T) {
	const validator = "node_modules/.bin/asl-validator"
	if _, err := os.Stat(validator); err != nil {
		execute(t, "npm", "ci", "--silent")
	}
	filled := substitution.ReplaceAllString(definition(t), "arn:aws:lambda:eu-west-1:111122223333:function:$1")
	file := filepath.Join(t.TempDir(), "triage.asl.json")
	if err := os.WriteFile(file, []byte(filled), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := execute(t, validator, "--json-path", file); !strings.Contains(out, "is valid") {
		t.Error(out)
	}
}

// onMoto is what deployed.py prints.
type onMoto struct {
	Diffy, DiffyMember struct{ Created, Unknown map[string]int }
	Events             map[string]bool
}

func deployOnMoto(t *testing.T) onMoto {
	t.Helper()
	const script = "deployed.py"
	if _, err := os.ReadFile(script); err != nil { // so that a cached result ends with a change of it
		t.Fatal(err)
	}
	var got onMoto
	out := execute(t, python(t, "python"), script, made(t, byDefault).dir, "../events")
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	return got
}

// TestMoto deploys the templates: what moto can create it creates, and what it
// cannot has a reason in the list.
func TestMoto(t *testing.T) {
	got := deployOnMoto(t)
	data, err := os.ReadFile("testdata/moto.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]struct {
		Created    []string
		NotCreated map[string]string
	}
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	for stack, deployed := range map[string]struct{ Created, Unknown map[string]int }{"Diffy": got.Diffy, "DiffyMember": got.DiffyMember} {
		same(t, stack+" created", want[stack].Created, slices.Sorted(maps.Keys(deployed.Created)))
		same(t, stack+" not created", slices.Sorted(maps.Keys(want[stack].NotCreated)), slices.Sorted(maps.Keys(deployed.Unknown)))
		for kind, reason := range want[stack].NotCreated {
			if reason == "" {
				t.Errorf("%s: no reason why %s is not created", stack, kind)
			}
		}
	}

	// The rule for findings lets through what the trigger has to judge. Left out are
	// a low severity, and types that name no host.
	var refused []string
	for event, matches := range got.Events {
		if !matches {
			refused = append(refused, event)
		}
	}
	slices.Sort(refused)
	same(t, "events that the rule leaves out", []string{
		"execution-aborted.json", "guardduty-ec2-portprobe.json", "guardduty-rds-no-host.json", "guardduty-s3-no-host.json", "other-ec2-state.json",
	}, refused)
}

// TestSamconfig: the SAM command is pointed at functions that there are.
func TestSamconfig(t *testing.T) {
	data, err := os.ReadFile("../samconfig.toml")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`\b[A-Z][a-z]+Function\b`).FindAllString(string(data), -1)
	if len(names) == 0 {
		t.Error("no function is named")
	}
	for _, name := range names {
		the(t, made(t, byDefault).hub, name)
	}
	for _, want := range []string{`stack_name = "Diffy"`, `template_file = "cdk.out/Diffy.template.json"`} {
		if !strings.Contains(string(data), want) {
			t.Errorf("no %s", want)
		}
	}
	for _, m := range regexp.MustCompile(`event = "([^"]+)"`).FindAllStringSubmatch(string(data), -1) {
		if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
			t.Error(err)
		}
	}
}
