package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"diffy/pkg/cloud"
	"diffy/pkg/pipeline"
)

// How often a run is looked at: soon at first, as a run that cannot begin ends at
// once, then less and less.
const (
	firstPause = time.Second
	mostPause  = 5 * time.Second

	newsEvery = 30 * time.Second // where there is no terminal, at most one line in this time
	patience  = 10               // looks in a row that may fail
)

// follower follows one run.
type follower struct {
	app   *app
	in    *account
	run   string
	watch pipeline.Watch
	shown *progress

	passed, told time.Duration // how long it has been followed, and when the last line was printed
	last         pipeline.Progress
	failures     int
}

// follow returns when the run has succeeded. A run that ends otherwise is an error
// with what to do about it; one that is left by an interrupt goes on.
func (a *app) follow(ctx context.Context, in *account, run string) error {
	f := &follower{app: a, in: in, run: run, watch: pipeline.Watch{Objects: in.objects, Run: run}, shown: a.progress()}
	defer f.shown.done()
	for pause := firstPause; ; pause = min(pause*3/2, mostPause) {
		over, err := f.look(ctx)
		if ctx.Err() != nil {
			return left(run)
		}
		if over || err != nil {
			return err
		}
		if a.wait(ctx, pause) != nil {
			return left(run)
		}
		f.passed += pause
	}
}

// look shows how far the run is, and reports whether it is over. A look that fails
// is tried again: the run does not need us.
func (f *follower) look(ctx context.Context) (over bool, err error) {
	e, err := f.in.machine.Describe(ctx, f.run)
	var p pipeline.Progress
	if err == nil {
		p, err = f.watch.Look(ctx)
	}
	if err != nil {
		if f.failures++; f.failures < patience {
			return false, nil
		}
		return false, f.lost(err)
	}
	f.failures = 0
	f.show(p)
	switch {
	case !e.Over():
		return false, nil
	case e.Status == succeeded:
		return true, nil
	}
	return true, runFailed(f.run, e)
}

// succeeded is the status of an execution that went well.
const succeeded = "SUCCEEDED"

// lost is the end of following a run that cannot be seen any more.
func (f *follower) lost(err error) error {
	told := failedInAWS(fmt.Errorf("follow run %s: %w", f.run, err))
	var e *exit
	if errors.As(told, &e) && e.hint == "" {
		e.hint = "the run goes on: diffy runs show " + f.run
	}
	return told
}

// show draws the bar, or prints a line when there is something new.
func (f *follower) show(p pipeline.Progress) {
	if p.Key == "" {
		f.shown.busy("finding the hosts")
		return
	}
	begun, done := f.last.Key == "", p.Ended == p.Asked && f.last.Ended != p.Asked
	due := p.Ended != f.last.Ended && f.passed-f.told >= newsEvery
	if begun {
		f.shown.done() // a line of its own
		f.app.say("%s: %s, %s in %s", p.Key, plural(p.Requested, "host", "hosts"), fmt.Sprintf("%d to examine", p.Asked), plural(p.Batches, "batch", "batches"))
	}
	if f.shown.to == nil && (done || due) && p.Asked > 0 {
		f.app.say("%d of %d collected: %s", p.Ended, p.Asked, seen(p))
		f.told = f.passed
	}
	f.last = p
	if p.Ended == p.Asked {
		f.shown.busy(stage(p))
	} else {
		f.shown.stepWith(stage(p), counted(p), p.Ended, p.Asked)
	}
}

// stage is what a run is at.
func stage(p pipeline.Progress) string {
	if p.Ended == p.Asked {
		return "analysing"
	}
	return "collecting"
}

// seen counts what is known of hosts, and the reasons of those that were not
// examined whole, the most frequent first.
func seen(p pipeline.Progress) string {
	if len(p.Reasons) == 0 {
		return counted(p)
	}
	return counted(p) + " (" + reasons(p.Reasons) + ")"
}

func counted(p pipeline.Progress) string {
	text := fmt.Sprintf("%d examined", p.Examined)
	if p.Partial > 0 {
		text += fmt.Sprintf(", %d partial", p.Partial)
	}
	if p.NotExamined > 0 {
		text += fmt.Sprintf(", %d not examined", p.NotExamined)
	}
	return text
}

func reasons(counts map[string]int) string {
	names := slices.Sorted(maps.Keys(counts))
	slices.SortStableFunc(names, func(a, b string) int { return counts[b] - counts[a] })
	const most = 3
	var out []string
	for i, name := range names {
		if i == most {
			out = append(out, fmt.Sprintf("%d more reasons", len(names)-most))
			break
		}
		out = append(out, fmt.Sprintf("%d: %s", counts[name], name))
	}
	return strings.Join(out, "; ")
}

// whatToDo is what helps when the run RUN has ended with an error of this name.
var whatToDo = map[string]string{
	string(pipeline.NoHosts):         "is the name right, and the account and region? --plan shows what a target matches",
	string(pipeline.BadRequest):      "--plan checks a request and starts nothing",
	string(pipeline.DocumentChanged): "deploy again, find out who changed the document, and run it once more",
	string(pipeline.EvidenceChanged): "evidence is written once, and something else is there: diffy verify RUN",
	string(pipeline.NothingToStore):  "diffy runs show RUN says of each host why it was not examined",
	pipeline.StoppedByPerson:         "diffy runs show RUN has what was analysed; diffy triage --retry RUN goes on with it",
}

// runFailed is the error of an execution that did not succeed, with what to do.
func runFailed(run string, e cloud.Execution) error {
	name, cause := e.Error, e.Cause
	if name == "" {
		name = e.Status
	}
	hint := "diffy triage --retry " + run + " asks again, and keeps what was examined"
	if to, ok := whatToDo[name]; ok {
		hint = strings.ReplaceAll(to, "RUN", run)
	}
	text := name
	if cause != "" {
		text += ": " + cause
	}
	return &exit{code: exitFailed, err: fmt.Errorf("run %s has failed: %s", run, text), hint: hint}
}
