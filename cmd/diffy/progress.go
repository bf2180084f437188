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
	if total > 1 && p.begin(what, total, progressbar.OptionShowCount(), progressbar.OptionThrottle(100*time.Millisecond)) {
		_ = p.bar.Set(done) // a bar that cannot be drawn stops nothing
	}
}

// stepWith is step with something more to say, which may come from anywhere, for
// those who take seconds between steps.
func (p *progress) stepWith(what, more string, done, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.begin(what, total, progressbar.OptionShowCount(), progressbar.OptionSetWidth(15)) {
		_ = p.bar.Set(done)
		p.bar.Describe(what + ": " + oneLine(more))
	}
}

// busy says that something is going on of which nobody knows how long it takes.
func (p *progress) busy(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.begin(what, -1, progressbar.OptionSpinnerType(14)) {
		_ = p.bar.Add(1) // turns it
	}
}

// begin makes the bar of a task, and reports whether there is one.
func (p *progress) begin(what string, total int, options ...progressbar.Option) bool {
	if p.to == nil || time.Since(p.started) < quiet {
		return false
	}
	if p.bar == nil || p.what != what {
		p.clear()
		p.what = what
		p.bar = progressbar.NewOptions(total, append(options,
			progressbar.OptionSetWriter(p.to), progressbar.OptionSetDescription(what), progressbar.OptionSetElapsedTime(false),
			progressbar.OptionSetPredictTime(false), progressbar.OptionClearOnFinish(),
		)...)
	}
	return true
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
