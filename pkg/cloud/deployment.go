package cloud

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
)

// What may be wrong with where a deployment is looked for.
var (
	// ErrNoDeployment: there is no such stack, or it is none of diffy's.
	ErrNoDeployment = errors.New("diffy is not deployed there")
	// ErrNoRegion: nobody has said which region is meant.
	ErrNoRegion = errors.New("no region is set")
)

// outputs says which output of the stack is which variable of FromEnv.
var outputs = map[string]string{
	"IntakeBucketName":   "DIFFY_INTAKE_BUCKET",
	"EvidenceBucketName": "DIFFY_EVIDENCE_BUCKET",
	"WorkBucketName":     "DIFFY_WORK_BUCKET",
	"TableName":          "DIFFY_TABLE",
	"ResultsTopicArn":    "DIFFY_TOPIC_ARN",
	"ChatTopicArn":       "DIFFY_CHAT_TOPIC_ARN",
	"StateMachineArn":    "DIFFY_STATE_MACHINE_ARN",
	"DocumentName":       "DIFFY_DOCUMENT",
	"TargetRoleName":     "DIFFY_TARGET_ROLE",
	"ExternalId":         "DIFFY_EXTERNAL_ID",
	"GroupTag":           "DIFFY_GROUP_TAG",
}

// Deployment reads what was deployed from the outputs of the stack. Without a
// region it is the one that the SDK finds. ErrNoDeployment when there is no such
// stack or its outputs are not diffy's.
func Deployment(ctx context.Context, stack, region string) (Config, error) {
	own, err := config.LoadDefaultConfig(ctx, config.WithRegion(region))
	if err != nil {
		return Config{}, fmt.Errorf("load configuration of the SDK: %w", err)
	}
	if own.Region == "" {
		return Config{}, fmt.Errorf("find stack %s: %w", stack, ErrNoRegion)
	}
	out, err := cloudformation.NewFromConfig(own).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &stack})
	switch {
	case code(err) == "ValidationError" && strings.Contains(err.Error(), "does not exist"):
		return Config{}, fmt.Errorf("find stack %s in %s: %w", stack, own.Region, ErrNoDeployment)
	case err != nil:
		return Config{}, failed(err, "find stack %s in %s", stack, own.Region)
	}
	names := map[string]string{}
	for _, s := range out.Stacks {
		for _, o := range s.Outputs {
			names[outputs[aws.ToString(o.OutputKey)]] = aws.ToString(o.OutputValue)
		}
	}
	cfg, err := FromEnv(func(name string) string { return names[name] })
	if err != nil {
		return Config{}, fmt.Errorf("read the outputs of stack %s in %s: %w: %w", stack, own.Region, ErrNoDeployment, err)
	}
	return cfg, nil
}

// Denied reports whether the caller may not do what failed.
func Denied(err error) bool {
	switch code(err) {
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "Forbidden":
		return true
	}
	return false
}

// Unknown reports whether AWS does not know who the caller is: no credentials, or
// such that have run out.
func Unknown(err error) bool {
	switch code(err) {
	case "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException", "RequestExpired", "InvalidAccessKeyId":
		return true
	}
	return err != nil && strings.Contains(err.Error(), "get credentials")
}
