package cloud

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"

	"diffy/pkg/pipeline"
)

// failed says what failed, and whether it is worth another try: then it is
// pipeline.ErrThrottled too.
func failed(err error, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	if throttled(err) {
		return fmt.Errorf("%s: %w: %w", what, pipeline.ErrThrottled, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// failedQuietly is failed for calls that carry secrets: services repeat what they
// did not like, so that only the name of the error is kept.
func failedQuietly(err error, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	switch {
	case throttled(err):
		return fmt.Errorf("%s: %w", what, pipeline.ErrThrottled)
	case code(err) != "":
		return fmt.Errorf("%s: %s", what, code(err))
	}
	return fmt.Errorf("%s: %w", what, err)
}

func throttled(err error) bool {
	return retry.IsErrorThrottles(retry.DefaultThrottles).IsErrorThrottle(err).Bool()
}

// code returns the name that the service gave its error, or "".
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
