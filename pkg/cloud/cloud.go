// Package cloud is the AWS side of the pipeline's ports.
//
// In go the names of what was deployed; out come adapters: S3 for objects and
// presigned requests, DynamoDB for baselines, runs, locks and suppressions, EC2
// and SSM for hosts and commands, Step Functions and SNS. Hosts of other accounts
// are reached through an assumed role, everything else with the function's own.
// The package decides nothing about a run, logs nothing, and no error of it holds
// the parameters of a command, a presigned request or rows.
package cloud

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"diffy/pkg/pipeline"
)

// Cloud is every port of the pipeline on AWS. It may be used by several
// goroutines and kept between invocations.
type Cloud struct {
	Objects   *Objects
	Artifacts *Objects // the intake buckets as people reach them, who assume no role
	Presigner *Presigner
	Fleet     *Fleet
	Finder    *Fleet // the same, without asking SSM which hosts it can reach: it stands a storm of findings
	Commands  *Commands
	Table     *Table
	Machine   *Machine
	Steps     *Steps
	Topic     *Topic
	Caller    *Caller
}

var (
	_ pipeline.Objects      = (*Objects)(nil)
	_ pipeline.Presigner    = (*Presigner)(nil)
	_ pipeline.Fleet        = (*Fleet)(nil)
	_ pipeline.Commands     = (*Commands)(nil)
	_ pipeline.Documents    = (*Commands)(nil)
	_ pipeline.Baselines    = (*Table)(nil)
	_ pipeline.Suppressions = (*Table)(nil)
	_ pipeline.Runs         = (*Table)(nil)
	_ pipeline.Storm        = (*Table)(nil)
	_ pipeline.Executions   = (*Machine)(nil)
	_ pipeline.Publisher    = (*Topic)(nil)
)

// New makes the adapters. Credentials and the endpoint come from where the SDK
// looks for them. It calls nobody.
func New(ctx context.Context, cfg Config) (*Cloud, error) {
	own, err := config.LoadDefaultConfig(ctx, config.WithRegion(cfg.Region))
	if err != nil {
		return nil, fmt.Errorf("load configuration of the SDK: %w", err)
	}
	at := &places{cfg: cfg, own: own}
	buckets := &buckets{cfg: cfg, clients: newClients(at, newS3)}
	objects := &Objects{buckets}
	hosts := newClients(at, func(c awsConfig) *ssm.Client { return ssm.NewFromConfig(c) })
	fleet := &Fleet{
		places:   at,
		ec2:      newClients(at, newEC2),
		managed:  managed{hosts},
		groupTag: cfg.GroupTag,
	}
	finder := *fleet
	finder.nameOnly = true
	return &Cloud{
		Objects:   objects,
		Artifacts: &Objects{byPeople(cfg, own)},
		Presigner: &Presigner{buckets},
		Fleet:     fleet,
		Finder:    &finder,
		Commands:  &Commands{document: cfg.Document, clients: hosts, managed: managed{hosts}},
		Table:     &Table{client: dynamodb.NewFromConfig(own), name: cfg.Table, objects: objects},
		Machine:   &Machine{client: sfn.NewFromConfig(own), arn: cfg.StateMachine},
		Steps:     stepsOf(own, cfg),
		Topic:     &Topic{client: sns.NewFromConfig(own), arn: cfg.Topic, chat: cfg.ChatTopic},
		Caller:    &Caller{sts.NewFromConfig(own)},
	}, nil
}

// byPeople is the buckets for people: those of other accounts let them in by their
// own policy, as the role there is for functions.
func byPeople(cfg Config, own awsConfig) *buckets {
	return &buckets{cfg: cfg, clients: newClients(&places{cfg: cfg, own: own, myself: true}, newS3)}
}

func newS3(c awsConfig) *s3.Client {
	return s3.NewFromConfig(c, func(o *s3.Options) { o.DisableLogOutputChecksumValidationSkipped = true })
}
