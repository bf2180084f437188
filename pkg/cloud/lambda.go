package cloud

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"

	"diffy/pkg/pipeline"
)

// Serve runs a handler of the pipeline as a Lambda function. It does not return.
func Serve[In, Out any](handle func(context.Context, In) (Out, error)) {
	lambda.Start(Handler(handle))
}

// Handler makes a Lambda handler whose errors have the names that the state
// machine matches: left alone, the runtime takes the Go type of the outermost
// error, and whatever was wrapped would match nothing. Unlike those of
// lambda.NewHandler it may be invoked by several goroutines at once, as tests do:
// theirs return bytes that the next call writes over.
func Handler[In, Out any](handle func(context.Context, In) (Out, error)) lambda.Handler {
	return handler(func(ctx context.Context, payload []byte) ([]byte, error) {
		var in In
		if err := json.Unmarshal(payload, &in); err != nil {
			return nil, edge(fmt.Errorf("read input: %w", err))
		}
		out, err := handle(ctx, in)
		if err != nil {
			return nil, edge(err)
		}
		data, err := json.Marshal(out)
		if err != nil {
			return nil, edge(fmt.Errorf("write output: %w", err))
		}
		return data, nil
	})
}

type handler func(ctx context.Context, payload []byte) ([]byte, error)

// Invoke implements lambda.Handler.
func (h handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) { return h(ctx, payload) }

// edge names an error. It is returned by value: the runtime would take a pointer
// for one more type of its own.
func edge(err error) error {
	return messages.InvokeResponse_Error{Type: string(pipeline.CodeOf(err)), Message: err.Error()}
}
