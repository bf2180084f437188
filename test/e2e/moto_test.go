package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// The deployment's own account, region and credentials.
const (
	account = "111122223333"
	region  = "eu-west-1"

	accessKey = "ASIAE2EE2EE2EE2EE2EE"
	secretKey = "e2e/secret/key/of/the/functions/role"
	// session stands for the token that a role's requests carry.
	session = "e2e-session-token"

	faster = "100" // times as fast as on AWS pass Wait states and the pauses of retriers
)

// setup makes the virtual environment and returns its python. A machine without
// python3 or without a package index cannot run these tests, and they fail.
func setup() (string, error) {
	cmd := exec.Command(filepath.Join(root, "test/e2e/setup"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("test/e2e/setup: %w\n%s", err, out)
	}
	return filepath.Join(root, ".venv/bin/python"), nil
}

// start runs moto with the front before it.
func start(python string) (*front, func(), error) {
	motoPort, err := freePort()
	if err != nil {
		return nil, nil, err
	}
	f, err := newFront(&url.URL{Scheme: "http", Host: "127.0.0.1:" + motoPort})
	if err != nil {
		return nil, nil, err
	}
	stopMoto, err := startMoto(python, motoPort, f.port)
	if err != nil {
		return nil, nil, err
	}
	stop := func() { stopMoto(); f.close() }
	if err := f.configure(); err != nil {
		stop()
		return nil, nil, err
	}
	return f, stop, setenv(f)
}

// setenv is what the SDK finds on a Lambda function, and the way to the front.
func setenv(f *front) error {
	return errors.Join(
		os.Setenv("AWS_ENDPOINT_URL", f.url), os.Setenv("AWS_REGION", region),
		os.Setenv("AWS_ACCESS_KEY_ID", accessKey), os.Setenv("AWS_SECRET_ACCESS_KEY", secretKey),
		os.Setenv("AWS_SESSION_TOKEN", session), os.Setenv("AWS_EC2_METADATA_DISABLED", "true"),
		os.Setenv("AWS_CONFIG_FILE", os.DevNull), os.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull),
	)
}

// freePort asks the kernel for a port that nobody has.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// startMoto returns when moto says that it serves. What it logs, a line for each
// request, goes to out/e2e/moto.log.
func startMoto(python, port, frontPort string) (stop func(), err error) {
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, python, filepath.Join(root, "test/e2e/moto_server.py"), "-H", "127.0.0.1", "-p", port)
	cmd.Env = append(os.Environ(), "MOTO_PORT="+frontPort, "FASTER="+faster, "MOTO_EC2_LOAD_DEFAULT_AMIS=false",
		"AWS_ACCESS_KEY_ID="+accessKey, "AWS_SECRET_ACCESS_KEY="+secretKey)
	_, err = cmd.StdinPipe() // stays open as long as this process lives, and moto with it
	said, err2 := cmd.StderrPipe()
	if err := errors.Join(err, err2); err != nil {
		cancel()
		return nil, err
	}
	stop = func() { cancel(); _ = cmd.Wait() }
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, fmt.Errorf("start moto: %w", err)
	}
	if err := waitFor(said, "Running on"); err != nil {
		stop()
		return nil, fmt.Errorf("start moto: %w", err)
	}
	return stop, keepLog(said)
}

// waitFor reads until a line holds the text.
func waitFor(r io.Reader, text string) error {
	var lines strings.Builder
	for b := bufio.NewScanner(io.TeeReader(r, &lines)); b.Scan(); {
		if strings.Contains(b.Text(), text) {
			return nil
		}
	}
	return fmt.Errorf("it ended and had said:\n%s", lines.String())
}

func keepLog(r io.Reader) error {
	if err := os.MkdirAll(outDir(), 0o755); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(outDir(), "moto.log"))
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(log, r) // until moto ends
		_ = log.Close()
	}()
	return nil
}

func outDir() string { return filepath.Join(root, "out/e2e") }

// configure lets moto execute state machines.
func (f *front) configure() error {
	return f.motoAPI("config", `{"stepfunctions":{"execute_state_machine":true}}`)
}

// reset empties moto; the ids that it makes up are the same after each reset.
func (f *front) reset() error {
	return errors.Join(f.motoAPI("reset", ""), f.motoAPI("seed?a=1", ""))
}

func (f *front) motoAPI(path, body string) error {
	client := http.Client{Timeout: time.Minute}
	res, err := client.Post(f.moto.String()+"/moto-api/"+path, "application/json", strings.NewReader(body))
	if err != nil {
		return fmt.Errorf("configure moto: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode >= 300 {
		return fmt.Errorf("configure moto: %s answers %s", path, res.Status)
	}
	return nil
}
