package main

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// grant is one thing that a role may do. The synthesis refuses a grant that
// reaches further than one named resource and does not say why.
type grant struct {
	sid     string
	actions []string
	on      []string
	when    map[string]any // conditions
	why     string         // needed where on or actions have a "*"
}

func (g grant) statement() awsiam.PolicyStatement {
	props := &awsiam.PolicyStatementProps{
		Sid:       str(g.sid),
		Actions:   strs(g.actions...),
		Resources: strs(g.on...),
	}
	if len(g.when) > 0 {
		props.Conditions = &g.when
	}
	return awsiam.NewPolicyStatement(props)
}

// wide are the actions and resources with a "*", as cdk-nag names them.
func (g grant) wide() bool {
	for _, s := range append(append([]string{}, g.actions...), g.on...) {
		if strings.Contains(s, "*") {
			return true
		}
	}
	return false
}

// document makes one policy document of the grants.
func document(grants []grant) awsiam.PolicyDocument {
	statements := make([]awsiam.PolicyStatement, 0, len(grants))
	for _, g := range grants {
		if g.wide() && g.why == "" {
			panic(fmt.Sprintf("grant %s reaches further than one resource and does not say why", g.sid))
		}
		statements = append(statements, g.statement())
	}
	return awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &statements})
}

// excuse writes the reasons of the grants beside the resource that carries them.
func excuse(c constructs.IConstruct, grants []grant) {
	var reasons []string
	for _, g := range grants {
		if g.wide() {
			reasons = append(reasons, g.sid+": "+g.why)
		}
	}
	if len(reasons) > 0 {
		suppress(c, "AwsSolutions-IAM5", strings.Join(reasons, " "))
	}
}

// suppress accepts one rule of cdk-nag on one resource, with the reason.
func suppress(c constructs.IConstruct, rule, reason string) {
	cdknag.NagSuppressions_AddResourceSuppressions(c, &[]*cdknag.NagPackSuppression{
		{Id: str(rule), Reason: str(reason)},
	}, no)
}

// newRole makes a role with a fixed name, which other policies refer to, and
// exactly the grants as its inline policy.
func newRole(scope constructs.Construct, id, name, does string, by awsiam.IPrincipal, grants []grant) awsiam.Role {
	role := awsiam.NewRole(scope, str(id), &awsiam.RoleProps{
		RoleName:       str(name),
		Description:    str(does),
		AssumedBy:      by,
		InlinePolicies: &map[string]awsiam.PolicyDocument{"diffy": document(grants)},
	})
	named(role, id)
	excuse(role, grants)
	return role
}

// waitByReference takes out what the CDK writes down besides: that whoever works with
// a role waits for it. The policy is part of the role, and a reference says the same.
func waitByReference(c constructs.IConstruct) {
	c.Node().DefaultChild().(awscdk.CfnResource).AddDeletionOverride(str("DependsOn"))
}

// arn names something in this account. Region and account are left empty by those
// services whose names have none.
func arn(service, region, account, resource string) string {
	return strings.Join([]string{"arn", *awscdk.Aws_PARTITION(), service, region, account, resource}, ":")
}

// here names something in the stack's account and region.
func here(service, resource string) string {
	return arn(service, *awscdk.Aws_REGION(), *awscdk.Aws_ACCOUNT_ID(), resource)
}

// roleArn names a role of this account.
func roleArn(name string) string {
	return arn("iam", "", *awscdk.Aws_ACCOUNT_ID(), "role/"+name)
}

func strs(values ...string) *[]*string {
	out := make([]*string, len(values))
	for i, v := range values {
		out[i] = str(v)
	}
	return &out
}

// limitRoles sets the permissions boundary on every role.
func limitRoles(stack awscdk.Stack, set settings) {
	if set.PermissionsBoundary == "" {
		return
	}
	boundary := awsiam.ManagedPolicy_FromManagedPolicyArn(stack, str("Boundary"), str(set.PermissionsBoundary))
	awsiam.PermissionsBoundary_Of(stack).Apply(boundary)
}
