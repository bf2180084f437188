package cloud

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/google/go-cmp/cmp"

	"diffy/pkg/pipeline"
)

func TestHandlerNamesErrors(t *testing.T) {
	tests := []struct {
		name    string
		err     error
		payload string
		want    messages.InvokeResponse_Error
	}{
		{
			"throttled, wrapped twice", fmt.Errorf("send: %w", fmt.Errorf("ask: %w", pipeline.ErrThrottled)), "{}",
			messages.InvokeResponse_Error{Type: "Throttled", Message: "send: ask: throttled"},
		},
		{
			"any other", errors.New("it broke"), "{}",
			messages.InvokeResponse_Error{Type: "Internal", Message: "it broke"},
		},
		{
			"input that is none", nil, "[",
			messages.InvokeResponse_Error{Type: "Internal", Message: "read input: unexpected end of JSON input"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := Handler(func(context.Context, pipeline.RunIn) (pipeline.RunIn, error) { return pipeline.RunIn{}, test.err })
			_, err := h.Invoke(t.Context(), []byte(test.payload))
			// The very type, by value: the runtime does not unwrap.
			if diff := cmp.Diff(error(test.want), err); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

// Answers of one handler that is invoked by several at once stay apart.
func TestHandlerAtOnce(t *testing.T) {
	h := Handler(func(_ context.Context, in pipeline.RunIn) (pipeline.RunIn, error) { return in, nil })
	var callers sync.WaitGroup
	for i := range 50 {
		callers.Go(func() {
			payload := `{"run":"` + strconv.Itoa(i) + `"}`
			out, err := h.Invoke(t.Context(), []byte(payload))
			if err != nil || string(out) != payload {
				t.Errorf("Invoke with %s: %s, %v", payload, out, err)
			}
		})
	}
	callers.Wait()
}
