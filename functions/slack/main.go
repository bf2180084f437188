// Command slack is the Lambda function that hears the results topic:
// it shows in a channel how runs ended.
package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"diffy/pkg/cloud"
	"diffy/pkg/pipeline"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	cfg, err1 := cloud.FromEnv(os.Getenv)
	aws, err2 := cloud.New(context.Background(), cfg)
	secret, err3 := cloud.ReadSlackSecret(context.Background(), cfg.Region, os.Getenv("DIFFY_SLACK_SECRET"))
	if err := errors.Join(err1, err2, err3); err != nil {
		log.Error("cannot start", "error", err.Error())
		os.Exit(1)
	}
	cloud.Serve(pipeline.Slack{
		Threads: aws.Table, Channel: cloud.NewSlack(secret), Owner: request,
		Wait: cloud.Wait, Now: time.Now, Log: log,
	}.Handle)
}

// request is the id of a call. Lambda keeps it when it calls once more for the
// same event.
func request(ctx context.Context) string {
	if c, ok := lambdacontext.FromContext(ctx); ok {
		return c.AwsRequestID
	}
	return "unknown"
}
