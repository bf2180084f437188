package main

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"testing"
)

func definition(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../statemachine/triage.asl.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestDefinition: the state machine is the file, and every name in it is filled in.
func TestDefinition(t *testing.T) {
	p := the(t, made(t, byDefault).hub, "TriageStateMachine").Properties
	same(t, "definition", definition(t), p["DefinitionString"])
	want := map[string]any{}
	for _, m := range substitution.FindAllStringSubmatch(definition(t), -1) {
		want[m[1]] = "<" + camel(m[1]) + "Function.Arn>"
	}
	want["workBucket"] = "<WorkBucket>"
	same(t, "substitutions", want, p["DefinitionSubstitutions"])
	for _, name := range []string{"resolve", "collect", "poll", "extract", "analyze", "publish", "fail"} {
		if want[name] == nil {
			t.Errorf("the definition does not call %s", name)
		}
	}
}

func TestUnknownSubstitutionIsRefused(t *testing.T) {
	src, err := testSources(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	src.definition = `{"x":"${nobody}"}`
	if _, err := newApp(t.TempDir(), nil, src); err == nil {
		t.Fatal("want an error that names ${nobody}")
	}
}

func TestStateMachineIsSeen(t *testing.T) {
	hub := made(t, byDefault).hub
	p := the(t, hub, "TriageStateMachine").Properties
	same(t, "name", "diffy-triage", p["StateMachineName"])
	same(t, "who works with its role", []string{
		"ArnLike aws:SourceArn arn:aws:states:<region>:<account>:stateMachine:*", "StringEquals aws:SourceAccount <account>",
	}, the(t, hub, "TriageRole").Statements("", "AssumeRolePolicyDocument")[0].When)
	same(t, "tracing", true, at(p, "TracingConfiguration", "Enabled"))
	same(t, "logging", []any{"ALL", false, "<TriageLogs.Arn>"}, []any{
		at(p, "LoggingConfiguration", "Level"), at(p, "LoggingConfiguration", "IncludeExecutionData"),
		at(p, "LoggingConfiguration", "Destinations", 0, "CloudWatchLogsLogGroup", "LogGroupArn"),
	})
	same(t, "retention", 90.0, the(t, hub, "TriageLogs").Properties["RetentionInDays"])
}

// TestDistributedMap: without these the map cannot start or follow its branches,
// read its items, or be redriven.
func TestDistributedMap(t *testing.T) {
	may := map[string][]string{}
	for _, p := range made(t, byDefault).hub.Permissions() {
		if p.Holder == "diffy-triage" {
			for _, action := range p.Actions {
				may[action] = append(may[action], p.Resources...)
			}
		}
	}
	runs := []string{"arn:aws:states:<region>:<account>:execution:diffy-triage:*", "arn:aws:states:<region>:<account>:execution:diffy-triage/*"}
	for action, want := range map[string][]string{
		"states:StartExecution":    {"arn:aws:states:<region>:<account>:stateMachine:diffy-triage"},
		"states:DescribeExecution": runs,
		"states:StopExecution":     runs,
		"states:RedriveExecution":  runs,
		"s3:GetObject":             {"<WorkBucket.Arn>/runs/*/hosts.json"},
		"kms:Decrypt":              {"<Key.Arn>"},
	} {
		same(t, action, want, may[action])
	}
}

// TestTimeouts: a function is cut by Lambda, which says so, before the state
// machine loses patience.
func TestTimeouts(t *testing.T) {
	var machine any
	if err := json.Unmarshal([]byte(definition(t)), &machine); err != nil {
		t.Fatal(err)
	}
	hub := made(t, byDefault).hub
	var tasks int
	walk(machine, func(state map[string]any) {
		if state["Type"] != "Task" {
			return
		}
		tasks++
		name, _ := at(state, "Parameters", "FunctionName").(string)
		step := substitution.FindStringSubmatch(name)
		if step == nil {
			t.Errorf("a task calls %q", name)
			return
		}
		function, _ := the(t, hub, camel(step[1])+"Function").Properties["Timeout"].(float64)
		if state, _ := state["TimeoutSeconds"].(float64); function >= state {
			t.Errorf("%s: the function has %v s, its state %v s", step[1], function, state)
		}
	})
	if tasks == 0 {
		t.Error("no tasks found")
	}
}

// walk visits every object in a JSON value.
func walk(v any, visit func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		visit(v)
		for _, k := range slices.Sorted(maps.Keys(v)) {
			walk(v[k], visit)
		}
	case []any:
		for _, e := range v {
			walk(e, visit)
		}
	}
}
