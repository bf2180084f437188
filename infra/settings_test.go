package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSettings(t *testing.T) {
	given := map[string]any{
		"lockDays": "120", "evidenceDays": 400.0, "minSeverity": "6.5",
		"memberAccounts": "111122223333, 444455556666", "ignoredFindings": []any{"Policy:"},
	}
	want := defaults()
	want.LockDays, want.EvidenceDays, want.MinSeverity = 120, 400, 6.5
	want.MemberAccounts = []string{"111122223333", "444455556666"}
	want.IgnoredFindings = []string{"Policy:"}
	got, err := loadSettings(func(key string) any { return given[key] })
	if err != nil {
		t.Fatal(err)
	}
	same(t, "settings", want, got)
}

func TestSettingsAreChecked(t *testing.T) {
	for name, c := range map[string]struct {
		key   string
		value any
		want  string
	}{
		"name":               {"name", "Diffy!", `name "Diffy!"`},
		"tag without value":  {"hostTag", "diffy", `hostTag "diffy"`},
		"tag with a star":    {"hostTag", "diffy=*", `hostTag "diffy=*"`},
		"account":            {"memberAccounts", "12", `"12" is no account id`},
		"lock mode":          {"lockMode", "FOREVER", `lockMode "FOREVER"`},
		"no lock":            {"lockDays", "0", "lockDays 0"},
		"shorter than lock":  {"evidenceDays", "10", "evidenceDays 10"},
		"no number":          {"lockDays", "many", "setting lockDays"},
		"wrong type":         {"lockDays", true, "read settings"},
		"part of a day":      {"lockDays", "1.5", "read settings"},
		"osquery":            {"osquery", "maybe", `osquery "maybe"`},
		"digest":             {"osqueryArm", "abc", `osquery digest "abc"`},
		"pinned to nothing":  {"osquery", "pinned", "osquery pinned"},
		"retention of logs":  {"logDays", "91", "logDays 91"},
		"mail":               {"email", "nobody", `email "nobody"`},
		"secret by its name": {"slackSecret", "diffy/slack", `slackSecret "diffy/slack"`},
		"part of an ARN":     {"slackSecret", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:diffy/slack", "slackSecret"},
		"any secret":         {"slackSecret", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:*", "slackSecret"},
		"empty external id":  {"externalId", "", "externalId"},
		"organisation":       {"organization", "acme", `organization "acme"`},
		"severity":           {"minSeverity", "11", "minSeverity 11"},
		"memory for extract": {"extractMemory", "64", "extractMemory 64"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loadSettings(func(key string) any {
				if key == c.key {
					return c.value
				}
				return nil
			})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestContextFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "context.json")
	if got, err := readContext(file); got != nil || err != nil {
		t.Errorf("without a file: %v, %v", got, err)
	}
	for content, want := range map[string]string{
		`{"lockDays": 30}`: "", `{"lokDays": 30}`: `no setting is named "lokDays"`, `{`: "read " + file,
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := readContext(file)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", content, err, want)
		}
	}
	if _, err := readContext("context.json"); err != nil {
		t.Errorf("the project's own: %v", err)
	}
}
