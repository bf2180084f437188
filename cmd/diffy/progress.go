package main

import (
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// quiet is how long a task may take before it shows how far it is.
const quiet = time.Second

// progress shows how far a task is, on a terminal only, and only when the task
// takes long. It may be used by several goroutines.
type progress struct {
	to      *os.File // nil: no terminal
	mu      sync.Mutex
	what    string
	started time.Time
	bar     *progressbar.ProgressBar
}

func (a *app) progress() *progress {
	p := &progress{started: time.Now()}
	if f, ok := a.err.(*os.File); ok && a.terminal(f) {
		p.to = f
	}
	return p
}

// step says that so many of total things are done.
func (p *progress) step(what string, done, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.to == nil || total < 2 || time.Since(p.started) < quiet {
		return
	}
	if p.bar == nil || p.what != what {
		p.clear()
		p.what = what
		p.bar = progressbar.NewOptions(
			total, progressbar.OptionSetWriter(p.to), progressbar.OptionSetDescription(what),
			progressbar.OptionShowCount(), progressbar.OptionSetElapsedTime(false),
			progressbar.OptionSetPredictTime(false), progressbar.OptionClearOnFinish(),
			progressbar.OptionThrottle(100*time.Millisecond),
		)
	}
	_ = p.bar.Set(done) // a bar that cannot be drawn stops nothing
}

// note adds to the bar what else there is to say. It may come from anywhere.
func (p *progress) note(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.bar.Describe(p.what + ": " + oneLine(text))
	}
}

// done takes the bar away.
func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}

func (p *progress) clear() {
	if p.bar != nil {
		_ = p.bar.Finish()
		p.bar = nil
	}
}
