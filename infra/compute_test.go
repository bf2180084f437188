package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"diffy/infra/template"
)

// TestOneNameForOneStep: a folder under functions/ is a function, its role and its
// log group, and there is no other function.
func TestOneNameForOneStep(t *testing.T) {
	hub := made(t, byDefault).hub
	var want []string
	for _, name := range byDefaultFunctions() {
		want = append(want, camel(name)+"Function")
		f := the(t, hub, camel(name)+"Function").Properties
		same(t, name+" function", "diffy-"+name, f["FunctionName"])
		same(t, name+" role", "<"+camel(name)+"Role.Arn>", f["Role"])
		same(t, name+" role name", "diffy-"+name, the(t, hub, camel(name)+"Role").Properties["RoleName"])
		same(t, name+" log", "<"+camel(name)+"Logs>", at(f, "LoggingConfig", "LogGroup"))
		same(t, name+" log group", map[string]any{
			"LogGroupName": "/aws/lambda/diffy-" + name, "RetentionInDays": 90.0, "KmsKeyId": "<Key.Arn>",
		}, the(t, hub, camel(name)+"Logs").Properties)
	}
	same(t, "functions", want, hub.Of("AWS::Lambda::Function"))
}

func TestFunctions(t *testing.T) {
	hub := made(t, byDefault).hub
	for _, id := range hub.Of("AWS::Lambda::Function") {
		f := hub.Resources[id].Properties
		same(t, id+" architecture", []any{"arm64"}, f["Architectures"])
		same(t, id+" runtime", []any{"provided.al2023", "bootstrap"}, []any{f["Runtime"], f["Handler"]})
		same(t, id+" tracing", "Active", at(f, "TracingConfig", "Mode"))
		same(t, id+" reserved concurrency", nil, f["ReservedConcurrentExecutions"])
	}
	for _, name := range []string{"collect", "poll", "extract"} {
		same(t, name+" reserved when asked", 50.0, the(t, made(t, chosen).hub, camel(name)+"Function").Properties["ReservedConcurrentExecutions"])
	}
	same(t, "analyze reserved when asked", nil, the(t, made(t, chosen).hub, "AnalyzeFunction").Properties["ReservedConcurrentExecutions"])
}

// TestEnvironment: what the functions read is what the stack tells them.
func TestEnvironment(t *testing.T) {
	sources := []string{"../pkg/cloud/config.go"}
	mains, err := filepath.Glob("../functions/*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]bool{}
	for _, file := range append(sources, mains...) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`"(DIFFY_[A-Z_]+[A-Z])"`).FindAllStringSubmatch(string(data), -1) {
			read[name[1]] = true
		}
	}
	hub := made(t, chosen).hub
	for _, id := range hub.Of("AWS::Lambda::Function") {
		told, _ := at(hub.Resources[id].Properties, "Environment", "Variables").(map[string]any)
		for name := range read {
			only := map[string]string{"DIFFY_OSQUERY": "CollectFunction", "DIFFY_SLACK_SECRET": "SlackFunction"}[name]
			if _, ok := told[name]; !ok && (only == "" || id == only) {
				t.Errorf("%s is not told %s", id, name)
			}
		}
	}
	same(t, "collect is told of osquery", []any{"pinned", strings.Repeat("a", 64), strings.Repeat("b", 64)}, []any{
		at(the(t, hub, "CollectFunction").Properties, "Environment", "Variables", "DIFFY_OSQUERY"),
		at(the(t, hub, "CollectFunction").Properties, "Environment", "Variables", "DIFFY_OSQUERY_X86_64"),
		at(the(t, hub, "CollectFunction").Properties, "Environment", "Variables", "DIFFY_OSQUERY_AARCH64"),
	})
}

func TestFailedEventsAreKept(t *testing.T) {
	hub := made(t, byDefault).hub
	same(t, "functions that events start", []string{"FailInvoke", "TriggerInvoke"}, hub.Of("AWS::Lambda::EventInvokeConfig"))
	for _, id := range hub.Of("AWS::Lambda::EventInvokeConfig") {
		same(t, id, "<FailuresQueue.Arn>", at(hub.Resources[id].Properties, "DestinationConfig", "OnFailure", "Destination"))
	}
}

func TestPermissionsBoundary(t *testing.T) {
	a := made(t, chosen)
	for _, in := range []*template.Template{a.hub, a.member} {
		for _, id := range in.Of("AWS::IAM::Role") {
			same(t, id, "arn:aws:iam::999988887777:policy/Boundary", in.Resources[id].Properties["PermissionsBoundary"])
		}
	}
}

// TestTopicsAndQueues: encrypted, TLS only, and alarms may come in.
func TestTopicsAndQueues(t *testing.T) {
	hub := made(t, byDefault).hub
	same(t, "topics", []string{"AlarmsTopic", "ChatTopic", "ResultsTopic"}, hub.Of("AWS::SNS::Topic"))
	for _, id := range hub.Of("AWS::SNS::Topic") {
		same(t, id+" key", "<Key.Arn>", hub.Resources[id].Properties["KmsMasterKeyId"])
	}
	same(t, "queues", []string{"FailuresQueue", "UndeliveredQueue"}, hub.Of("AWS::SQS::Queue"))
	for _, id := range hub.Of("AWS::SQS::Queue") {
		q := hub.Resources[id].Properties
		same(t, id, []any{"<Key.Arn>", 14 * 24 * 3600.0}, []any{q["KmsMasterKeyId"], q["MessageRetentionPeriod"]})
	}
	var alarms int
	for _, kind := range []string{"AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"} {
		policies := hub.Of(kind)
		same(t, kind, map[string]int{"AWS::SNS::TopicPolicy": 3, "AWS::SQS::QueuePolicy": 2}[kind], len(policies))
		for _, id := range policies {
			statements := hub.Resources[id].Statements(id, "PolicyDocument")
			if !slices.ContainsFunc(statements, func(p template.Permission) bool {
				return p.Effect == "Deny" && slices.Contains(p.When, "Bool aws:SecureTransport false")
			}) {
				t.Errorf("%s takes messages without TLS", id)
			}
			for _, p := range statements {
				if p.Sid == "AlarmsOfThisAccount" {
					alarms++
					same(t, "alarms come from", []string{"StringEquals aws:SourceAccount <account>"}, p.When)
				}
			}
		}
	}
	same(t, "topics that take alarms", 1, alarms)
	same(t, "mail and Slack when asked", 3, len(made(t, chosen).hub.Of("AWS::SNS::Subscription")))
	same(t, "mail when not asked", 0, len(hub.Of("AWS::SNS::Subscription")))
}
