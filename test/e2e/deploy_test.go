package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"diffy/collect"
	"diffy/pkg/pipeline"
)

// deploy makes what the stack makes, as far as the handlers see it.
func (w *world) deploy() {
	w.Helper()
	w.deployStores()
	w.deployTable()
	w.deployTopics()
	w.deployDocument()
	w.deployMachine()
	w.serve(w.deployIntake())
}

// deployIntake makes the bucket that hosts write to, with a release of osquery in
// it, and returns the release's digest.
func (w *world) deployIntake() string {
	w.Helper()
	w.bucket(w.cfg.Intake, false)
	packed, err := release()
	w.must(err)
	_, err = w.s3().PutObject(w.Context(), &s3.PutObjectInput{
		Bucket: &w.cfg.Intake, Key: aws.String(pipeline.OsqueryKey(hash(packed))), Body: bytes.NewReader(packed),
	})
	w.must(err)
	return hash(packed)
}

func (w *world) bucket(name string, lock bool) {
	w.Helper()
	_, err := w.s3().CreateBucket(w.Context(), &s3.CreateBucketInput{
		Bucket:                     &name,
		CreateBucketConfiguration:  &s3types.CreateBucketConfiguration{LocationConstraint: region},
		ObjectLockEnabledForBucket: &lock,
	})
	w.must(err)
}

func (w *world) deployStores() {
	w.Helper()
	w.bucket(w.cfg.Work, false)
	w.bucket(w.cfg.Evidence, true)
	_, err := w.s3().PutObjectLockConfiguration(w.Context(), &s3.PutObjectLockConfigurationInput{
		Bucket: &w.cfg.Evidence,
		ObjectLockConfiguration: &s3types.ObjectLockConfiguration{
			ObjectLockEnabled: s3types.ObjectLockEnabledEnabled,
			Rule: &s3types.ObjectLockRule{DefaultRetention: &s3types.DefaultRetention{
				Mode: s3types.ObjectLockRetentionModeGovernance, Days: aws.Int32(90),
			}},
		},
	})
	w.must(err)
}

func (w *world) deployTable() {
	w.Helper()
	text := func(name string) dbtypes.AttributeDefinition {
		return dbtypes.AttributeDefinition{AttributeName: &name, AttributeType: dbtypes.ScalarAttributeTypeS}
	}
	keys := func(hash, sort string) []dbtypes.KeySchemaElement {
		return []dbtypes.KeySchemaElement{
			{AttributeName: &hash, KeyType: dbtypes.KeyTypeHash}, {AttributeName: &sort, KeyType: dbtypes.KeyTypeRange},
		}
	}
	_, err := dynamodb.NewFromConfig(w.sdk).CreateTable(w.Context(), &dynamodb.CreateTableInput{
		TableName: &w.cfg.Table, BillingMode: dbtypes.BillingModePayPerRequest, KeySchema: keys("pk", "sk"),
		AttributeDefinitions: []dbtypes.AttributeDefinition{text("pk"), text("sk"), text("kind"), text("started")},
		GlobalSecondaryIndexes: []dbtypes.GlobalSecondaryIndex{{
			IndexName: aws.String("runs"), KeySchema: keys("kind", "started"),
			Projection: &dbtypes.Projection{ProjectionType: dbtypes.ProjectionTypeAll},
		}},
	})
	w.must(err)
}

// deployTopics makes the topics and a queue that hears all results.
func (w *world) deployTopics() {
	w.Helper()
	for _, name := range []string{"diffy-results", "diffy-chat"} {
		_, err := sns.NewFromConfig(w.sdk).CreateTopic(w.Context(), &sns.CreateTopicInput{Name: &name})
		w.must(err)
	}
	w.queue = w.subscribe(w.cfg.Topic, "subscriber", nil)
}

// subscribe lets a new queue hear a topic, as far as a filter policy lets it, and
// returns the queue's URL.
func (w *world) subscribe(topic, name string, attributes map[string]string) string {
	w.Helper()
	queue, err := sqs.NewFromConfig(w.sdk).CreateQueue(w.Context(), &sqs.CreateQueueInput{QueueName: &name})
	w.must(err)
	_, err = sns.NewFromConfig(w.sdk).Subscribe(w.Context(), &sns.SubscribeInput{
		TopicArn: &topic, Protocol: aws.String("sqs"), Attributes: attributes,
		Endpoint: aws.String("arn:aws:sqs:" + region + ":" + account + ":" + name),
	})
	w.must(err)
	return *queue.QueueUrl
}

func (w *world) deployDocument() {
	w.Helper()
	_, err := ssm.NewFromConfig(w.sdk).CreateDocument(w.Context(), &ssm.CreateDocumentInput{
		Name: &w.cfg.Document, Content: aws.String(string(collect.Document())),
		DocumentType: ssmtypes.DocumentTypeCommand, DocumentFormat: ssmtypes.DocumentFormatJson,
	})
	w.must(err)
}

// replaceDocument makes another content the document's default version, as
// somebody with the permission might.
func (w *world) replaceDocument(content string) {
	w.Helper()
	client := ssm.NewFromConfig(w.sdk)
	out, err := client.UpdateDocument(w.Context(), &ssm.UpdateDocumentInput{
		Name: &w.cfg.Document, Content: &content, DocumentVersion: aws.String("$LATEST"), DocumentFormat: ssmtypes.DocumentFormatJson,
	})
	w.must(err)
	_, err = client.UpdateDocumentDefaultVersion(w.Context(), &ssm.UpdateDocumentDefaultVersionInput{
		Name: &w.cfg.Document, DocumentVersion: out.DocumentDescription.DocumentVersion,
	})
	w.must(err)
}

// document is the document as moto keeps it.
func (w *world) document() (document, error) {
	client := ssm.NewFromConfig(w.sdk)
	described, err := client.DescribeDocument(w.Context(), &ssm.DescribeDocumentInput{Name: &w.cfg.Document})
	if err != nil {
		return document{}, err
	}
	content, err := client.GetDocument(w.Context(), &ssm.GetDocumentInput{Name: &w.cfg.Document})
	if err != nil {
		return document{}, err
	}
	d := document{Name: w.cfg.Document, Version: *described.Document.DefaultVersion, Hash: *described.Document.Hash}
	return d, json.Unmarshal([]byte(*content.Content), &d.Content)
}

// deployMachine makes the state machine of the file that is deployed, with its
// names filled in.
func (w *world) deployMachine() {
	w.Helper()
	definition, err := os.ReadFile(filepath.Join(root, "statemachine/triage.asl.json"))
	w.must(err)
	folders, err := os.ReadDir(filepath.Join(root, "functions"))
	w.must(err)
	names := []string{"${workBucket}", w.cfg.Work}
	for _, f := range folders {
		names = append(names, "${"+f.Name()+"}", functionARN(f.Name()))
	}
	machine, err := sfn.NewFromConfig(w.sdk).CreateStateMachine(w.Context(), &sfn.CreateStateMachineInput{
		Name: aws.String("diffy-triage"), Definition: aws.String(strings.NewReplacer(names...).Replace(string(definition))),
		RoleArn: aws.String("arn:aws:iam::" + account + ":role/diffy-triage"),
	})
	w.must(err)
	w.machine = *machine.StateMachineArn
}

// scale makes an auto scaling group of a new launch template have so many
// instances, and returns their ids in order. Instances that run stay.
func (w *world) scale(group string, size int) []string {
	w.Helper()
	client, number := autoscaling.NewFromConfig(w.sdk), aws.Int32(int32(size))
	if len(w.members(group)) == 0 {
		template, err := ec2.NewFromConfig(w.sdk).CreateLaunchTemplate(w.Context(), &ec2.CreateLaunchTemplateInput{
			LaunchTemplateName: &group,
			LaunchTemplateData: &ec2types.RequestLaunchTemplateData{ImageId: aws.String("ami-0c9f1d2e3b4a59687"), InstanceType: ec2types.InstanceTypeT3Micro},
		})
		w.must(err)
		_, err = client.CreateAutoScalingGroup(w.Context(), &autoscaling.CreateAutoScalingGroupInput{
			AutoScalingGroupName: &group, MinSize: aws.Int32(0), MaxSize: aws.Int32(1000), DesiredCapacity: number,
			AvailabilityZones: []string{region + "a"},
			LaunchTemplate:    &astypes.LaunchTemplateSpecification{LaunchTemplateId: template.LaunchTemplate.LaunchTemplateId, Version: aws.String("1")},
		})
		w.must(err)
		return w.members(group)
	}
	_, err := client.SetDesiredCapacity(w.Context(), &autoscaling.SetDesiredCapacityInput{AutoScalingGroupName: &group, DesiredCapacity: number})
	w.must(err)
	return w.members(group)
}

// retire terminates instances of a group and lets it shrink.
func (w *world) retire(ids []string) {
	w.Helper()
	for _, id := range ids {
		_, err := autoscaling.NewFromConfig(w.sdk).TerminateInstanceInAutoScalingGroup(w.Context(),
			&autoscaling.TerminateInstanceInAutoScalingGroupInput{InstanceId: &id, ShouldDecrementDesiredCapacity: aws.Bool(true)})
		w.must(err)
	}
}

// halt stops an instance.
func (w *world) halt(id string) {
	w.Helper()
	_, err := ec2.NewFromConfig(w.sdk).StopInstances(w.Context(), &ec2.StopInstancesInput{InstanceIds: []string{id}})
	w.must(err)
}

// sample reads one of the sample inputs that come with the project.
func (w *world) sample(name string) []byte {
	w.Helper()
	data, err := os.ReadFile(filepath.Join(root, "events", name))
	w.must(err)
	return data
}

func (w *world) members(group string) []string {
	w.Helper()
	out, err := autoscaling.NewFromConfig(w.sdk).DescribeAutoScalingGroups(w.Context(),
		&autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{group}})
	w.must(err)
	var ids []string
	for _, g := range out.AutoScalingGroups {
		for _, i := range g.Instances {
			ids = append(ids, *i.InstanceId)
		}
	}
	slices.Sort(ids)
	return ids
}
