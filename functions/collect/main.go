// Command collect is the Lambda function of the state Collect:
// it sends osquery's queries to a batch of hosts.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"strings"
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
	osquery, err4 := pipeline.OsqueryFrom(os.Getenv)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		log.Error("cannot start", "error", err.Error())
		os.Exit(1)
	}
	cloud.Serve(pipeline.Collect{
		Commands: aws.Commands, Documents: aws.Commands, Presigner: aws.Presigner, Pack: queries,
		Osquery: osquery, Now: time.Now, ID: func() string { return strings.ToLower(rand.Text()[:8]) }, Log: log,
	}.Handle)
}
