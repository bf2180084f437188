// Command fail is the Lambda function of the state Fail, and of the rule that
// sees executions end badly.
package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"diffy/pkg/cloud"
	"diffy/pkg/pipeline"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	cfg, err1 := cloud.FromEnv(os.Getenv)
	aws, err2 := cloud.New(context.Background(), cfg)
	if err := errors.Join(err1, err2); err != nil {
		log.Error("cannot start", "error", err.Error())
		os.Exit(1)
	}
	cloud.Serve(pipeline.Fail{
		Runs: aws.Table, Locks: aws.Table, Publisher: aws.Topic, Execution: cfg.ExecutionAddress,
		Now: time.Now, Log: log,
	}.Handle)
}
