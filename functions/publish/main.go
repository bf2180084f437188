// Command publish is the Lambda function of the state Publish:
// it tells how a run ended.
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
	cloud.Serve(pipeline.Publish{
		Objects: aws.Objects, Runs: aws.Table, Locks: aws.Table, Publisher: aws.Topic, Report: cfg.ReportAddress,
		Now: time.Now, Log: log,
	}.Handle)
}
