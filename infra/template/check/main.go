// Command check reads the cloud assembly in the folder that it is given and prints
// who may do what, what each command takes, and what cdk-nag minded. It ends with 1
// when something was minded that nobody has given a reason for, or when nobody may
// what a command takes. It calls nobody and changes nothing.
package main

import (
	"fmt"
	"io"
	"os"

	"diffy/infra/template"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: check ASSEMBLY")
		os.Exit(2)
	}
	open, err := check(os.Stdout, os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(1)
	}
	if open > 0 {
		os.Exit(1)
	}
}

// check returns how many findings of cdk-nag are open and permissions are missing.
func check(w io.Writer, assembly string) (int, error) {
	missing, open := 0, 0
	for _, stack := range []string{"Diffy", "DiffyMember"} {
		t, err := template.Read(assembly, stack)
		if err != nil {
			return 0, err
		}
		fmt.Fprintf(w, "# %s: who may do what\n\n", stack)
		template.WriteTable(w, t.Permissions())
		fmt.Fprintln(w)
		if stack == "Diffy" {
			fmt.Fprintf(w, "# What each command takes, and the policy that is enough for it\n\n")
			missing = template.WriteCommands(w, t)
			fmt.Fprintln(w)
		}
	}
	nags, err := template.Nags(assembly)
	if err != nil {
		return 0, err
	}
	fmt.Fprintf(w, "# cdk-nag, AwsSolutions: what was minded\n\n")
	for _, n := range nags {
		if !n.Accepted() {
			open++
		}
		fmt.Fprintf(w, "%-12s %s %s: %s\n", n.Compliance, n.Rule, n.Resource, n.Reason)
	}
	fmt.Fprintf(w, "\ncdk-nag: %d accepted with a reason, %d open\n", len(nags)-open, open)
	return open + missing, nil
}
