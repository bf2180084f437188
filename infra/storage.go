package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
)

// newBuckets makes the three kinds of bucket of a run, and the one that keeps the
// log of who read them.
func (h *hub) newBuckets() {
	h.newAccessLog()
	h.intake = newIntake(h.stack, h.set, &awss3.BucketProps{
		Encryption:             awss3.BucketEncryption_KMS,
		EncryptionKey:          h.key,
		BucketKeyEnabled:       yes,
		ServerAccessLogsBucket: h.accessLog,
		ServerAccessLogsPrefix: str("intake/"),
	})
	h.newEvidence()
	h.work = awss3.NewBucket(h.stack, str("Work"), h.guarded("work", &awss3.BucketProps{
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Id:                                  str("expire"),
			Expiration:                          days(h.set.EvidenceDays),
			AbortIncompleteMultipartUploadAfter: days(1),
		}},
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY, // made again from the evidence
	}))
	named(h.work, "WorkBucket")
	named(h.work.Policy(), "WorkBucketPolicy")
	denyHosts(h.work)
}

// guarded fills in what both stores have in common.
func (h *hub) guarded(log string, props *awss3.BucketProps) *awss3.BucketProps {
	props.BlockPublicAccess = awss3.BlockPublicAccess_BLOCK_ALL()
	props.ObjectOwnership = awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED
	props.EnforceSSL = yes
	props.MinimumTLSVersion = tls12
	props.Encryption = awss3.BucketEncryption_KMS
	props.EncryptionKey = h.key
	props.BucketKeyEnabled = yes
	props.ServerAccessLogsBucket = h.accessLog
	props.ServerAccessLogsPrefix = str(log + "/")
	return props
}

// newAccessLog makes the bucket for the access logs of the others. S3 delivers
// them under its own key only.
func (h *hub) newAccessLog() {
	h.accessLog = awss3.NewBucket(h.stack, str("AccessLog"), &awss3.BucketProps{
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		ObjectOwnership:   awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		EnforceSSL:        yes,
		MinimumTLSVersion: tls12,
		Encryption:        awss3.BucketEncryption_S3_MANAGED,
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Id:                                  str("expire"),
			Expiration:                          days(h.set.EvidenceDays),
			AbortIncompleteMultipartUploadAfter: days(1),
		}},
		RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
	})
	named(h.accessLog, "AccessLogBucket")
	named(h.accessLog.Policy(), "AccessLogBucketPolicy")
	keepPolicy(h.accessLog)
	suppress(h.accessLog, "AwsSolutions-S1", "This is where access is logged; a log of its own would never end.")
}

// newEvidence makes the store that is written once: every object is locked from
// its first second, and the policy says who may write and who may lift the lock.
func (h *hub) newEvidence() {
	retention := awss3.ObjectLockRetention_Governance(days(h.set.LockDays))
	if h.set.LockMode == "COMPLIANCE" {
		retention = awss3.ObjectLockRetention_Compliance(days(h.set.LockDays))
		sayLoudly(h.stack, "compliance", "lockMode COMPLIANCE: nobody, the account's owner and AWS included, can delete "+
			"evidence or shorten its lock before it ends. Wrongly stored personal data stays as well.")
	}
	h.evidence = awss3.NewBucket(h.stack, str("Evidence"), h.guarded("evidence", &awss3.BucketProps{
		Versioned:                  yes,
		ObjectLockEnabled:          yes,
		ObjectLockDefaultRetention: retention,
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Id:                                  str("expire"),
			Expiration:                          days(h.set.EvidenceDays),
			NoncurrentVersionExpiration:         days(1), // not before its lock ends
			AbortIncompleteMultipartUploadAfter: days(1),
		}},
		RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
	}))
	named(h.evidence, "EvidenceBucket")
	named(h.evidence.Policy(), "EvidenceBucketPolicy")

	objects, bucket := *h.evidence.ArnForObjects(str("*")), *h.evidence.BucketArn()
	glass := roleArn(h.set.breakGlass())
	denyOthers(h.evidence, "OnlyTheseWrite", []string{"s3:PutObject", "s3:ReplicateObject"}, objects,
		roleArn(h.set.role("resolve")), roleArn(h.set.role("extract")), roleArn(h.set.role("analyze")))
	deny(h.evidence, "OnlyOnce", []string{"s3:PutObject"}, objects, map[string]any{"Null": map[string]any{"s3:if-none-match": "true"}})
	denyOthers(h.evidence, "OnlyBreakGlassRemovesOrUnlocks", []string{
		"s3:BypassGovernanceRetention", "s3:PutObjectRetention", "s3:PutObjectLegalHold", "s3:DeleteObject", "s3:DeleteObjectVersion",
	}, objects, glass)
	denyOthers(h.evidence, "OnlyBreakGlassChangesTheLock",
		[]string{"s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning", "s3:DeleteBucket"}, bucket, glass)
	denyOthers(h.evidence, "OnlyDeploymentChangesHowItIsKept", []string{
		"s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:PutBucketPublicAccessBlock", "s3:PutBucketOwnershipControls",
		"s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration", "s3:PutReplicationConfiguration", "s3:PutBucketLogging",
	}, bucket, glass, h.set.deployRole())
	denyHosts(h.evidence)
	keepPolicy(h.evidence)
}

// keepPolicy keeps the policy of a bucket that stays when the stack goes: without it
// whoever may delete objects could.
func keepPolicy(bucket awss3.Bucket) {
	bucket.Policy().ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN)
}

// denyOthers denies the actions to everybody but these roles.
func denyOthers(bucket awss3.Bucket, sid string, actions []string, on string, except ...string) {
	deny(bucket, sid, actions, on, map[string]any{"ArnNotLike": map[string]any{"aws:PrincipalArn": strs(except...)}})
}

// denyHosts keeps out whoever signs with the credentials of an instance, however
// much its profile may do: the store is read by people, not from the machines that
// it is evidence of. Presigned requests are signed by a function.
func denyHosts(bucket awss3.Bucket) {
	deny(bucket, "NoInstanceTouchesThis", []string{"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject"},
		*bucket.ArnForObjects(str("*")), map[string]any{"Null": map[string]any{"ec2:SourceInstanceARN": "false"}})
}

func deny(bucket awss3.Bucket, sid string, actions []string, on string, when map[string]any) {
	bucket.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        str(sid),
		Effect:     awsiam.Effect_DENY,
		Principals: &[]awsiam.IPrincipal{awsiam.NewAnyPrincipal()},
		Actions:    strs(actions...),
		Resources:  strs(on),
		Conditions: &when,
	}))
}

// newTable makes the one table: baselines, runs, locks and what people decided.
func (h *hub) newTable() {
	text := func(name string) *awsdynamodb.Attribute {
		return &awsdynamodb.Attribute{Name: str(name), Type: awsdynamodb.AttributeType_STRING}
	}
	h.table = awsdynamodb.NewTable(h.stack, str("Table"), &awsdynamodb.TableProps{
		PartitionKey:        text("pk"),
		SortKey:             text("sk"),
		BillingMode:         awsdynamodb.BillingMode_PAY_PER_REQUEST,
		Encryption:          awsdynamodb.TableEncryption_CUSTOMER_MANAGED,
		EncryptionKey:       h.key,
		TimeToLiveAttribute: str("ttl"),
		DeletionProtection:  yes,
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
			PointInTimeRecoveryEnabled: yes,
		},
		RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
	})
	named(h.table, "Table")
	h.table.AddGlobalSecondaryIndex(&awsdynamodb.GlobalSecondaryIndexProps{
		IndexName:    str("runs"),
		PartitionKey: text("kind"),
		SortKey:      text("started"),
	})
}
