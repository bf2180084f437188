package cloud

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"diffy/pkg/pipeline"
)

// unfinished are the statuses of commands that still wait or run.
var unfinished = []types.CommandStatus{types.CommandStatusPending, types.CommandStatusInProgress}

// Unfinished returns the commands that run on hosts of a place for a run, which
// began at that time. They are known by their comment: the ids are in the states of
// branches, which a stopped execution does not give back.
func (c *Commands) Unfinished(ctx context.Context, p pipeline.Place, run string, began time.Time) ([]string, error) {
	pages := ssm.NewListCommandsPaginator(c.clients.at(p), &ssm.ListCommandsInput{
		MaxResults: aws.Int32(mostHosts),
		Filters: []types.CommandFilter{
			{Key: types.CommandFilterKeyDocumentName, Value: &c.document},
			{Key: types.CommandFilterKeyInvokedAfter, Value: aws.String(began.UTC().Format("2006-01-02T15:04:05Z"))},
		},
	})
	var ids []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, failed(err, "list commands in %s/%s", p.Account, p.Region)
		}
		for _, command := range page.Commands {
			if slices.Contains(unfinished, command.Status) && strings.HasPrefix(aws.ToString(command.Comment), pipeline.CommentOf(run)) {
				ids = append(ids, aws.ToString(command.CommandId))
			}
		}
	}
	return ids, nil
}

// Steps calls functions of the state machine by themselves.
type Steps struct {
	client  *lambda.Client
	analyze string // ARN of the function
}

// stepsOf names the functions as the stack does: all names of a deployment begin
// alike.
func stepsOf(c awsConfig, cfg Config) *Steps {
	arn := strings.Replace(strings.Replace(cfg.StateMachine, ":states:", ":lambda:", 1), ":stateMachine:", ":function:", 1)
	return &Steps{client: lambda.NewFromConfig(c), analyze: strings.TrimSuffix(arn, "-triage") + "-analyze"}
}

// Analyze has the function analyze what a run has collected.
func (s *Steps) Analyze(ctx context.Context, in pipeline.RunIn) (out pipeline.AnalyzeOut, err error) {
	payload, err := json.Marshal(in)
	if err != nil {
		return out, err
	}
	answer, err := s.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &s.analyze, Payload: payload})
	if err != nil {
		return out, failed(err, "call function %s", s.analyze)
	}
	if answer.FunctionError != nil {
		var told struct {
			Message string `json:"errorMessage"`
		}
		if err := json.Unmarshal(answer.Payload, &told); err != nil || told.Message == "" {
			told.Message = aws.ToString(answer.FunctionError)
		}
		return out, fmt.Errorf("analyze run %s: %s", in.Run, told.Message)
	}
	if err := json.Unmarshal(answer.Payload, &out); err != nil {
		return out, fmt.Errorf("read what %s answers: %w", s.analyze, err)
	}
	return out, nil
}
