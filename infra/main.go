// Package main is diffy's infrastructure: a CDK app of two stacks.
//
// In go the choices of settings.go (context, each with a default that works),
// the state machine's file, the folders under dist/ and the host's document; out
// comes a cloud assembly with the hub ("Diffy") and a plain template for other
// accounts and regions ("DiffyMember"). The same input gives the same bytes. It
// needs node on the PATH and neither an account nor the network, and it never
// deploys anything: the CDK's command does, from the assembly as it was read.
//
// Choices that last belong in infra/context.json; CDK_CONTEXT_JSON overrides them.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"diffy/collect"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

func main() {
	err := run()
	jsii.Close()
	if err != nil {
		fmt.Fprintln(os.Stderr, "infra:", err)
		os.Exit(1)
	}
}

func run() error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	chosen, err := readContext(filepath.Join(root, "infra", "context.json"))
	if err != nil {
		return err
	}
	src, err := readSources(root, filepath.Join(root, "dist"))
	if err != nil {
		return err
	}
	app, err := newApp("", chosen, src)
	if err != nil {
		return err
	}
	return synthesize(app)
}

// synthesize writes the assembly. What the CDK refuses it says on stderr, and
// panics.
func synthesize(app awscdk.App) (err error) {
	defer func() {
		if refused := recover(); refused != nil {
			err = fmt.Errorf("synthesise: %v", refused)
		}
	}()
	app.Synth(nil)
	return nil
}

// moduleRoot is the folder with go.mod, here or above: the app runs from the
// project's root and, when the CDK's command starts it, from infra/.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("find go.mod: run this inside the project")
		}
		dir = filepath.Dir(dir)
	}
}

// sources is what the templates are made from besides the settings.
type sources struct {
	dist       string         // folder with one folder a function, each with its bootstrap
	definition string         // statemachine/triage.asl.json as it stands
	document   map[string]any // the SSM document
}

func readSources(root, dist string) (sources, error) {
	definition, err := os.ReadFile(filepath.Join(root, "statemachine", "triage.asl.json"))
	if err != nil {
		return sources{}, err
	}
	if _, err := os.Stat(dist); err != nil {
		return sources{}, fmt.Errorf("find the built functions: %w (make build makes them)", err)
	}
	var document map[string]any
	if err := json.Unmarshal(collect.Document(), &document); err != nil {
		return sources{}, fmt.Errorf("read the host's document: %w", err)
	}
	return sources{dist: dist, definition: string(definition), document: document}, nil
}
