package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
)

// formMilliseconds is how old the signature of a form or of a download may be:
// ten minutes, the life that collect gives them.
const formMilliseconds = 600_000

// uploadsFilter names what S3 counts of the bucket: uploads, not artifacts.
const uploadsFilter = "uploads"

// pinnedReleases are the releases of osquery that hosts may be told to run.
const pinnedReleases = "artifacts/osquery/*"

// newIntake makes the bucket that hosts of one region write to. Hub and members
// have one each: a gateway endpoint reaches the buckets of its own region only.
// Its name follows from account and region, so that a run finds it without asking.
// Forms are signed by, and uploads read by, the functions, or the role that they
// assume; nobody else touches uploads.
func newIntake(stack awscdk.Stack, set settings, props *awss3.BucketProps, assumed ...string) awss3.Bucket {
	props.BucketName = str(set.intake(*awscdk.Aws_ACCOUNT_ID(), *awscdk.Aws_REGION()))
	props.BlockPublicAccess = awss3.BlockPublicAccess_BLOCK_ALL()
	props.ObjectOwnership = awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED
	props.EnforceSSL = yes
	props.MinimumTLSVersion = tls12
	props.LifecycleRules = &[]*awss3.LifecycleRule{{
		Id:                                  str("uploads"),
		Prefix:                              str("intake/"),
		Expiration:                          days(1), // extract has copied them within minutes
		AbortIncompleteMultipartUploadAfter: days(1),
	}}
	props.Metrics = &[]*awss3.BucketMetrics{{Id: str(uploadsFilter), Prefix: str("intake/")}}
	props.RemovalPolicy = awscdk.RemovalPolicy_DESTROY
	bucket := awss3.NewBucket(stack, str("Intake"), props)
	named(bucket, "IntakeBucket")
	named(bucket.Policy(), "IntakeBucketPolicy")
	uploads := *bucket.ArnForObjects(str("intake/*"))
	denyOthers(bucket, "OnlyFormsUpload", []string{"s3:PutObject"}, uploads, append([]string{roleArn(set.role("collect"))}, assumed...)...)
	denyOthers(bucket, "OnlyExtractReads", []string{"s3:GetObject"}, uploads, append([]string{roleArn(set.role("extract"))}, assumed...)...)
	denyOthers(bucket, "OnlyResolveWritesBundles", []string{"s3:PutObject"}, *bucket.ArnForObjects(str("artifacts/bundles/*")),
		append([]string{roleArn(set.role("resolve"))}, assumed...)...)
	deny(bucket, "NoOldSignature", []string{"s3:GetObject", "s3:PutObject"}, *bucket.ArnForObjects(str("*")),
		map[string]any{"NumericGreaterThan": map[string]any{"s3:signatureAge": formMilliseconds}})
	denyHosts(bucket)
	return bucket
}

// intakeObjects allows one thing on a part of the intake buckets of this account,
// which has one in each region.
func (h *hub) intakeObjects(sid, action, keys string) grant {
	return grant{
		sid: sid, actions: []string{action}, on: []string{h.intakeArns() + "/" + keys},
		when: ownBuckets(),
		why:  "Keys hold run, batch, host and digest, made at run time; the bucket's region is that of the hosts.",
	}
}

// listIntake is tellMissing for uploads.
func (h *hub) listIntake() grant {
	return grant{
		sid: "TellMissingUploads", actions: []string{"s3:ListBucket"}, on: []string{h.intakeArns()},
		when: ownBuckets(), why: "The bucket's region is that of the hosts.",
	}
}

func (h *hub) intakeArns() string {
	return arn("s3", "", "", h.set.intake(*awscdk.Aws_ACCOUNT_ID(), "*"))
}

// ownBuckets holds a bucket's name that is not known whole to the own account:
// bucket names are the whole world's, and somebody else may have taken one.
func ownBuckets() map[string]any {
	return map[string]any{"StringEquals": map[string]any{"s3:ResourceAccount": awscdk.Aws_ACCOUNT_ID()}}
}
