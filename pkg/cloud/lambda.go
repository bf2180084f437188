package cloud

import (
	"context"

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
// error, and whatever was wrapped would match nothing.
func Handler[In, Out any](handle func(context.Context, In) (Out, error)) lambda.Handler {
	return lambda.NewHandler(func(ctx context.Context, in In) (Out, error) {
		out, err := handle(ctx, in)
		if err != nil {
			// By value: the runtime takes a pointer for one more unknown type.
			return out, messages.InvokeResponse_Error{Type: string(pipeline.CodeOf(err)), Message: err.Error()}
		}
		return out, nil
	})
}
