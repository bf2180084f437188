package cloud

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// simulator answers whether a principal may do something, without doing it.
type simulator interface {
	SimulatePrincipalPolicy(context.Context, *iam.SimulatePrincipalPolicyInput, ...func(*iam.Options)) (*iam.SimulatePrincipalPolicyOutput, error)
	GetRole(context.Context, *iam.GetRoleInput, ...func(*iam.Options)) (*iam.GetRoleOutput, error)
}

type callers interface {
	GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error)
}

// people says what the caller may, command by command.
func (d *Doctor) people(ctx context.Context, n names) []Check {
	const you = area("you")
	who, err := d.caller.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return []Check{you.fails("who you are", answer(err), "sign in; AWS_PROFILE chooses who you are")}
	}
	arn := aws.ToString(who.Arn)
	out := []Check{you.ok("you are "+arn, "")}
	if strings.HasSuffix(arn, ":root") {
		return append(out, you.warns("your permissions", "the root of the account is allowed everything", "sign in as somebody with DiffyResponder"))
	}
	principal := d.principal(ctx, arn)
	for _, c := range peopleNeeds {
		for _, check := range d.simulate(ctx, you, principal, n, c.what, "attach the managed policy "+policyFor(n)) {
			check.What = c.who + ": " + check.What
			out = append(out, check)
			if check.State == CheckUnknown {
				return out // the others would say the same
			}
		}
	}
	return out
}

const cannotSimulate = "ask somebody who may iam:SimulatePrincipalPolicy, or just try: diffy says what it was denied"

// policyFor is the managed policy of responders: "DiffyResponder" of "diffy".
func policyFor(n names) string {
	if n.base == "" {
		return "DiffyResponder"
	}
	return strings.ToUpper(n.base[:1]) + n.base[1:] + "Responder"
}

// principal is the user or role behind a caller: a session bears the role's name
// and not the path that its ARN has.
func (d *Doctor) principal(ctx context.Context, arn string) string {
	parts := strings.Split(last(arn), "/")
	if parts[0] != "assumed-role" || len(parts) < 2 {
		return arn
	}
	out, err := d.may.GetRole(ctx, &iam.GetRoleInput{RoleName: &parts[1]})
	if err != nil {
		account := strings.Split(arn, ":")[4]
		return "arn:" + partition(arn) + ":iam::" + account + ":role/" + parts[1] // right where it has no path
	}
	return aws.ToString(out.Role.Arn)
}

// functions says what the roles of the functions may.
func (d *Doctor) functions(ctx context.Context, n names) []Check {
	parts := make([]func(context.Context) []Check, len(functionNeeds))
	for i, f := range functionNeeds {
		parts[i] = func(ctx context.Context) []Check {
			return d.simulate(ctx, area("function "+n.function(f.who)), n.role(f.who), n, f.what,
				"something besides the stack denies it: a boundary, a service control policy, a change by hand; "+deployAgain)
		}
	}
	out := gather(ctx, parts)
	if !slices.ContainsFunc(out, func(c Check) bool { return c.State != CheckUnknown }) {
		return []Check{area("functions").unknown("what they may", out[0].Says, cannotSimulate)}
	}
	return out
}

// simulate asks of each need. One answer that cannot be had stands for all.
func (d *Doctor) simulate(ctx context.Context, a area, principal string, n names, what []need, fix string) []Check {
	var out []Check
	for _, need := range what {
		if need.via != "" && n.key == "" {
			continue // the table did not say which key
		}
		label := fmt.Sprintf("%s (%s)", need.does, need.action)
		r, err := d.ask(ctx, principal, n, need)
		switch {
		case err != nil:
			return append(out, a.unknown(label, answerOfIAM(err), cannotSimulate))
		case r.EvalDecision == types.PolicyEvaluationDecisionTypeAllowed:
			out = append(out, a.ok(label, ""))
		case wantedTag(r) != "":
			out = append(out, a.ok(label, "only where they have the tag "+wantedTag(r)))
		default:
			out = append(out, a.fails(label, because(r), fix))
		}
	}
	return out
}

func (d *Doctor) ask(ctx context.Context, principal string, n names, what need) (types.EvaluationResult, error) {
	in := &iam.SimulatePrincipalPolicyInput{PolicySourceArn: &principal, ActionNames: []string{what.action}}
	if what.on != nil {
		in.ResourceArns = []string{what.on(n)}
	}
	if what.records != "" {
		in.ContextEntries = append(in.ContextEntries, entry("dynamodb:LeadingKeys", types.ContextKeyTypeEnumStringList, what.records))
	}
	if what.via != "" {
		in.ContextEntries = append(in.ContextEntries, entry("kms:ViaService", types.ContextKeyTypeEnumString, what.via+"."+n.cfg.Region+".amazonaws.com"))
	}
	out, err := d.may.SimulatePrincipalPolicy(ctx, in)
	if err != nil {
		return types.EvaluationResult{}, err
	}
	if len(out.EvaluationResults) == 0 {
		return types.EvaluationResult{}, errors.New("IAM gave no answer")
	}
	return out.EvaluationResults[0], nil
}

func entry(key string, kind types.ContextKeyTypeEnum, value string) types.ContextEntry {
	return types.ContextEntry{ContextKeyName: &key, ContextKeyType: kind, ContextKeyValues: []string{value}}
}

// wantedTag is the tag that an instance must have; IAM cannot know which ones do.
func wantedTag(r types.EvaluationResult) string {
	for _, key := range r.MissingContextValues {
		if tag, ok := strings.CutPrefix(key, "ssm:resourceTag/"); ok && r.EvalDecision == types.PolicyEvaluationDecisionTypeImplicitDeny {
			return tag
		}
	}
	return ""
}

// because says what denies.
func because(r types.EvaluationResult) string {
	switch {
	case r.OrganizationsDecisionDetail != nil && !r.OrganizationsDecisionDetail.AllowedByOrganizations:
		return "denied by a service control policy of the organization"
	case r.PermissionsBoundaryDecisionDetail != nil && !r.PermissionsBoundaryDecisionDetail.AllowedByPermissionsBoundary:
		return "denied by the permissions boundary"
	case r.EvalDecision == types.PolicyEvaluationDecisionTypeExplicitDeny:
		return "denied by a policy"
	}
	return "no policy allows it"
}

func answerOfIAM(err error) string {
	var none *types.NoSuchEntityException
	switch {
	case errors.As(err, &none):
		return "IAM knows no such user or role"
	case Denied(err):
		return "you may not ask: " + answer(err)
	}
	return answer(err)
}
