// Command resolve is the Lambda function of the state Resolve:
// from a request to hosts and batches.
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

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	cfg, err1 := cloud.FromEnv(os.Getenv)
	aws, err2 := cloud.New(context.Background(), cfg)
	queries, err3 := pack.Load()
	if err := errors.Join(err1, err2, err3); err != nil {
		log.Error("cannot start", "error", err.Error())
		os.Exit(1)
	}
	cloud.Serve(pipeline.Resolve{
		Fleet: aws.Fleet, Objects: aws.Objects, Runs: aws.Table, Storm: aws.Table, Pack: queries,
		Home: pipeline.Place{Account: cfg.Account, Region: cfg.Region}, Now: time.Now, Log: log,
	}.Handle)
}
