// Command trigger is the Lambda function of the rule that sees GuardDuty's findings:
// it starts runs.
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
	perHour, err3 := pipeline.PerHourFrom(os.Getenv)
	if err := errors.Join(err1, err2, err3); err != nil {
		log.Error("cannot start", "error", err.Error())
		os.Exit(1)
	}
	cloud.Serve(pipeline.Trigger{
		Fleet: aws.Finder, Storm: aws.Table, Runs: aws.Table, Executions: aws.Machine, Publisher: aws.Topic,
		PerHour: perHour, Now: time.Now, Log: log,
	}.Handle)
}
