package main

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"diffy/infra/template"
)

// references are what CloudFormation fills in: here by something as long as it can
// be, an ARN with a generated name.
var references = regexp.MustCompile(`<[^<>]*>`)

// length is that of a policy as IAM and S3 count it, without white space.
func length(t *testing.T, policy any) int {
	t.Helper()
	data, err := json.Marshal(policy)
	if err != nil {
		t.Fatal(err)
	}
	unescaped := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(data))
	return len(references.ReplaceAllStringFunc(unescaped, func(name string) string {
		switch name {
		case "<account>":
			return "111122223333"
		case "<region>":
			return "ap-southeast-1"
		}
		return strings.Repeat("x", 80)
	}))
}

// TestPoliciesFit: a policy that is too long is refused when it is deployed, and not
// before.
func TestPoliciesFit(t *testing.T) {
	limits := map[string]struct {
		property string
		most     int // characters
	}{
		"AWS::IAM::ManagedPolicy": {"PolicyDocument", 6144},
		"AWS::IAM::Role":          {"Policies", 10240}, // all inline policies together
		"AWS::S3::BucketPolicy":   {"PolicyDocument", 20 << 10},
		"AWS::KMS::Key":           {"KeyPolicy", 32 << 10},
		"AWS::SNS::TopicPolicy":   {"PolicyDocument", 30 << 10},
	}
	for name, of := range map[string]func() (assembly, error){"default": byDefault, "chosen": chosen} {
		a := made(t, of)
		for _, in := range []*template.Template{a.hub, a.member} {
			for _, kind := range slices.Sorted(maps.Keys(limits)) {
				for _, id := range in.Of(kind) {
					if n := length(t, in.Resources[id].Properties[limits[kind].property]); n > limits[kind].most {
						t.Errorf("%s: %s has %d characters, %s takes %d", name, id, n, kind, limits[kind].most)
					}
				}
			}
			for _, id := range in.Of("AWS::IAM::Role") {
				if n := length(t, in.Resources[id].Properties["AssumeRolePolicyDocument"]); n > 2048 {
					t.Errorf("%s: %s trusts in %d characters, IAM takes 2048", name, id, n)
				}
			}
		}
	}
}
