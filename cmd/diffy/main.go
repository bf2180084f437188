// Command diffy finds the odd host of a group of near-identical ones, and says
// why: from osquery evidence at hand, or by a run in AWS.
package main

import (
	"os"

	"golang.org/x/term"
)

var version = "dev" // set by the linker

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
