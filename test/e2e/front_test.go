package e2e

import (
	"fmt"
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
		// Without SetURL's change of Host: moto makes queue URLs of it.
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(moto); r.Out.Host = r.In.Host },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}
	f.server = &http.Server{Handler: f, ReadHeaderTimeout: time.Minute}
	go func() { _ = f.server.Serve(l) }() // until close
	return f, nil
}

func (f *front) close() { _ = f.server.Close() }

// enter makes a case the one that is served.
func (f *front) enter(w *world) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.world = w
}

func (f *front) current() *world {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.world
}

const functionsPath = "/2015-03-31/functions/"

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	world := f.current()
	operation, isSSM := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "AmazonSSM.")
	switch {
	case world == nil:
	case strings.HasPrefix(r.URL.Path, functionsPath):
		world.functions.invoke(w, r)
		return
	case isSSM && world.agents.serve(w, r, operation):
		return
	case r.URL.Query().Has("X-Amz-Signature"):
		if err := checkQuery(r, world.keys, world.now()); err != nil {
			denied(w, err)
			return
		}
	case strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data"):
		if err := checkForm(r, world.keys, world.now()); err != nil {
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
