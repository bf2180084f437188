package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"diffy/infra/template"
)

func TestAlarms(t *testing.T) {
	hub := made(t, byDefault).hub
	states := func(name string) []string {
		return []string{"AWS/States " + name + " {StateMachineArn <TriageStateMachine>} > 0"}
	}
	want := map[string][]string{
		"RunsFailedAlarm":    states("ExecutionsFailed"),
		"RunsTimedOutAlarm":  states("ExecutionsTimedOut"),
		"RunsAbortedAlarm":   states("ExecutionsAborted"),
		"RunsThrottledAlarm": states("ExecutionThrottled"),
		"UndeliveredAlarm":   {"AWS/SQS ApproximateNumberOfMessagesVisible {QueueName <UndeliveredQueue.QueueName>} > 0"},
		"FailuresAlarm":      {"AWS/SQS ApproximateNumberOfMessagesVisible {QueueName <FailuresQueue.QueueName>} > 0"},
		"IntakeAlarm":        {"AWS/S3 BytesUploaded {BucketName <IntakeBucket>, FilterId uploads} > 2147483648"},
		"CoverageAlarm":      {"Minimum of Diffy Coverage < 90"},
		"LostFindingAlarm": {
			"FILL(here, 0) + FILL(members, 0) + FILL(dropped, 0) > 0",
			"dropped = AWS/Lambda AsyncEventsDropped {FunctionName diffy-trigger}",
			"here = AWS/Events FailedInvocations {RuleName diffy-findings}",
			"members = AWS/Events FailedInvocations {EventBusName diffy, RuleName diffy-forwarded-findings}",
		},
	}
	for _, name := range byDefaultFunctions() {
		want[camel(name)+"ErrorsAlarm"] = []string{"AWS/Lambda Errors {FunctionName diffy-" + name + "} > 0"}
	}
	got := map[string][]string{}
	for _, id := range hub.Of("AWS::CloudWatch::Alarm") {
		p := hub.Resources[id].Properties
		got[id] = described(p)
		same(t, id+" tells", []any{"<AlarmsTopic>"}, p["AlarmActions"])
		same(t, id+" without data", "notBreaching", p["TreatMissingData"])
	}
	same(t, "alarms", want, got)
}

// described writes an alarm in lines: its condition first, then the metrics of
// its expression.
func described(p map[string]any) []string {
	compare := map[any]string{"GreaterThanThreshold": " > ", "LessThanThreshold": " < "}[p["ComparisonOperator"]] + number(p["Threshold"])
	if p["Metrics"] == nil {
		return []string{metricText(p) + compare}
	}
	var lines []string
	first := ""
	for _, m := range template.List(p["Metrics"]) {
		if e, ok := at(m, "Expression").(string); ok {
			first = e + compare
			continue
		}
		inner, _ := at(m, "MetricStat", "Metric").(map[string]any)
		lines = append(lines, at(m, "Id").(string)+" = "+metricText(inner))
	}
	slices.Sort(lines)
	return append([]string{first}, lines...)
}

func metricText(m map[string]any) string {
	var dimensions []string
	for _, d := range template.List(m["Dimensions"]) {
		dimensions = append(dimensions, at(d, "Name").(string)+" "+at(d, "Value").(string))
	}
	text := m["Namespace"].(string) + " " + m["MetricName"].(string)
	if statistic, ok := m["Statistic"].(string); ok && statistic != "Sum" {
		text = statistic + " of " + text
	}
	if len(dimensions) > 0 {
		text += " {" + strings.Join(dimensions, ", ") + "}"
	}
	return text
}

func number(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // a number from JSON
	}
	return string(data)
}

// TestLoggedNumbers: the filters wait for lines that the handlers write.
func TestLoggedNumbers(t *testing.T) {
	hub := made(t, byDefault).hub
	files, err := filepath.Glob("../pkg/pipeline/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(data)
	}
	for _, l := range loggedNumbers {
		f := the(t, hub, l.metric+"Filter").Properties
		same(t, l.metric, []any{
			"<" + camel(l.step) + "Logs>", `{ $.msg = "` + l.message + `" }`, "Diffy", l.metric, "$." + l.field,
		}, []any{
			f["LogGroupName"], f["FilterPattern"], at(f, "MetricTransformations", 0, "MetricNamespace"),
			at(f, "MetricTransformations", 0, "MetricName"), at(f, "MetricTransformations", 0, "MetricValue"),
		})
		_, line, found := strings.Cut(code.String(), `Log.Info("`+l.message+`"`)
		line, _, _ = strings.Cut(line, ")\n")
		if !found || !strings.Contains(line, `"`+l.field+`"`) {
			t.Errorf("no handler logs %q with %q", l.message, l.field)
		}
	}
}

func TestDashboard(t *testing.T) {
	p := the(t, made(t, byDefault).hub, "Dashboard").Properties
	body, _ := p["DashboardBody"].(string)
	for _, title := range []string{"Runs", "Hosts", "Coverage, %", "Findings and runs", "Bytes uploaded by hosts", "Waiting to be read by somebody", "Errors"} {
		if !strings.Contains(body, `"title":"`+title+`"`) {
			t.Errorf("no graph %q", title)
		}
	}
}

// TestNag: cdk-nag minds nothing that nobody has given a reason for.
func TestNag(t *testing.T) {
	for name, of := range map[string]func() (assembly, error){"default": byDefault, "chosen": chosen} {
		nags, err := template.Nags(made(t, of).dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range nags {
			if !n.Accepted() {
				t.Errorf("%s: %s %s: %s", name, n.Rule, n.Resource, n.Compliance)
			}
		}
		if len(nags) == 0 {
			t.Errorf("%s: nothing was minded at all, though stars are granted: did cdk-nag run?", name)
		}
	}
}
