package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"diffy/pkg/pack"

	"github.com/spf13/cobra"
)

func (a *app) queriesCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check [FILE|DIR]",
		Short: "Check the files of a pack, strictly",
		Long: "Check a folder with a whole pack (pack.yaml, techniques.yaml, queries/<tactic>/, tables/), or one\n" +
			"file in a folder named for its tactic, which may name the techniques that diffy knows. Without an\n" +
			"argument: the pack that is compiled in. Each mistake is named with file and line, and it ends\n" +
			"with 10 when there is one.",
		Example: "  diffy queries check pkg/pack\n  diffy queries check queries/persistence/crontab.yaml",
		Args:    arguments(0, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.checkQueries(args)
		},
	}
}

// inFile is a mistake with its place, relative to the pack's folder.
var inFile = regexp.MustCompile(`^[^ ]+:\d+: `)

func (a *app) checkQueries(args []string) error {
	load, where := pack.Load, ""
	if len(args) == 1 {
		info, err := os.Stat(args[0])
		if err != nil {
			return usage("diffy queries check [FILE|DIR]", "read %s: %w", args[0], bare(err))
		}
		if !info.IsDir() {
			return a.checkFile(args[0])
		}
		where = args[0]
		load = func() (*pack.Pack, error) { return pack.LoadFS(os.DirFS(where)) }
	}
	p, err := load()
	if err == nil {
		_, err = fmt.Fprintf(a.out, "pack %s %s: %d queries and %d tables are right\n", oneLine(p.Name), oneLine(p.Version), len(p.Queries), len(p.Tables))
		return failed(err)
	}
	return a.mistakes(err, func(text string) string {
		if inFile.MatchString(text) {
			return filepath.Join(where, text)
		}
		return where + ": " + text
	})
}

// checkFile checks one file. The folder that it is in says what it is.
func (a *app) checkFile(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return usage("diffy queries check [FILE|DIR]", "read %s: %w", path, bare(err))
	}
	known, err := pack.Load()
	if err != nil {
		return failed(err)
	}
	whole, err := filepath.Abs(path)
	if err != nil {
		return failed(err)
	}
	if err := known.CheckFile(filepath.ToSlash(whole), content); err != nil {
		return a.mistakes(err, func(text string) string { return strings.Replace(text, filepath.ToSlash(whole), path, 1) })
	}
	_, err = fmt.Fprintf(a.out, "%s is right\n", oneLine(path))
	return failed(err)
}

// mistakes prints what is wrong, one a line.
func (a *app) mistakes(err error, located func(string) string) error {
	var joined interface{ Unwrap() []error }
	all := []error{err}
	if errors.As(err, &joined) {
		all = joined.Unwrap()
	}
	for _, one := range all {
		if _, err := fmt.Fprintln(a.out, oneLine(located(one.Error()))); err != nil {
			return failed(err)
		}
	}
	return &exit{code: exitFound, err: fmt.Errorf("found %s", plural(len(all), "mistake", "mistakes"))}
}
