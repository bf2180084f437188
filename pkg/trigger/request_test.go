package trigger

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"diffy/pkg/triage"
)

func TestParseRequest(t *testing.T) {
	yes, no := true, false
	full := func(change func(*triage.Request)) triage.Request {
		r := triage.Request{
			Purpose: triage.PurposeTriage, Baseline: "auto", Pack: "linux-triage",
			Tiers: []string{"core"}, MaxHosts: 1000,
		}
		change(&r)
		return r
	}
	tests := []struct {
		name, in string
		want     triage.Request
	}{
		{"the least", `{"target":{"autoScalingGroup":"web-prod"}}`, full(func(r *triage.Request) {
			r.Target.AutoScalingGroup = "web-prod"
		})},
		{"one instance stands for its group", `{"target":{"instanceIds":["i-1"]}}`, full(func(r *triage.Request) {
			r.Target.InstanceIDs, r.Expand = []string{"i-1"}, &yes
		})},
		{"several instances are the group", `{"target":{"instanceIds":["i-1","i-2"]}}`, full(func(r *triage.Request) {
			r.Target.InstanceIDs, r.Expand = []string{"i-1", "i-2"}, &no
		})},
		{
			"what is said stays", `{"target":{"tags":{"app":"shop"}},"purpose":"baseline","tiers":["ext"],"maxHosts":3,"baseline":"none"}`,
			full(func(r *triage.Request) {
				r.Target.Tags, r.Purpose = map[string]string{"app": "shop"}, triage.PurposeBaseline
				r.Tiers, r.MaxHosts, r.Baseline = []string{"ext"}, 3, "none"
			}),
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := ParseRequest([]byte(test.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseRequestWrong(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"unknown field", `{"target":{"vpc":"v"},"colour":1}`, `unknown field "colour"`},
		{"unknown field inside", `{"target":{"vpc":"v","zone":1}}`, `unknown field "target.zone"`},
		{"other case", `{"target":{"autoscalinggroup":"web"}}`, `unknown field "target.autoscalinggroup"`},
		{"unknown field in a list", `{"target":{"vpc":"v"},"pivots":[{"kind":"ip","value":"::1"},{"sort":1}]}`, `unknown field "pivots[1].sort"`},
		{"unknown field of the trigger", `{"target":{"vpc":"v"},"trigger":{"who":1}}`, `unknown field "trigger.who"`},
		{"no selector", `{"target":{"region":"eu-west-1"}}`, "no selector; expected exactly one selector"},
		{"no target", `{}`, "no selector"},
		{"two selectors", `{"target":{"vpc":"v","image":"ami-1"}}`, "image and vpc; expected exactly one"},
		{"purpose", `{"target":{"vpc":"v"},"purpose":"fun"}`, `purpose is "fun"`},
		{"tier", `{"target":{"vpc":"v"},"tiers":["all"]}`, `tier is "all"`},
		{"max hosts", `{"target":{"vpc":"v"},"maxHosts":-1}`, "maxHosts is -1"},
		{"wrong type", `{"target":{"vpc":"v"},"maxHosts":"7"}`, `field "maxHosts": string`},
		{"a path for an id", `{"target":{"instanceIds":["../../x"]}}`, `"../../x" is no host id`},
		{"a path for a suspect", `{"target":{"vpc":"v"},"suspects":["a/b"]}`, `"a/b" is no host id`},
		{"a path for a run", `{"target":{"vpc":"v"},"retry":"../x"}`, `retry is "../x"`},
		{"pivot kind", `{"target":{"vpc":"v"},"pivots":[{"kind":"colour","value":"x"}]}`, `pivots[0]: kind is "colour"`},
		{"pivot digest", `{"target":{"vpc":"v"},"pivots":[{"kind":"sha256","value":"x"}]}`, `"x" is no sha256`},
		{"pivot address", `{"target":{"vpc":"v"},"pivots":[{"kind":"ip","value":"1.2"}]}`, `"1.2" is no ip`},
		{"pivot port", `{"target":{"vpc":"v"},"pivots":[{"kind":"port","value":"0"}]}`, `"0" is no port`},
		{"empty", ``, "read request"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := ParseRequest([]byte(test.in))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, expected %q", err, test.want)
			}
		})
	}
}

func TestAllThatIsWrong(t *testing.T) {
	_, err := ParseRequest([]byte(`{"target":{},"maxHosts":-1,"tiers":["x"]}`))
	for _, want := range []string{"selector", "maxHosts", "tier"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not name %s", err, want)
		}
	}
}
