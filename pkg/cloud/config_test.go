package cloud

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"diffy/pkg/pipeline"
)

// deployed is what the stack tells a function.
func deployed(name string) string {
	return map[string]string{
		"DIFFY_INTAKE_BUCKET":     "diffy-intake-111122223333-eu-west-1",
		"DIFFY_EVIDENCE_BUCKET":   "evidence",
		"DIFFY_WORK_BUCKET":       "work",
		"DIFFY_TABLE":             "table",
		"DIFFY_TOPIC_ARN":         "arn:aws:sns:eu-west-1:111122223333:results",
		"DIFFY_CHAT_TOPIC_ARN":    "arn:aws:sns:eu-west-1:111122223333:chat",
		"DIFFY_STATE_MACHINE_ARN": "arn:aws:states:eu-west-1:111122223333:stateMachine:diffy-triage",
		"DIFFY_DOCUMENT":          "diffy-collect",
		"DIFFY_TARGET_ROLE":       "DiffyTarget",
		"DIFFY_EXTERNAL_ID":       "shared",
		"DIFFY_GROUP_TAG":         "role",
	}[name]
}

func TestFromEnv(t *testing.T) {
	got, err := FromEnv(deployed)
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Account: "111122223333", Region: "eu-west-1",
		Intake: "diffy-intake-111122223333-eu-west-1", Evidence: "evidence", Work: "work", Table: "table",
		Topic:        "arn:aws:sns:eu-west-1:111122223333:results",
		ChatTopic:    "arn:aws:sns:eu-west-1:111122223333:chat",
		StateMachine: "arn:aws:states:eu-west-1:111122223333:stateMachine:diffy-triage",
		Document:     "diffy-collect", TargetRole: "DiffyTarget", ExternalID: "shared", GroupTag: "role",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

func TestFromEnvNamesWhatIsWrong(t *testing.T) {
	tests := []struct {
		name string
		env  func(string) string
		want []string
	}{
		{"nothing is set", func(string) string { return "" }, []string{"DIFFY_INTAKE_BUCKET", "DIFFY_TARGET_ROLE"}},
		{"no ARN", func(name string) string {
			if name == "DIFFY_STATE_MACHINE_ARN" {
				return "diffy-triage"
			}
			return deployed(name)
		}, []string{"DIFFY_STATE_MACHINE_ARN"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := FromEnv(test.env)
			for _, name := range test.want {
				if err == nil || !strings.Contains(err.Error(), name) {
					t.Errorf("FromEnv: %v, want an error that names %s", err, name)
				}
			}
		})
	}
}

func TestIntake(t *testing.T) {
	cfg, err := FromEnv(deployed)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		own   string
		place pipeline.Place
		want  string // empty: an error
	}{
		{"own", cfg.Intake, pipeline.Place{Account: "111122223333", Region: "eu-west-1"}, "diffy-intake-111122223333-eu-west-1"},
		{"another region", cfg.Intake, pipeline.Place{Account: "111122223333", Region: "us-east-1"}, "diffy-intake-111122223333-us-east-1"},
		{"another account", cfg.Intake, pipeline.Place{Account: "444455556666", Region: "eu-west-1"}, "diffy-intake-444455556666-eu-west-1"},
		{"own, under any name", "uploads", pipeline.Place{Account: "111122223333", Region: "eu-west-1"}, "uploads"},
		{"another, and no way to know its name", "uploads", pipeline.Place{Account: "444455556666", Region: "eu-west-1"}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			own := cfg
			own.Intake = test.own
			got, err := (&buckets{cfg: own}).intake(test.place)
			if got != test.want || (err == nil) != (test.want != "") {
				t.Errorf("intake of %v: %q, %v, want %q", test.place, got, err, test.want)
			}
		})
	}
}
