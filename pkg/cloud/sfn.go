package cloud

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"diffy/pkg/pipeline"
)

// Machine starts executions of the state machine.
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
