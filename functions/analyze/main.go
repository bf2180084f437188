// Command analyze is the Lambda function of the state Analyze:
// from facts to the result, or to a baseline.
package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"diffy/pkg/cloud"
	"diffy/pkg/pack"
	"diffy/pkg/pipeline"
)

// version is set when the function is built.
var version = "dev"

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	cfg, err1 := cloud.FromEnv(os.Getenv)
	aws, err2 := cloud.New(context.Background(), cfg)
	queries, err3 := pack.Load()
	if err := errors.Join(err1, err2, err3); err != nil {
		log.Error("cannot start", "error", err.Error())
		os.Exit(1)
	}
	cloud.Serve(pipeline.Analyze{
		Objects: aws.Objects, Baselines: aws.Table, Suppressions: aws.Table, Runs: aws.Table, Storm: aws.Table,
		Pack: queries, Version: version, Now: time.Now, Log: log,
	}.Handle)
}
