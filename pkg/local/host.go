package local

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"

	"diffy/collect"
	"diffy/pkg/pack"
	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// machine is this machine, examined with its own osquery by the very script that
// runs on hosts. What the script fetches and uploads goes through a server that
// listens on this machine only, for as long as the script runs.
type machine struct {
	intake Folder
	name   string
	pack   *pack.Pack
	bundle []byte
}

// newMachine names the machine as the collector demands, "i-" and its host name.
func newMachine(intake Folder, p *pack.Pack, r triage.Request) (*machine, error) {
	name, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("name this machine: %w", err)
	}
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
	return &machine{intake: intake, name: "i-" + name, pack: p, bundle: p.Bundle(r.Tiers, p.PivotQueries(r.Pivots...))}, nil
}

// Group implements pipeline.Fleet.
func (m *machine) Group(_ context.Context, t triage.Target, _ bool) (pipeline.Group, error) {
	key := cmp.Or(t.Tags[groupTag], pipeline.TargetKey(t))
	host := localHost(m.name)
	host.State = "running"
	return pipeline.Group{ID: key, Key: key, Hosts: []pipeline.Candidate{{Host: host}}}, nil
}

// collect runs the script.
func (m *machine) collect(ctx context.Context, host string, o order) (collect.Report, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return collect.Report{}, fmt.Errorf("listen for the collector: %w", err)
	}
	server := &exchange{bundle: m.bundle, got: make(chan []byte, 1)}
	web := &http.Server{Handler: server}
	stopped := make(chan struct{})
	go func() {
		_ = web.Serve(listener) // ends with Close
		close(stopped)
	}()
	stdout, runErr := m.script(ctx, "http://"+listener.Addr().String(), o)
	closeErr := web.Close()
	<-stopped
	report, err := collect.ParseReport(stdout)
	if err := cmp.Or(err, closeErr); err != nil {
		return report, errors.Join(err, runErr)
	}
	if report.Failed != "" {
		return report, errors.New(report.Failed)
	}
	select {
	case data := <-server.got:
		return report, m.intake.Put(ctx, o.upload(host, report.SHA256), data)
	default:
		return report, errors.New("the collector has uploaded nothing")
	}
}

// script runs the collector as the SSM agent would.
func (m *machine) script(ctx context.Context, url string, o order) (stdout string, err error) {
	parameters := collect.Parameters{
		Run: o.run, Batch: o.batch, Attempt: o.attempt, Pack: m.pack.Name, PackVersion: m.pack.Version, Osquery: collect.Host,
		Upload:   collect.Upload{URL: url + "/upload", Prefix: strings.Join([]string{"intake", o.run, o.batch, o.attempt, ""}, "/")},
		Download: collect.Download{Bundle: collect.Artifact{URL: url + "/bundle", SHA256: digest(m.bundle)}},
	}
	cmd := exec.CommandContext(ctx, "sh")
	cmd.Stdin = bytes.NewReader(collect.Script())
	cmd.Env = append(os.Environ(), "AWS_SSM_INSTANCE_ID="+m.name)
	for name, values := range parameters.Encode() {
		cmd.Env = append(cmd.Env, "SSM_"+name+"="+values[0])
	}
	var out bytes.Buffer
	cmd.Stdout = &out
	err = cmd.Run()
	return out.String(), err
}

// exchange is what the script talks to: it gives the bundle and takes one upload.
type exchange struct {
	bundle []byte
	got    chan []byte
}

func (e *exchange) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && r.URL.Path == "/bundle" {
		_, _ = w.Write(e.bundle) // the script checks the digest
		return
	}
	if err := e.take(w, r); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (e *exchange) take(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost || r.URL.Path != "/upload" {
		return errors.New("expected an upload")
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return err
	}
	for {
		part, err := parts.NextPart()
		if err != nil {
			return err
		}
		if part.FormName() != "file" {
			continue
		}
		data, err := io.ReadAll(http.MaxBytesReader(w, part, collect.MaxUpload))
		if err != nil {
			return err
		}
		select {
		case e.got <- data:
			return nil
		default:
			return errors.New("one upload was expected")
		}
	}
}
