package cloud

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
)

// policy answers for IAM: what it is asked of whom, it decides.
type policy struct {
	decide func(principal, action string) (types.EvaluationResult, error)
	paths  map[string]string // name of a role → its ARN
}

func (p policy) SimulatePrincipalPolicy(_ context.Context, in *iam.SimulatePrincipalPolicyInput, _ ...func(*iam.Options)) (*iam.SimulatePrincipalPolicyOutput, error) {
	r, err := p.decide(*in.PolicySourceArn, in.ActionNames[0])
	return &iam.SimulatePrincipalPolicyOutput{EvaluationResults: []types.EvaluationResult{r}}, err
}

func (p policy) GetRole(_ context.Context, in *iam.GetRoleInput, _ ...func(*iam.Options)) (*iam.GetRoleOutput, error) {
	arn, ok := p.paths[*in.RoleName]
	if !ok {
		return nil, &smithy.GenericAPIError{Code: "AccessDenied"}
	}
	return &iam.GetRoleOutput{Role: &types.Role{Arn: &arn}}, nil
}

type caller string

func (c caller) GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error) {
	return &sts.GetCallerIdentityOutput{Arn: aws.String(string(c))}, nil
}

var hub = Config{
	Account: "111122223333", Region: "eu-west-1", Intake: "diffy-intake-111122223333-eu-west-1", Evidence: "e", Work: "w", Table: "diffy",
	Topic: "arn:aws:sns:eu-west-1:111122223333:diffy-results", StateMachine: "arn:aws:states:eu-west-1:111122223333:stateMachine:diffy-triage", Document: "diffy-collect",
}

var (
	allowed = types.EvaluationResult{EvalDecision: types.PolicyEvaluationDecisionTypeAllowed}
	denied  = types.EvaluationResult{EvalDecision: types.PolicyEvaluationDecisionTypeImplicitDeny}
)

func TestPeople(t *testing.T) {
	session := caller("arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Responder_1/ana")
	role := "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Responder_1"
	tests := []struct {
		name   string
		who    caller
		decide func(principal, action string) (types.EvaluationResult, error)
		want   map[CheckState][]string // what, of the checks that are not ok
	}{
		{"all is allowed, to the role with its path", session, func(principal, _ string) (types.EvaluationResult, error) {
			if principal != role {
				return denied, nil
			}
			return allowed, nil
		}, map[CheckState][]string{}},
		{"a reader cannot decide", session, func(_, action string) (types.EvaluationResult, error) {
			if action == "dynamodb:PutItem" {
				return denied, nil
			}
			return allowed, nil
		}, map[CheckState][]string{CheckFails: {
			"diffy runs rebuild: record what was found (dynamodb:PutItem)",
			"diffy baseline create, approve, delete: store one (dynamodb:PutItem)", "diffy baseline create, approve, delete: approve one (dynamodb:PutItem)",
			"diffy suppress: suppress a finding (dynamodb:PutItem)",
			"diffy trigger --start: know the finding (dynamodb:PutItem)",
		}}},
		{"who may not ask is told once", session, func(_, _ string) (types.EvaluationResult, error) {
			return types.EvaluationResult{}, &smithy.GenericAPIError{Code: "AccessDenied"}
		}, map[CheckState][]string{CheckUnknown: {"diffy triage: start a run (states:StartExecution)"}}},
		{"the root is nobody to triage as", "arn:aws:iam::111122223333:root", nil, map[CheckState][]string{CheckWarns: {"your permissions"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := &Doctor{cfg: hub, caller: tt.who, may: policy{tt.decide, map[string]string{"AWSReservedSSO_Responder_1": role}}}
			if diff := cmp.Diff(tt.want, notOK(d.people(t.Context(), namesOf(hub, "")))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func notOK(checks []Check) map[CheckState][]string {
	out := map[CheckState][]string{}
	for _, c := range checks {
		if c.State != CheckOK {
			out[c.State] = append(out[c.State], c.What)
		}
	}
	return out
}

func TestFunctions(t *testing.T) {
	tagged := denied
	tagged.MissingContextValues = []string{"ssm:resourceTag/Team"}
	d := &Doctor{cfg: hub, may: policy{decide: func(principal, action string) (types.EvaluationResult, error) {
		switch {
		case action == "kms:GenerateDataKey" && strings.HasSuffix(principal, "role/diffy-publish"):
			r := denied
			r.OrganizationsDecisionDetail = &types.OrganizationsDecisionDetail{AllowedByOrganizations: false}
			return r, nil
		case action == "ssm:SendCommand":
			return tagged, nil
		}
		return allowed, nil
	}}}
	checks := d.functions(t.Context(), namesOf(hub, "arn:aws:kms:eu-west-1:111122223333:key/1"))
	if diff := cmp.Diff(map[CheckState][]string{CheckFails: {"encrypt the message (kms:GenerateDataKey)"}}, notOK(checks)); diff != "" {
		t.Error(diff)
	}
	at := slices.IndexFunc(checks, func(c Check) bool { return c.State == CheckFails })
	if got := checks[at]; got.Area != "function diffy-publish" || got.Says != "denied by a service control policy of the organization" {
		t.Errorf("the failing check is %+v", got)
	}
	if !slices.ContainsFunc(checks, func(c Check) bool { return c.Says == "only where they have the tag Team" }) {
		t.Error("no check says that instances must have a tag")
	}
}

// TestFunctionsInTheDark has nobody may ask: one check says so for all functions.
func TestFunctionsInTheDark(t *testing.T) {
	d := &Doctor{cfg: hub, may: policy{decide: func(string, string) (types.EvaluationResult, error) {
		return types.EvaluationResult{}, &smithy.GenericAPIError{Code: "AccessDenied"}
	}}}
	checks := d.functions(t.Context(), namesOf(hub, ""))
	if len(checks) != 1 || checks[0].State != CheckUnknown {
		t.Errorf("checks are %+v", checks)
	}
}

func TestReadiness(t *testing.T) {
	for _, tt := range []struct {
		ready, of int
		want      CheckState
	}{{0, 4, CheckFails}, {2, 4, CheckWarns}, {3, 4, CheckOK}} {
		if got := area("group").ready(tt.ready, tt.of).State; got != tt.want {
			t.Errorf("%d of %d ready: %s, want %s", tt.ready, tt.of, got, tt.want)
		}
	}
	kept := area("group asg:web").kept(notManaged, []string{"i-1", "i-2", "i-3", "i-4", "i-5", "i-6"})
	if kept.What != "6 hosts not managed by SSM" || kept.Says != "i-1, i-2, i-3, i-4, i-5 and 1 more" || kept.Fix == "" {
		t.Errorf("kept is %+v", kept)
	}
}

func TestPinnedOsquery(t *testing.T) {
	there, gone := strings.Repeat("ab", 32), strings.Repeat("cd", 32)
	missing := func(key string) error {
		if key == "artifacts/osquery/"+there+".tar.gz" {
			return nil
		}
		return &smithy.GenericAPIError{Code: "NotFound"}
	}
	tests := []struct {
		name string
		env  map[string]string
		want map[CheckState][]string
	}{
		{"the hosts' own", map[string]string{"DIFFY_OSQUERY": "host"}, map[CheckState][]string{}},
		{"none is chosen", nil, map[CheckState][]string{CheckWarns: {"pinned osquery"}}},
		{"pinned, and none is chosen", map[string]string{"DIFFY_OSQUERY": "pinned"}, map[CheckState][]string{CheckFails: {"pinned osquery"}}},
		{"one is there and one is not", map[string]string{"DIFFY_OSQUERY_X86_64": there, "DIFFY_OSQUERY_AARCH64": gone}, map[CheckState][]string{CheckFails: {"pinned osquery for aarch64"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, notOK(area("1/eu").osquery(tt.env, missing))); diff != "" {
				t.Error(diff)
			}
		})
	}
}
