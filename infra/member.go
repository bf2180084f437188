package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
)

// member is the small stack of every account and region, other than the hub's, in
// which hosts are examined, those of the hub's own account included: a plain
// template without assets, fit for StackSets.
type member struct {
	stack                             awscdk.Stack
	set                               settings
	hub, region, external, org, roles awscdk.CfnParameter
	hasOrg, makesRoles                awscdk.CfnCondition
}

func newMember(app awscdk.App, set settings, document map[string]any) {
	m := &member{set: set, stack: awscdk.NewStack(app, str("DiffyMember"), &awscdk.StackProps{
		StackName:   str(set.title() + "Member"),
		Description: str("diffy: lets the hub examine the hosts of this account and region"),
		Synthesizer: awscdk.NewBootstraplessSynthesizer(nil),
		// CloudFormation takes a template as text up to 51,200 bytes; the document alone is
		// half of that.
		SuppressTemplateIndentation: yes,
	})}
	limitRoles(m.stack, set)
	m.newParameters()
	newDocument(m.stack, set, document)
	intake := newIntake(m.stack, set, &awss3.BucketProps{Encryption: awss3.BucketEncryption_S3_MANAGED}, roleArn(set.target()))
	suppress(intake, "AwsSolutions-S1", "What hosts upload is read within minutes and gone after a day; who reads the evidence is logged in the hub.")
	m.letPin(intake)
	m.newTargetRoles()
	m.newForwarding(intake)
}

func (m *member) newParameters() {
	text := func(id, does, pattern string, fallback *string) awscdk.CfnParameter {
		return awscdk.NewCfnParameter(m.stack, str(id), &awscdk.CfnParameterProps{
			Type: str("String"), Description: str(does), AllowedPattern: str(pattern), Default: fallback,
		})
	}
	const region = `[a-z]{2}(-[a-z]+)+-[0-9]`
	m.hub = text("HubAccount", "The account that runs diffy", `[0-9]{12}`, nil)
	m.region = text("HubRegion", "The region in which it runs", region, nil)
	m.external = text("ExternalId", "What the hub says when it assumes a role here", `[\w+=,.@:/-]{2,1224}`, str(m.set.ExternalID))
	m.org = text("Organization", "Only principals of this organisation; empty: no such condition", `(o-[a-z0-9]{10,32})?`, str(m.set.Organization))
	m.roles = text("RoleRegion", "The one region of this account in which its roles are made", region, nil)
	m.hasOrg = m.condition("HasOrganization", awscdk.Fn_ConditionNot(awscdk.Fn_ConditionEquals(m.org.ValueAsString(), str(""))))
	m.makesRoles = m.condition("MakesRoles", awscdk.Fn_ConditionEquals(m.roles.ValueAsString(), awscdk.Aws_REGION()))
}

func (m *member) condition(id string, expression awscdk.ICfnConditionExpression) awscdk.CfnCondition {
	return awscdk.NewCfnCondition(m.stack, str(id), &awscdk.CfnConditionProps{Expression: expression})
}

// letPin lets the hub's people put releases of osquery here, those whom their own
// account allows it.
func (m *member) letPin(intake awss3.Bucket) {
	intake.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        str("HubPinsOsquery"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewAccountPrincipal(m.hub.ValueAsString())},
		Actions:    strs("s3:GetObject", "s3:PutObject"),
		Resources:  strs(*intake.ArnForObjects(str(pinnedReleases))),
	}))
}

// newTargetRoles makes what the hub's functions assume: one role that can look for
// hosts and no more, for the trigger, and one that examines them.
func (m *member) newTargetRoles() {
	account := *awscdk.Aws_ACCOUNT_ID()
	intake := arn("s3", "", "", m.set.intake(account, "*"))
	objects := func(sid, action, keys string) grant {
		return grant{
			sid: sid, actions: []string{action}, on: []string{intake + "/" + keys}, when: ownBuckets(),
			why: "Keys hold run, batch, host and digest, made at run time; the bucket's region is that of the hosts.",
		}
	}
	m.newTarget("FinderRole", m.set.finder(), "Assumed by diffy's trigger to find the group of a host",
		[]string{"trigger"}, []grant{describeInstances(), describeManaged()})
	m.newTarget("TargetRole", m.set.target(), "Assumed by diffy to examine the hosts of this account",
		[]string{"resolve", "collect", "poll", "extract"}, append(sendCommands(m.set, account),
			describeInstances(), describeManaged(), followCommands(), cancelCommands(),
			objects("WriteBundle", "s3:PutObject", "artifacts/bundles/*"),
			objects("SignUploads", "s3:PutObject", "intake/*"),
			objects("SignDownloads", "s3:GetObject", "artifacts/*"),
			objects("ReadUploads", "s3:GetObject", "intake/*"),
			grant{
				sid: "TellMissingUploads", actions: []string{"s3:ListBucket"}, on: []string{intake}, when: ownBuckets(),
				why: "The bucket's region is that of the hosts.",
			},
		))
}

// newTarget makes a role that exactly these functions of the hub may assume. They
// are named by a condition: a role named as the principal itself would be lost,
// without a word, when the hub is deployed anew.
func (m *member) newTarget(id, name, does string, functions []string, grants []grant) {
	var callers []string
	for _, f := range functions {
		callers = append(callers, arn("iam", "", *m.hub.ValueAsString(), "role/"+m.set.role(f)))
	}
	role := newRole(m.stack, id, name, does, awsiam.NewAccountPrincipal(m.hub.ValueAsString()).WithConditions(&map[string]any{
		"ArnEquals": map[string]any{"aws:PrincipalArn": strs(callers...)},
		"StringEquals": map[string]any{
			"sts:ExternalId":     m.external.ValueAsString(),
			"aws:PrincipalOrgID": awscdk.Fn_ConditionIf(m.hasOrg.LogicalId(), m.org.ValueAsString(), awscdk.Aws_NO_VALUE()),
		},
	}), grants)
	role.Node().DefaultChild().(awsiam.CfnRole).CfnOptions().SetCondition(m.makesRoles)
}
