package cloud

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"diffy/pkg/pipeline"
)

// Machine starts, follows and stops executions of the state machine.
type Machine struct {
	client *sfn.Client
	arn    string
}

// Start implements pipeline.Executions.
func (m *Machine) Start(ctx context.Context, name string, input []byte) error {
	text := string(input)
	_, err := m.client.StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: &m.arn, Name: &name, Input: &text})
	var taken *types.ExecutionAlreadyExists
	switch {
	case errors.As(err, &taken):
		return fmt.Errorf("start run %s: %w", name, pipeline.ErrExists)
	case err != nil:
		return failed(err, "start run %s", name)
	}
	return nil
}

// execution is the ARN of the execution that is called like the run.
func (m *Machine) execution(run string) *string {
	arn := strings.Replace(m.arn, ":stateMachine:", ":execution:", 1) + ":" + run
	return &arn
}

// Execution is how far the execution of a run is.
type Execution struct {
	Status         string // in the words of Step Functions: RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED, PENDING_REDRIVE
	Error, Cause   string // of one that did not succeed
	Started, Ended time.Time
}

// Over reports whether nothing more will happen in it.
func (e Execution) Over() bool { return e.Status != "RUNNING" && e.Status != "PENDING_REDRIVE" }

// Describe returns how far a run is. ErrNotFound when there is no execution of it,
// or none any more: they are kept for 90 days.
func (m *Machine) Describe(ctx context.Context, run string) (Execution, error) {
	out, err := m.client.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: m.execution(run)})
	var none *types.ExecutionDoesNotExist
	switch {
	case errors.As(err, &none):
		return Execution{}, fmt.Errorf("find run %s: %w", run, pipeline.ErrNotFound)
	case err != nil:
		return Execution{}, failed(err, "ask how far run %s is", run)
	}
	return Execution{
		Status: string(out.Status), Error: aws.ToString(out.Error), Cause: aws.ToString(out.Cause),
		Started: aws.ToTime(out.StartDate).UTC(), Ended: aws.ToTime(out.StopDate).UTC(),
	}, nil
}

// Stop ends an execution, and says why in what it leaves.
func (m *Machine) Stop(ctx context.Context, run, name, cause string) error {
	_, err := m.client.StopExecution(ctx, &sfn.StopExecutionInput{ExecutionArn: m.execution(run), Error: &name, Cause: &cause})
	if err != nil {
		return failed(err, "stop run %s", run)
	}
	return nil
}
