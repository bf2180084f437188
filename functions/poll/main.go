// Command poll is the Lambda function of the state Poll:
// it looks how far the hosts of a batch are.
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
	cloud.Serve(pipeline.Poll{Commands: aws.Commands, Now: time.Now, Log: log}.Handle)
}
