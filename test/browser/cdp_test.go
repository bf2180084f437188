// Package browser opens the HTML report in a real, headless Chromium and looks at
// it the way a reader's browser does: what it asks the network for, what its
// policy blocks, how it behaves without scripts, on a phone and in the dark.
//
// The tests speak the DevTools protocol over a pipe, so they need nothing but a
// Chromium. Pictures of what they saw are left in out/browser.
package browser

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

// patience is how long one answer of the browser may take.
const patience = 60 * time.Second

// chromium is a running browser with one page. It is for one goroutine.
type chromium struct {
	t       *testing.T
	in      *os.File
	out     *os.File
	read    *bufio.Reader
	session string
	calls   int
	events  []message
}

// message is an answer or an event of the DevTools protocol.
type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// start runs the browser at path until the test ends.
func start(t *testing.T, path string) *chromium {
	t.Helper()
	theirIn, in, err := os.Pipe()
	must(t, err)
	out, theirOut, err := os.Pipe()
	must(t, err)
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
		"--hide-scrollbars", "--user-data-dir="+t.TempDir(), "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{theirIn, theirOut} // the browser's descriptors 3 and 4
	must(t, cmd.Start())
	must(t, theirIn.Close())
	must(t, theirOut.Close())
	c := &chromium{t: t, in: in, out: out, read: bufio.NewReaderSize(out, 1<<20)}
	t.Cleanup(func() {
		c.session = ""
		c.call("Browser.close", nil, nil)
		_ = cmd.Wait() // how it exits after closing does not matter
	})
	var target struct{ TargetID string }
	c.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	c.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	c.session = attached.SessionID
	for _, domain := range []string{"Page", "Network", "Runtime", "Log"} {
		c.call(domain+".enable", nil, nil)
	}
	return c
}

// call sends a command, keeps the events that come meanwhile, and decodes the
// answer into result, which may be nil.
func (c *chromium) call(method string, params, result any) {
	c.t.Helper()
	c.calls++
	m := map[string]any{"id": c.calls, "method": method}
	if params != nil {
		m["params"] = params
	}
	if c.session != "" {
		m["sessionId"] = c.session
	}
	b, err := json.Marshal(m)
	must(c.t, err)
	_, err = c.in.Write(append(b, 0))
	must(c.t, err)
	for {
		got := c.next()
		switch {
		case got.ID != c.calls:
			c.events = append(c.events, got)
		case got.Error != nil:
			c.t.Fatalf("%s: %s", method, got.Error.Message)
		default:
			if result != nil {
				must(c.t, json.Unmarshal(got.Result, result))
			}
			return
		}
	}
}

func (c *chromium) next() message {
	c.t.Helper()
	must(c.t, c.out.SetReadDeadline(time.Now().Add(patience)))
	b, err := c.read.ReadBytes(0)
	must(c.t, err)
	var m message
	must(c.t, json.Unmarshal(b[:len(b)-1], &m))
	return m
}

// open loads an address afresh and returns when the page has loaded.
func (c *chromium) open(url string) {
	c.t.Helper()
	c.events = nil
	c.call("Page.navigate", map[string]any{"url": url}, nil)
	for !c.happened("Page.loadEventFired") {
		c.events = append(c.events, c.next())
	}
}

func (c *chromium) happened(method string) bool {
	for _, e := range c.events {
		if e.Method == method {
			return true
		}
	}
	return false
}

// js evaluates an expression in the page, waits for it if it is a promise, and
// decodes its value.
func js[T any](c *chromium, expression string) T {
	c.t.Helper()
	var got struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Exception struct{ Description string }
		}
	}
	c.call("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &got)
	if got.ExceptionDetails != nil {
		c.t.Fatalf("evaluate %.80s: %s", expression, got.ExceptionDetails.Exception.Description)
	}
	var v T
	if got.Result.Value != nil {
		must(c.t, json.Unmarshal(got.Result.Value, &v))
	}
	return v
}

// screen sets what the page is shown on.
type screen struct {
	width, height int
	dark, print   bool
	noScripts     bool
}

func (c *chromium) use(s screen) {
	c.t.Helper()
	scheme, media := "light", ""
	if s.dark {
		scheme = "dark"
	}
	if s.print {
		media = "print"
	}
	c.call("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": s.width, "height": s.height, "deviceScaleFactor": 1, "mobile": s.width < 600,
	}, nil)
	c.call("Emulation.setEmulatedMedia", map[string]any{
		"media": media, "features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}},
	}, nil)
	c.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": s.noScripts}, nil)
}

// picture saves the whole page as it is shown now.
func (c *chromium) picture(file string) {
	c.t.Helper()
	var shot struct{ Data []byte }
	c.call("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true}, &shot)
	must(c.t, os.WriteFile(file, shot.Data, 0o644))
}

// pdf saves the page as it would be printed.
func (c *chromium) pdf(file string) {
	c.t.Helper()
	var out struct{ Data []byte }
	c.call("Page.printToPDF", map[string]any{"preferCSSPageSize": true}, &out)
	must(c.t, os.WriteFile(file, out.Data, 0o644))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// installed is the path of a Chromium on this machine, or an error.
func installed() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no chromium, chromium-browser or google-chrome on the PATH")
}
