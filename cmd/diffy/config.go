package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"diffy/pkg/cloud"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/spf13/cobra"
)

// settings is diffy.yaml. Every key is optional, and overrides lists what in the
// environment takes the place of one.
type settings struct {
	// Deployment is where diffy runs in AWS.
	Deployment struct {
		Stack  string `yaml:"stack"`  // of CloudFormation; its outputs name everything else
		Region string `yaml:"region"` // of the stack; default: as everywhere, AWS_REGION or the profile's
	} `yaml:"deployment"`

	// Target is where hosts are when --account and --region do not say.
	Target struct {
		Account string `yaml:"account"` // an id, or a name of Inventory
		Region  string `yaml:"region"`
	} `yaml:"target"`

	// Payload is the pack of queries when --pack does not say.
	Payload string `yaml:"payload"`

	// Collection is how hosts are reached when --collection does not say: "ssm",
	// "local" (this machine) or "exec".
	Collection string `yaml:"collection"`

	// Exec is the program that collects.
	Exec struct {
		Command []string `yaml:"command"`
		Timeout string   `yaml:"timeout"` // for one host; as Go writes durations
	} `yaml:"exec"`

	// Persistence is where baselines, suppressions and runs are kept: "aws" or "file".
	Persistence string `yaml:"persistence"`

	// Analysis is the methods of analyze when --method does not say.
	Analysis []string `yaml:"analysis"`

	// Inventory gives names to accounts.
	Inventory inventory `yaml:"inventory"`

	file string     // it was read from
	body ast.Node   // of the file; nil: none, or an empty one
	from []override // what took the place of keys
}

// override is a variable of the environment that takes the place of a key.
type override struct {
	name, key string
	set       func(*settings, string)
}

var overrides = []override{
	{"DIFFY_STACK", "deployment.stack", func(s *settings, v string) { s.Deployment.Stack = v }},
	{"DIFFY_REGION", "deployment.region", func(s *settings, v string) { s.Deployment.Region = v }},
	{"DIFFY_TARGET_ACCOUNT", "target.account", func(s *settings, v string) { s.Target.Account = v }},
	{"DIFFY_TARGET_REGION", "target.region", func(s *settings, v string) { s.Target.Region = v }},
	{"DIFFY_PAYLOAD", "payload", func(s *settings, v string) { s.Payload = v }},
	{"DIFFY_COLLECTION", "collection", func(s *settings, v string) { s.Collection = v }},
	{"DIFFY_EXEC_COMMAND", "exec.command", func(s *settings, v string) { s.Exec.Command = strings.Fields(v) }},
	{"DIFFY_EXEC_TIMEOUT", "exec.timeout", func(s *settings, v string) { s.Exec.Timeout = v }},
	{"DIFFY_PERSISTENCE", "persistence", func(s *settings, v string) { s.Persistence = v }},
	{"DIFFY_ANALYSIS", "analysis", func(s *settings, v string) { s.Analysis = strings.Split(v, ",") }},
	{"DIFFY_INVENTORY", "inventory", func(s *settings, v string) { s.Inventory = inventory{file: v} }},
}

// Where things are kept.
const (
	inAWS   = "aws"
	inFiles = "file"
)

// defaultStack is what the stack is called unless it was given another name.
const defaultStack = "Diffy"

// largestConfig is how many bytes of a diffy.yaml are read.
const largestConfig = 1 << 20

// settings reads diffy.yaml and the environment. The file is looked for where the
// user keeps configuration and never where the command runs: evidence may lie
// there, and the file names programs to run.
func (a *app) settings() (*settings, error) {
	s := &settings{}
	if err := s.read(a.configFile()); err != nil {
		return nil, err
	}
	s.Inventory.beside(s.file)
	for _, o := range overrides {
		if v := a.env(o.name); v != "" {
			o.set(s, v)
			s.from = append(s.from, o)
		}
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	return s, s.readInventory()
}

// configFile is where diffy.yaml is, and whether somebody has said so; "" when
// there is no such place.
func (a *app) configFile() (path string, said bool) {
	if path := a.env("DIFFY_CONFIG"); path != "" {
		return path, true
	}
	dir := a.env("XDG_CONFIG_HOME")
	if home := a.env("HOME"); !filepath.IsAbs(dir) && filepath.IsAbs(home) {
		dir = filepath.Join(home, ".config")
	}
	if !filepath.IsAbs(dir) {
		return "", false
	}
	return filepath.Join(dir, "diffy", "diffy.yaml"), false
}

func (s *settings) read(path string, said bool) error {
	if path == "" {
		return nil
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && !said {
		return nil
	}
	if err != nil {
		return usage("DIFFY_CONFIG names the file with the settings", "read %s: %w", path, bare(err))
	}
	defer func() { _ = file.Close() }() // read only
	data, err := io.ReadAll(io.LimitReader(file, largestConfig+1))
	switch {
	case err != nil:
		return failed(fmt.Errorf("read %s: %w", path, bare(err)))
	case len(data) > largestConfig:
		return usage("", "read %s: it has more than %d bytes", path, largestConfig)
	}
	s.file = path
	return s.decode(data)
}

// decode is strict: a key that nobody reads, a key that comes twice and a second
// document are errors.
func (s *settings) decode(data []byte) error {
	file, err := parser.ParseBytes(data, 0)
	if err == nil && len(file.Docs) > 1 {
		return usage("", "%s: expected one YAML document", s.file)
	}
	if err == nil && len(file.Docs) == 1 && file.Docs[0].Body != nil {
		s.body = file.Docs[0].Body
		err = yaml.NodeToValue(s.body, s, yaml.Strict())
	}
	var bad yaml.Error
	if errors.As(err, &bad) && bad.GetToken() != nil && bad.GetToken().Position != nil {
		return usage("docs/plugins.md lists the keys", "%s:%d: %s", s.file, bad.GetToken().Position.Line, bad.GetMessage())
	}
	if err != nil {
		return usage("docs/plugins.md lists the keys", "%s: %w", s.file, err)
	}
	return nil
}

func (s *settings) check() error {
	if !slices.Contains([]string{"", inAWS, inFiles}, s.Persistence) {
		return s.wrong("persistence", "it is aws or file", "%q is no place to keep things", s.Persistence)
	}
	if s.Collection != "" && !slices.Contains(collections, s.Collection) {
		return s.wrong("collection", "it is "+strings.Join(collections, ", "), "%q is no way to collect", s.Collection)
	}
	for _, m := range s.Analysis {
		if !slices.Contains(methodNames, m) {
			return s.wrong("analysis", "it is a list of "+strings.Join(methodNames, ", "), "%q is no method", m)
		}
	}
	if _, err := s.execTime(); err != nil {
		return s.wrong("exec.timeout", "such as 240s or 4m", "%q is no time that a host could get", s.Exec.Timeout)
	}
	return nil
}

// wrong is a mistake in the value of a key ("deployment.stack"). It says where the
// value stands.
func (s *settings) wrong(key, hint, format string, args ...any) error {
	return usage(hint, "%s: %s: %s", s.source(key), key, fmt.Sprintf(format, args...))
}

// source is where the value of a key stands: a variable, or a line of the file.
func (s *settings) source(key string) string {
	for _, o := range s.from {
		if o.key == key {
			return o.name
		}
	}
	if s.body == nil {
		return "default"
	}
	path, err := yaml.PathString("$." + key)
	if err == nil {
		if node, err := path.FilterNode(s.body); err == nil && node != nil {
			return fmt.Sprintf("%s:%d", s.file, node.GetToken().Position.Line)
		}
	}
	return s.file
}

// addPersistence adds the flag of commands that can look in both places.
func addPersistence(cmd *cobra.Command, where *string) {
	cmd.Flags().StringVar(where, "persistence", "", "aws or file (default aws where a deployment is named, else file)")
	_ = cmd.RegisterFlagCompletionFunc("persistence", cobra.FixedCompletions([]string{inAWS, inFiles}, cobra.ShellCompDirectiveNoFileComp))
}

// persistence says where things are kept: where the flag says, else where the
// settings do, else in AWS if they name a deployment.
func (a *app) persistence(flag string) (string, error) {
	switch flag {
	case inAWS, inFiles:
		return flag, nil
	case "":
	default:
		return "", usage("--persistence aws or --persistence file", "unknown persistence %q", flag)
	}
	s, err := a.settings()
	switch {
	case err != nil:
		return "", err
	case s.Persistence != "":
		return s.Persistence, nil
	case s.Deployment.Stack != "" || a.namesAll():
		return inAWS, nil
	}
	return inFiles, nil
}

// namesAll reports whether the environment names all parts of a deployment, as
// that of its functions does.
func (a *app) namesAll() bool {
	_, err := cloud.FromEnv(a.env)
	return err == nil
}

// deployed finds the deployment: by the names in the environment if all are there,
// else by the outputs of its stack.
func (a *app) deployed(ctx context.Context) (cloud.Config, error) {
	if cfg, err := cloud.FromEnv(a.env); err == nil {
		return cfg, nil
	}
	s, err := a.settings()
	if err != nil {
		return cloud.Config{}, err
	}
	cfg, err := cloud.Deployment(ctx, cmp.Or(s.Deployment.Stack, defaultStack), s.Deployment.Region)
	return cfg, failedInAWS(err)
}

// failedInAWS is failed with what to do about what AWS has answered.
func failedInAWS(err error) error {
	if err == nil {
		return nil
	}
	hint := ""
	switch {
	case errors.Is(err, cloud.ErrNoDeployment):
		hint = "name the stack: deployment.stack in diffy.yaml, or DIFFY_STACK; make deploy makes one"
	case errors.Is(err, cloud.ErrNoRegion):
		hint = "name the region: deployment.region in diffy.yaml, or AWS_REGION"
	case cloud.Unknown(err):
		hint = "sign in to the account that diffy is deployed in; AWS_PROFILE chooses who you are"
	case cloud.Denied(err):
		hint = "the managed policy DiffyResponder allows what responders do, DiffyReader to look"
	}
	return &exit{code: exitFailed, err: &plainly{err}, hint: hint}
}

// plainly says an error without the words in which the SDK wraps what a service
// answers.
type plainly struct{ err error }

func (p *plainly) Error() string {
	text := p.err.Error()
	before, rest, ok := strings.Cut(text, "operation error ")
	if _, answer, found := strings.Cut(rest, "api error "); ok && found {
		return before + answer
	}
	if _, why, found := strings.Cut(rest, "get credentials: "); ok && found {
		why, _, _ = strings.Cut(strings.TrimPrefix(why, "failed to refresh cached credentials, "), ", operation error ")
		return before + "no credentials: " + why
	}
	return text
}

func (p *plainly) Unwrap() error { return p.err }
