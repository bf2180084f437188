package main

import (
	"fmt"
	"runtime"

	"diffy/pkg/pack"

	"github.com/spf13/cobra"
)

var version = "dev" // set by the linker

func versionLine() string { return "diffy " + version }

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Say which diffy this is, and with which pack of queries", Args: arguments(0, 0),
		RunE: func(*cobra.Command, []string) error {
			p, err := pack.Load()
			if err != nil {
				return failed(err)
			}
			_, err = fmt.Fprintf(a.out, "%s\npack %s %s, templates %s, %d queries\n%s %s/%s\n", versionLine(),
				p.Name, p.Version, p.Templates, len(p.Queries), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return failed(err)
		},
	}
}
