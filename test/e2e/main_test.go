// Package e2e proves the AWS side on one machine: moto executes the state machine
// file, which calls the project's own handlers; the real SDK talks to moto's S3,
// DynamoDB, SNS, EC2 and Step Functions; a stand-in for SSM runs the real host
// script on recorded hosts.
//
// In go recorded fleets of testdata; out comes out/e2e/<case>/ with everything a
// run left behind, and assertions on it. Nothing here reaches beyond loopback.
// CASE=name runs one case.
package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// cloudFront is the one address that every client, and moto itself, talks to. It
// serves all tests of the package; each starts with an empty moto.
var cloudFront *front

// root is the top of the project, absolute.
var root string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if root, err = filepath.Abs("../.."); err != nil {
		return broken(err)
	}
	python, err := setup()
	if err != nil {
		return broken(err)
	}
	f, stop, err := start(python)
	if err != nil {
		return broken(err)
	}
	defer stop()
	cloudFront = f
	return m.Run()
}

func broken(err error) int {
	fmt.Fprintln(os.Stderr, "e2e: cannot start:", err)
	return 1
}
