package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
)

// functions is Lambda: it invokes the project's handlers in this process.
type functions struct {
	handlers map[string]lambda.Handler               // by the name of the folder under functions/
	before   func(name string, payload []byte) error // what goes wrong with a call

	mu    sync.Mutex
	calls []call
}

// call is one invocation: what went in and what came out.
type call struct {
	Function string
	In, Out  []byte
	Error    *messages.InvokeResponse_Error
}

// functionARN names a function as the state machine does.
func functionARN(name string) string {
	return "arn:aws:lambda:" + region + ":" + account + ":function:diffy-" + name
}

// What before returns to have Lambda answer that there are too many calls, and to
// have a function end in the middle of its work, as one does that has used up its
// memory or its time.
var (
	errThrottle = errors.New("too many requests")
	errDied     = errors.New("signal: killed")
)

// invoke serves the Invoke operation. An error of the function is an answer with
// status 200 and a header; a throttled call is an error of the service.
func (f *functions) invoke(w http.ResponseWriter, r *http.Request) {
	name, payload, err := invocation(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-RequestId", "e2e") // moto needs one to tell an error of the service
	trouble := f.before(name, payload)
	if errors.Is(trouble, errThrottle) {
		w.Header().Set("X-Amzn-ErrorType", "TooManyRequestsException")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, `{"message":"Rate Exceeded."}`) // to moto, which waits for it
		return
	}
	var out []byte
	var failure *messages.InvokeResponse_Error
	if errors.Is(trouble, errDied) {
		failure = &messages.InvokeResponse_Error{Type: "Runtime.ExitError", Message: "RequestId: e2e Error: Runtime exited with error: signal: killed"}
	} else {
		out, failure = f.call(r.Context(), name, payload)
	}
	f.mu.Lock()
	f.calls = append(f.calls, call{Function: name, In: payload, Out: out, Error: failure})
	f.mu.Unlock()
	if failure != nil {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		out, _ = json.Marshal(failure) // strings always encode
	}
	_, _ = w.Write(out)
}

// times is how often a function has been called and has answered.
func (f *functions) times(name string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		if c.Function == name {
			n++
		}
	}
	return n
}

func invocation(r *http.Request) (name string, payload []byte, err error) {
	path := strings.TrimPrefix(r.URL.EscapedPath(), functionsPath)
	arn, err := url.PathUnescape(strings.TrimSuffix(path, "/invocations"))
	if err != nil {
		return "", nil, err
	}
	name, ok := strings.CutPrefix(arn, functionARN(""))
	if !ok {
		return "", nil, fmt.Errorf("no function of ours: %s", arn)
	}
	payload, err = io.ReadAll(r.Body)
	return name, payload, err
}

func (f *functions) call(ctx context.Context, name string, payload []byte) (out []byte, failure *messages.InvokeResponse_Error) {
	defer func() {
		if r := recover(); r != nil {
			out, failure = nil, &messages.InvokeResponse_Error{Type: "panic", Message: fmt.Sprint(r)}
		}
	}()
	handler := f.handlers[name]
	if handler == nil {
		return nil, &messages.InvokeResponse_Error{Type: "ResourceNotFoundException", Message: "no function " + name}
	}
	out, err := handler.Invoke(ctx, payload)
	if err != nil {
		return nil, named(err)
	}
	return out, nil
}

// named names an error as the runtime of aws-lambda-go does: one of its own by
// value as it is, any other by the type of its outermost value.
func named(err error) *messages.InvokeResponse_Error {
	if own, ok := err.(messages.InvokeResponse_Error); ok { // the runtime does not unwrap either
		return &own
	}
	t := reflect.TypeOf(err)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return &messages.InvokeResponse_Error{Type: t.Name(), Message: err.Error()}
}
