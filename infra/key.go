package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
)

// useKey is what encrypting and decrypting through a service takes.
var useKey = []string{
	"kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey",
	"kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo",
}

// newKey makes the one customer key, for everything at rest. CDK writes only the
// account's own statement into a key policy; each service that encrypts on its own
// account needs one by hand, or what it delivers is lost without a word.
func (h *hub) newKey() {
	h.key = awskms.NewKey(h.stack, str("Key"), &awskms.KeyProps{
		Description:       str("diffy: evidence, results, baselines, messages and logs"),
		EnableKeyRotation: yes,
		PendingWindow:     days(30),
		RemovalPolicy:     awscdk.RemovalPolicy_RETAIN,
	})
	named(h.key, "Key")
	alias := awskms.NewAlias(h.stack, str("KeyAlias"), &awskms.AliasProps{AliasName: str("alias/" + h.set.Name), TargetKey: h.key})
	named(alias, "KeyAlias")

	account := map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Aws_ACCOUNT_ID()}}
	// EventBridge names neither account nor rule when it uses the key of an encrypted
	// queue, and would lose what it delivers; the policy of the queue names the rule.
	h.allowService("EventsToQueues", "events", []string{"kms:Decrypt", "kms:GenerateDataKey"}, nil)
	h.allowService("AlarmsToTopics", "cloudwatch", []string{"kms:Decrypt", "kms:GenerateDataKey"}, map[string]any{
		"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Aws_ACCOUNT_ID()},
		"ArnLike":      map[string]any{"aws:SourceArn": here("cloudwatch", "alarm:*")},
	})
	h.allowService("TopicsToQueues", "sns", []string{"kms:Decrypt", "kms:GenerateDataKey"}, account)
	h.allowService("Logs", "logs", []string{"kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"},
		map[string]any{"ArnLike": map[string]any{"kms:EncryptionContext:aws:logs:arn": here("logs", "log-group:*")}})

	h.denyKey("OnlyBreakGlassDisables", []string{"kms:DisableKey", "kms:ScheduleKeyDeletion", "kms:DisableKeyRotation"},
		roleArn(h.set.breakGlass()))
	h.denyKey("OnlyDeploymentChangesThisPolicy", []string{"kms:PutKeyPolicy"}, roleArn(h.set.breakGlass()), h.set.deployRole())
}

func (h *hub) allowService(sid, service string, actions []string, when map[string]any) {
	name := service + ".amazonaws.com"
	if service == "logs" {
		name = "logs." + *awscdk.Aws_REGION() + ".amazonaws.com" // the one service with a principal a region
	}
	props := &awsiam.PolicyStatementProps{
		Sid:        str(sid),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(str(name), nil)},
		Actions:    strs(actions...),
		Resources:  strs("*"), // in a key policy: this key
	}
	if when != nil {
		props.Conditions = &when
	}
	h.key.AddToResourcePolicy(awsiam.NewPolicyStatement(props), nil)
}

// denyKey denies the actions to everybody but these roles.
func (h *hub) denyKey(sid string, actions []string, except ...string) {
	h.key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        str(sid),
		Effect:     awsiam.Effect_DENY,
		Principals: &[]awsiam.IPrincipal{awsiam.NewAnyPrincipal()},
		Actions:    strs(actions...),
		Resources:  strs("*"),
		Conditions: &map[string]any{"ArnNotLike": map[string]any{"aws:PrincipalArn": strs(except...)}},
	}), nil)
}
