package main

import (
	"slices"
	"strings"
	"testing"

	"diffy/infra/template"
)

// denied returns the Deny statement with that sid of a bucket's policy.
func denied(t *testing.T, in *template.Template, policy, sid string) template.Permission {
	t.Helper()
	for _, p := range the(t, in, policy).Statements(policy, "PolicyDocument") {
		if p.Sid == sid {
			if p.Effect != "Deny" {
				t.Errorf("%s %s: %s, want Deny", policy, sid, p.Effect)
			}
			return p
		}
	}
	t.Fatalf("%s has no statement %s", policy, sid)
	return template.Permission{}
}

// except is the condition of a statement that binds everybody but these roles.
func except(roles ...string) []string {
	for i, role := range roles {
		if !strings.HasPrefix(role, "arn:") {
			roles[i] = "arn:aws:iam::<account>:role/" + role
		}
	}
	return []string{"ArnNotLike aws:PrincipalArn " + strings.Join(roles, " | ")}
}

const execRole = "arn:aws:iam::<account>:role/cdk-hnb659fds-cfn-exec-role-<account>-<region>"

func TestEveryBucketIsShut(t *testing.T) {
	a := made(t, byDefault)
	for _, in := range []*template.Template{a.hub, a.member} {
		for _, id := range in.Of("AWS::S3::Bucket") {
			p := in.Resources[id].Properties
			same(t, id+" public access", map[string]any{
				"BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true,
			}, at(p, "PublicAccessBlockConfiguration"))
			same(t, id+" ownership", "BucketOwnerEnforced", at(p, "OwnershipControls", "Rules", 0, "ObjectOwnership"))
			if at(p, "LifecycleConfiguration", "Rules", 0, "AbortIncompleteMultipartUpload", "DaysAfterInitiation") != 1.0 {
				t.Errorf("%s keeps what was half uploaded", id)
			}
			tls := []string{}
			for _, s := range the(t, in, id+"Policy").Statements(id, "PolicyDocument") {
				if s.Effect == "Deny" && slices.Equal(s.Actions, []string{"s3:*"}) {
					tls = append(tls, s.When...)
				}
			}
			same(t, id+" refuses", []string{"Bool aws:SecureTransport false", "NumericLessThan s3:TlsVersion 1.2"}, tls)
		}
	}
}

func TestStoresUseTheKeyAndAreLogged(t *testing.T) {
	hub := made(t, byDefault).hub
	for _, id := range []string{"IntakeBucket", "EvidenceBucket", "WorkBucket"} {
		p := the(t, hub, id).Properties
		same(t, id+" encryption", map[string]any{"KMSMasterKeyID": "<Key.Arn>", "SSEAlgorithm": "aws:kms"},
			at(p, "BucketEncryption", "ServerSideEncryptionConfiguration", 0, "ServerSideEncryptionByDefault"))
		same(t, id+" access log", "<AccessLogBucket>", at(p, "LoggingConfiguration", "DestinationBucketName"))
	}
	for _, in := range []*template.Template{hub, made(t, byDefault).member} {
		for _, policy := range []string{"IntakeBucketPolicy", "EvidenceBucketPolicy", "WorkBucketPolicy"} {
			if _, ok := in.Resources[policy]; !ok && in != hub && policy != "IntakeBucketPolicy" {
				continue
			}
			same(t, policy+" instances", []string{"Null ec2:SourceInstanceARN false"}, denied(t, in, policy, "NoInstanceTouchesThis").When)
		}
	}
}

func TestEvidenceIsLocked(t *testing.T) {
	hub := made(t, byDefault).hub
	evidence := the(t, hub, "EvidenceBucket")
	same(t, "lock", map[string]any{"ObjectLockEnabled": "Enabled", "Rule": map[string]any{
		"DefaultRetention": map[string]any{"Mode": "GOVERNANCE", "Days": 90.0},
	}}, at(evidence.Properties, "ObjectLockConfiguration"))
	same(t, "lock is on", true, at(evidence.Properties, "ObjectLockEnabled"))
	same(t, "versions", "Enabled", at(evidence.Properties, "VersioningConfiguration", "Status"))
	same(t, "expiry", 365.0, at(evidence.Properties, "LifecycleConfiguration", "Rules", 0, "ExpirationInDays"))

	for sid, want := range map[string]template.Permission{
		"OnlyOnce":       {Actions: []string{"s3:PutObject"}, When: []string{"Null s3:if-none-match true"}},
		"OnlyTheseWrite": {Actions: []string{"s3:PutObject", "s3:ReplicateObject"}, When: except("diffy-resolve", "diffy-extract", "diffy-analyze")},
		"OnlyBreakGlassRemovesOrUnlocks": {Actions: []string{
			"s3:BypassGovernanceRetention", "s3:PutObjectRetention", "s3:PutObjectLegalHold", "s3:DeleteObject", "s3:DeleteObjectVersion",
		}, When: except("DiffyBreakGlass")},
		"OnlyBreakGlassChangesTheLock": {
			Actions: []string{"s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning", "s3:DeleteBucket"}, When: except("DiffyBreakGlass"),
		},
		"OnlyDeploymentChangesHowItIsKept": {Actions: []string{
			"s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:PutBucketPublicAccessBlock", "s3:PutBucketOwnershipControls",
			"s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration", "s3:PutReplicationConfiguration", "s3:PutBucketLogging",
		}, When: except("DiffyBreakGlass", execRole)},
	} {
		got := denied(t, hub, "EvidenceBucketPolicy", sid)
		same(t, sid+" actions", want.Actions, got.Actions)
		same(t, sid+" except", want.When, got.When)
	}
}

func TestComplianceIsAChoice(t *testing.T) {
	hub := made(t, chosen).hub
	same(t, "lock", map[string]any{"Mode": "COMPLIANCE", "Days": 30.0},
		at(the(t, hub, "EvidenceBucket").Properties, "ObjectLockConfiguration", "Rule", "DefaultRetention"))
	same(t, "who may change the policy", except("AcmeBreakGlass", "arn:aws:iam::999988887777:role/Deploy"),
		denied(t, hub, "EvidenceBucketPolicy", "OnlyDeploymentChangesHowItIsKept").When)
}

func TestIntakeIsForADay(t *testing.T) {
	a := made(t, byDefault)
	for _, c := range []struct {
		in      *template.Template
		assumed []string
	}{{a.hub, nil}, {a.member, []string{"DiffyTarget"}}} {
		in := c.in
		p := the(t, in, "IntakeBucket").Properties
		same(t, "name", "diffy-intake-<account>-<region>", p["BucketName"])
		same(t, "what expires", "intake/", at(p, "LifecycleConfiguration", "Rules", 0, "Prefix"))
		same(t, "after days", 1.0, at(p, "LifecycleConfiguration", "Rules", 0, "ExpirationInDays"))
		if n := len(template.List(at(p, "LifecycleConfiguration", "Rules"))); n != 1 {
			t.Errorf("%d lifecycle rules, want 1: artifacts do not expire", n)
		}
		same(t, "counted", []any{map[string]any{"Id": "uploads", "Prefix": "intake/"}}, p["MetricsConfigurations"])

		upload := denied(t, in, "IntakeBucketPolicy", "OnlyFormsUpload")
		same(t, "uploads go to", []string{"<IntakeBucket.Arn>/intake/*"}, upload.Resources)
		same(t, "uploads are signed by", except(append([]string{"diffy-collect"}, c.assumed...)...), upload.When)
		same(t, "uploads are read by", except(append([]string{"diffy-extract"}, c.assumed...)...), denied(t, in, "IntakeBucketPolicy", "OnlyExtractReads").When)
		bundles := denied(t, in, "IntakeBucketPolicy", "OnlyResolveWritesBundles")
		same(t, "bundles are in", []string{"<IntakeBucket.Arn>/artifacts/bundles/*"}, bundles.Resources)
		same(t, "bundles are written by", except(append([]string{"diffy-resolve"}, c.assumed...)...), bundles.When)
		same(t, "signatures last", []string{"NumericGreaterThan s3:signatureAge 600000"}, denied(t, in, "IntakeBucketPolicy", "NoOldSignature").When)
	}
}

func TestKey(t *testing.T) {
	hub := made(t, byDefault).hub
	same(t, "rotates", true, the(t, hub, "Key").Properties["EnableKeyRotation"])
	statements := map[string]template.Permission{}
	for _, s := range the(t, hub, "Key").Statements("", "KeyPolicy") {
		statements[s.Sid] = s
	}
	services := map[string]string{}
	for _, s := range template.List(at(the(t, hub, "Key").Properties, "KeyPolicy", "Statement")) {
		if service, ok := at(s, "Principal", "Service").(string); ok {
			services[at(s, "Sid").(string)] = service
		}
	}
	same(t, "services", map[string]string{
		"EventsToQueues": "events.amazonaws.com", "AlarmsToTopics": "cloudwatch.amazonaws.com",
		"TopicsToQueues": "sns.amazonaws.com", "Logs": "logs.<region>.amazonaws.com",
	}, services)
	same(t, "conditions", map[string][]string{
		"EventsToQueues": nil, // EventBridge names no source
		"AlarmsToTopics": {"ArnLike aws:SourceArn arn:aws:cloudwatch:<region>:<account>:alarm:*", "StringEquals aws:SourceAccount <account>"},
		"TopicsToQueues": {"StringEquals aws:SourceAccount <account>"},
		"Logs":           {"ArnLike kms:EncryptionContext:aws:logs:arn arn:aws:logs:<region>:<account>:log-group:*"},
	}, map[string][]string{
		"EventsToQueues": statements["EventsToQueues"].When, "AlarmsToTopics": statements["AlarmsToTopics"].When,
		"TopicsToQueues": statements["TopicsToQueues"].When, "Logs": statements["Logs"].When,
	})
	for sid := range services {
		for _, action := range []string{"kms:Decrypt", "kms:GenerateDataKey"} {
			if !slices.Contains(statements[sid].Actions, action) {
				t.Errorf("%s may not %s", sid, action)
			}
		}
	}
	disable, change := statements["OnlyBreakGlassDisables"], statements["OnlyDeploymentChangesThisPolicy"]
	same(t, "effects", []string{"Deny", "Deny"}, []string{disable.Effect, change.Effect})
	same(t, "disabling", []string{"kms:DisableKey", "kms:ScheduleKeyDeletion", "kms:DisableKeyRotation"}, disable.Actions)
	same(t, "who disables", except("DiffyBreakGlass"), disable.When)
	same(t, "changing", []string{"kms:PutKeyPolicy"}, change.Actions)
	same(t, "who changes", except("DiffyBreakGlass", execRole), change.When)
}

func TestTable(t *testing.T) {
	p := the(t, made(t, byDefault).hub, "Table").Properties
	same(t, "key", []any{
		map[string]any{"AttributeName": "pk", "KeyType": "HASH"}, map[string]any{"AttributeName": "sk", "KeyType": "RANGE"},
	}, p["KeySchema"])
	same(t, "index", "runs", at(p, "GlobalSecondaryIndexes", 0, "IndexName"))
	same(t, "index key", []any{
		map[string]any{"AttributeName": "kind", "KeyType": "HASH"}, map[string]any{"AttributeName": "started", "KeyType": "RANGE"},
	}, at(p, "GlobalSecondaryIndexes", 0, "KeySchema"))
	same(t, "recovery", true, at(p, "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"))
	same(t, "deletion protection", true, p["DeletionProtectionEnabled"])
	same(t, "ttl", map[string]any{"AttributeName": "ttl", "Enabled": true}, p["TimeToLiveSpecification"])
	same(t, "encryption", map[string]any{"KMSMasterKeyId": "<Key.Arn>", "SSEEnabled": true, "SSEType": "KMS"}, p["SSESpecification"])
}

func TestWhatIsKeptOnRemoval(t *testing.T) {
	hub := made(t, byDefault).hub
	kept := []string{"AccessLogBucket", "AccessLogBucketPolicy", "EvidenceBucket", "EvidenceBucketPolicy", "Key", "Table"}
	for _, id := range kept {
		r := the(t, hub, id)
		same(t, id, []string{"Retain", "Retain"}, []string{r.DeletionPolicy, r.UpdateReplacePolicy})
	}
	var retained []string
	for id, r := range hub.Resources {
		if r.DeletionPolicy == "Retain" {
			retained = append(retained, id)
		}
	}
	slices.Sort(retained)
	same(t, "nothing else stays", kept, retained)
}
