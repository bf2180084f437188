// Package statemachine holds triage.asl.json, the state machine that AWS runs and
// the tests execute, and tests that hold it against the functions and the errors
// that it names.
package statemachine

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"diffy/pkg/pipeline"
)

// machine is a state machine, or the processor of a map.
type machine struct {
	StartAt        string
	States         map[string]state
	TimeoutSeconds int
}

type state struct {
	Type, Resource, Next, Default, ItemsPath, Label      string
	End                                                  bool
	Parameters                                           map[string]any
	Result                                               any
	TimeoutSeconds                                       int
	Retry                                                []retrier
	Catch                                                []catcher
	Choices                                              []struct{ Next string }
	ItemProcessor                                        *machine
	ItemReader                                           *struct{ Resource string }
	ItemBatcher, ResultWriter, Assign, Output, Arguments json.RawMessage
	QueryLanguage                                        string
	ToleratedFailurePercentage                           json.RawMessage
}

type retrier struct {
	ErrorEquals    []string
	MaxAttempts    int
	JitterStrategy string
}

type catcher struct {
	ErrorEquals []string
	Next        string
}

func read(t *testing.T) (m machine, text string) {
	data, err := os.ReadFile("triage.asl.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	return m, string(data)
}

// all returns every state of the machine and of its maps, by name.
func all(t *testing.T, m machine) map[string]state {
	out := map[string]state{}
	for name, s := range m.States {
		out[name] = s
		if s.ItemProcessor == nil {
			continue
		}
		for inner, s := range all(t, *s.ItemProcessor) {
			if _, twice := out[inner]; twice {
				t.Errorf("state %s is there twice", inner)
			}
			out[inner] = s
		}
	}
	return out
}

// Each ${name} of a function is a folder of functions/, and each folder is called:
// by a state, or else by a rule or a subscription of the stack.
func TestFunctions(t *testing.T) {
	m, _ := read(t)
	called := wired(t)
	for name, s := range all(t, m) {
		if s.Type != "Task" {
			continue
		}
		if s.Resource != "arn:aws:states:::lambda:invoke" {
			t.Errorf("%s: resource %s", name, s.Resource)
		}
		function, _ := s.Parameters["FunctionName"].(string)
		called[strings.TrimSuffix(strings.TrimPrefix(function, "${"), "}")] = true
	}
	mains, err := filepath.Glob("../functions/*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, file := range mains {
		folders = append(folders, filepath.Base(filepath.Dir(file)))
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(called)), folders); diff != "" {
		t.Errorf("called (-) and folders of functions/ (+):\n%s", diff)
	}
}

// handed is a function that the stack hands to a rule's target or a subscription.
var handed = regexp.MustCompile(`[(\s]h\.functions\["([a-z]+)"\][,)]`)

// wired returns the functions that are called by something else than a state. The
// stack's own tests hold its template to them.
func wired(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("../infra/*.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, match := range handed.FindAllSubmatch(source, -1) {
			names[string(match[1])] = true
		}
	}
	return names
}

// Nothing but functions and the work bucket is filled in.
func TestSubstitutions(t *testing.T) {
	_, text := read(t)
	for _, match := range regexp.MustCompile(`\$\{([^}]*)\}`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join("../functions", match[1], "main.go")); err != nil && match[1] != "workBucket" {
			t.Errorf("${%s} is no function", match[1])
		}
	}
}

// awsErrors are those of AWS that the machine names.
var awsErrors = []string{
	"States.ALL", "Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException",
	"Lambda.TooManyRequestsException", "Lambda.ClientExecutionTimeoutException",
}

// Every error that is retried or caught exists, and every code that the pipeline
// declares is among its codes.
func TestErrors(t *testing.T) {
	m, _ := read(t)
	source, err := os.ReadFile("../pkg/pipeline/errors.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range regexp.MustCompile(`(?m)^\t\w+ +Code = "(\w+)"`).FindAllStringSubmatch(string(source), -1) {
		if !slices.Contains(pipeline.Codes, pipeline.Code(match[1])) {
			t.Errorf("code %s is missing in pipeline.Codes", match[1])
		}
	}
	known := slices.Clone(awsErrors)
	for _, code := range pipeline.Codes {
		known = append(known, string(code))
	}
	for name, s := range all(t, m) {
		var named []string
		for _, r := range s.Retry {
			named = append(named, r.ErrorEquals...)
		}
		for _, c := range s.Catch {
			named = append(named, c.ErrorEquals...)
		}
		for _, e := range named {
			if !slices.Contains(known, e) {
				t.Errorf("%s: there is no error %s", name, e)
			}
		}
	}
}

// Every task ends by itself, is tried again when AWS is busy, and is caught. Only
// fail is not: what becomes of a run that cannot even fail is the rule's, which
// calls it again.
func TestTasks(t *testing.T) {
	m, _ := read(t)
	if m.TimeoutSeconds == 0 {
		t.Error("the machine has no timeout")
	}
	for name, s := range all(t, m) {
		if s.Type != "Task" {
			continue
		}
		if s.TimeoutSeconds == 0 {
			t.Errorf("%s has no timeout", name)
		}
		busy := slices.ContainsFunc(s.Retry, func(r retrier) bool {
			return slices.Contains(r.ErrorEquals, "Lambda.TooManyRequestsException") &&
				slices.Contains(r.ErrorEquals, string(pipeline.Throttled)) && r.JitterStrategy == "FULL" && r.MaxAttempts > 3
		})
		if !busy {
			t.Errorf("%s gives up when AWS is busy", name)
		}
		caught := slices.ContainsFunc(s.Catch, func(c catcher) bool { return slices.Contains(c.ErrorEquals, "States.ALL") })
		if caught == (name == "Fail") {
			t.Errorf("%s: caught is %v", name, caught)
		}
	}
}

// The map survives every host, and its branches carry nothing back.
func TestMap(t *testing.T) {
	m, _ := read(t)
	s := m.States["Batches"]
	if s.Type != "Map" || string(s.ToleratedFailurePercentage) != "100.0" {
		t.Errorf("the map tolerates %s", s.ToleratedFailurePercentage)
	}
	if s.ItemReader == nil || s.ItemReader.Resource != "arn:aws:states:::s3:getObject" {
		t.Errorf("the map reads %+v", s.ItemReader)
	}
	for name, s := range all(t, m) {
		if s.ItemBatcher != nil || s.ResultWriter != nil || s.Assign != nil || s.Output != nil || s.Arguments != nil || s.QueryLanguage != "" {
			t.Errorf("%s uses what the tests' interpreter does not know", name)
		}
		if s.ItemProcessor == nil {
			continue
		}
		for inner, last := range s.ItemProcessor.States {
			empty := cmp.Equal(last.Result, map[string]any{})
			if last.End && (last.Type != "Pass" || !empty) {
				t.Errorf("%s: %s ends a branch with a result", name, inner)
			}
		}
	}
}

// Every state that is named is there, and every state can be reached.
func TestReachable(t *testing.T) {
	m, _ := read(t)
	reach(t, "the machine", m)
}

func reach(t *testing.T, where string, m machine) {
	seen := map[string]bool{}
	next := []string{m.StartAt}
	for len(next) > 0 {
		name := next[0]
		next = next[1:]
		if seen[name] {
			continue
		}
		seen[name] = true
		s, ok := m.States[name]
		if !ok {
			t.Errorf("%s: there is no state %s", where, name)
			continue
		}
		for _, to := range []string{s.Next, s.Default} {
			if to != "" {
				next = append(next, to)
			}
		}
		for _, c := range s.Choices {
			next = append(next, c.Next)
		}
		for _, c := range s.Catch {
			next = append(next, c.Next)
		}
		if s.ItemProcessor != nil {
			reach(t, name, *s.ItemProcessor)
		}
	}
	for name := range m.States {
		if !seen[name] {
			t.Errorf("%s: nothing leads to %s", where, name)
		}
	}
}
