package cloud

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/smithy-go"
	"golang.org/x/sync/errgroup"

	"diffy/pkg/pipeline"
)

// Check is one thing that a run needs, and how it stands.
type Check struct {
	Area  string     `json:"area"`
	What  string     `json:"what"`
	State CheckState `json:"state"`
	Says  string     `json:"says,omitempty"`
	Fix   string     `json:"fix,omitempty"` // what to do about it
}

// CheckState is how a check came out.
type CheckState string

// The states of a check.
const (
	CheckOK      CheckState = "ok"
	CheckFails   CheckState = "fails"   // a run would fail, or see less
	CheckWarns   CheckState = "warns"   // a run goes on, and somebody should know
	CheckUnknown CheckState = "unknown" // it could not be looked at
)

// area makes the checks of one part of the whole.
type area string

func (a area) ok(what, says string) Check { return Check{string(a), what, CheckOK, says, ""} }

func (a area) fails(what, says, fix string) Check {
	return Check{string(a), what, CheckFails, says, fix}
}

func (a area) warns(what, says, fix string) Check {
	return Check{string(a), what, CheckWarns, says, fix}
}

func (a area) unknown(what, says, fix string) Check {
	return Check{string(a), what, CheckUnknown, says, fix}
}

// of makes the check of a call that should have gone well. What the caller alone
// is denied is no fault of the deployment.
func (a area) of(what string, err error, fix string) Check {
	switch {
	case err == nil:
		return a.ok(what, "")
	case Denied(err):
		return a.unknown(what, "you may not look: "+answer(err), "attach the managed policy DiffyReader to yourself")
	}
	return a.fails(what, answer(err), fix)
}

// answer is what a service has said, without the words around it.
func answer(err error) string {
	var silent *smithy.OperationError
	switch {
	case code(err) != "":
		return code(err)
	case errors.As(err, &silent):
		return silent.Service() + " does not answer"
	}
	return err.Error()
}

// Doctor looks, before a run does, whether all is there that one needs. It
// changes nothing and sends nothing to a host.
type Doctor struct {
	cfg    Config
	cloud  *Cloud
	caller callers
	may    simulator
	table  *dynamodb.Client
	runs   *sfn.Client
	topics *sns.Client
	lambda *lambda.Client
}

// NewDoctor makes the doctor of a deployment. It calls nobody.
func NewDoctor(ctx context.Context, cfg Config) (*Doctor, error) {
	c, err := New(ctx, cfg)
	if err != nil {
		return nil, err
	}
	own := c.Fleet.places.own
	return &Doctor{
		cfg: cfg, cloud: c,
		caller: c.Caller.client,
		may:    iam.NewFromConfig(own),
		table:  c.Table.client,
		runs:   c.Machine.client,
		topics: c.Topic.client,
		lambda: lambda.NewFromConfig(own),
	}, nil
}

// checksAtOnce keeps IAM and the others from throttling.
const checksAtOnce = 4

// Examine looks at the deployment, at the places where hosts are, the own one
// always, and at what the caller and the functions may do.
func (d *Doctor) Examine(ctx context.Context, places []pipeline.Place) []Check {
	own := pipeline.Place{Account: d.cfg.Account, Region: d.cfg.Region}
	places = append([]pipeline.Place{own}, slices.DeleteFunc(slices.Clone(places), func(p pipeline.Place) bool { return p == own })...)
	key, table := d.records(ctx)
	parts := []func(context.Context) []Check{
		func(context.Context) []Check { return []Check{table} },
		d.buckets, d.machine, d.topic, d.concurrency,
	}
	for _, p := range places {
		parts = append(parts, func(ctx context.Context) []Check { return d.place(ctx, p, own) })
	}
	names := namesOf(d.cfg, key)
	parts = append(parts, func(ctx context.Context) []Check { return d.people(ctx, names) })
	parts = append(parts, func(ctx context.Context) []Check { return d.functions(ctx, names) })
	return gather(ctx, parts)
}

// gather makes checks some at a time and keeps their order.
func gather(ctx context.Context, parts []func(context.Context) []Check) []Check {
	found := make([][]Check, len(parts))
	var g errgroup.Group
	g.SetLimit(checksAtOnce)
	for i, part := range parts {
		g.Go(func() error {
			found[i] = part(ctx)
			return nil
		})
	}
	_ = g.Wait() // a check that cannot be made says so itself
	return slices.Concat(found...)
}

const deployment = area("deployment")

const deployAgain = "make deploy puts it back"

// records asks the table as a run does, and learns the key it is kept under.
func (d *Doctor) records(ctx context.Context) (key string, c Check) {
	what := "table " + d.cfg.Table
	_, err := d.cloud.Table.LoadRun(ctx, "doctor")
	if errors.Is(err, pipeline.ErrNotFound) {
		err = nil // there is no such run, and the table said so
	}
	out, describing := d.table.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &d.cfg.Table})
	if describing == nil && out.Table.SSEDescription != nil {
		key = aws.ToString(out.Table.SSEDescription.KMSMasterKeyArn)
	}
	return key, deployment.of(what, err, deployAgain)
}

// buckets reads what is not there: the answer tells the bucket, the permission
// and the key's absence apart.
func (d *Doctor) buckets(ctx context.Context) []Check {
	var out []Check
	for _, b := range []struct {
		kind pipeline.Bucket
		name string
	}{{pipeline.Evidence, d.cfg.Evidence}, {pipeline.Work, d.cfg.Work}} {
		_, err := d.cloud.Objects.Get(ctx, pipeline.Object{Bucket: b.kind, Key: "runs/doctor/none"}, 1)
		if errors.Is(err, pipeline.ErrNotFound) {
			err = nil
		}
		out = append(out, deployment.of(string(b.kind)+" bucket "+b.name, err, deployAgain))
	}
	return out
}

func (d *Doctor) machine(ctx context.Context) []Check {
	_, err := d.runs.DescribeStateMachine(ctx, &sfn.DescribeStateMachineInput{StateMachineArn: &d.cfg.StateMachine})
	return []Check{deployment.of("state machine "+last(d.cfg.StateMachine), err, deployAgain)}
}

// topic counts who is told.
func (d *Doctor) topic(ctx context.Context) []Check {
	what := "topic " + last(d.cfg.Topic)
	out, err := d.topics.ListSubscriptionsByTopic(ctx, &sns.ListSubscriptionsByTopicInput{TopicArn: &d.cfg.Topic})
	if err != nil {
		return []Check{deployment.of(what, err, deployAgain)}
	}
	told, asked := 0, 0
	for _, s := range out.Subscriptions {
		if aws.ToString(s.SubscriptionArn) == "PendingConfirmation" {
			asked++
			continue
		}
		told++
	}
	switch {
	case told == 0 && asked == 0:
		return []Check{deployment.warns(what, "nobody is told how runs end",
			"set email or slackSecret in infra/context.json and deploy, or aws sns subscribe --topic-arn "+d.cfg.Topic)}
	case told == 0:
		return []Check{deployment.warns(what, "no subscriber has confirmed yet", "follow the link in the e-mail of AWS Notifications")}
	}
	return []Check{deployment.ok(what, plural(told, "subscriber"))}
}

func (d *Doctor) concurrency(ctx context.Context) []Check {
	const quotas = area("quotas")
	what := "concurrent Lambda executions in " + d.cfg.Region
	out, err := d.lambda.GetAccountSettings(ctx, &lambda.GetAccountSettingsInput{})
	if err != nil || out.AccountLimit == nil {
		return []Check{quotas.unknown(what, "the account does not say", "aws lambda get-account-settings")}
	}
	free := int(aws.ToInt32(out.AccountLimit.UnreservedConcurrentExecutions))
	says := fmt.Sprintf("%d, %d of them reserved by nobody", out.AccountLimit.ConcurrentExecutions, free)
	if wanted := (pipeline.Batching{}).AtOnce(); free < wanted {
		return []Check{quotas.warns(what, says+fmt.Sprintf("; a large run wants %d and will wait for its turn", wanted),
			"ask for more: aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000")}
	}
	return []Check{quotas.ok(what, says)}
}
