package e2e

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"
)

// front is AWS to everybody: one port before moto that serves what moto cannot,
// functions and SSM's commands, and holds presigned requests to what S3 demands.
type front struct {
	url, port string
	moto      *url.URL
	server    *http.Server
	proxy     http.Handler

	mu    sync.Mutex
	world *world // the case that runs; nil between cases
}

func newFront(moto *url.URL) (*front, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return nil, err
	}
	f := &front{url: "http://127.0.0.1:" + port, port: port, moto: moto}
	f.proxy = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(moto)
			r.Out.Host = r.In.Host // moto makes queue URLs of it
			if owner := r.In.Header.Get("Authorization"); owner == "" || strings.Contains(owner, accessKey) {
				r.Out.Header.Set("X-Moto-Account-Id", account) // other keys are of roles that STS knows
			}
		},
		ModifyResponse: f.learn,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}
	f.server = &http.Server{Handler: f, ReadHeaderTimeout: time.Minute}
	go func() { _ = f.server.Serve(l) }() // until close
	return f, nil
}

// learn notes the keys that STS hands out, to check what is signed with them.
func (f *front) learn(r *http.Response) error {
	world, _ := f.current()
	if world == nil || !strings.Contains(r.Request.Header.Get("Authorization"), "/sts/") {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	var answer struct {
		Key    string `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
		Secret string `xml:"AssumeRoleResult>Credentials>SecretAccessKey"`
	}
	if err != nil || xml.Unmarshal(body, &answer) != nil || answer.Key == "" {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	world.keys = maps.Clone(world.keys)
	world.keys[answer.Key] = answer.Secret
	return nil
}

func (f *front) close() { _ = f.server.Close() }

// enter makes a case the one that is served.
func (f *front) enter(w *world) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.world = w
}

// current is the case that is served and the keys that requests may be signed with.
func (f *front) current() (*world, keys) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.world == nil {
		return nil, nil
	}
	return f.world, f.world.keys
}

const functionsPath = "/2015-03-31/functions/"

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	world, keys := f.current()
	operation, isSSM := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "AmazonSSM.")
	switch {
	case world == nil:
	case strings.HasPrefix(r.URL.Path, functionsPath):
		world.functions.invoke(w, r)
		return
	case isSSM && world.agents.serve(w, r, operation):
		return
	case r.URL.Query().Has("X-Amz-Signature"):
		if err := checkQuery(r, keys, world.now()); err != nil {
			denied(w, err)
			return
		}
	case strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data"):
		if err := checkForm(r, keys, world.now()); err != nil {
			denied(w, err)
			return
		}
	}
	f.proxy.ServeHTTP(w, r)
}

// denied answers as S3 does.
func denied(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(http.StatusForbidden)
	_, _ = fmt.Fprintf(w, "<Error><Code>AccessDenied</Code><Message>%s</Message></Error>", err) // the host may be gone
}
