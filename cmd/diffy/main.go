// Command diffy finds the odd host of a group of near-identical ones, and says
// why: from osquery evidence at hand, or by a run of the whole pipeline.
//
// In go evidence, events and what people know (baselines, suppressions); out come
// results, to stdout what is data and to stderr what is talk. It runs nothing on a
// host that it was not asked to examine, and nothing of a host's words reaches the
// terminal as they are.
package main

import (
	"os"

	"golang.org/x/term"
)

func main() {
	a := &app{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Getenv,
		terminal: func(f *os.File) bool { return term.IsTerminal(int(f.Fd())) },
		width: func() int {
			w, _, _ := term.GetSize(int(os.Stdout.Fd()))
			return w
		},
	}
	os.Exit(a.run(os.Args[1:]))
}
