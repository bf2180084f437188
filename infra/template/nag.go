package template

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Nag is one thing that cdk-nag minded, and why it was accepted if it was.
type Nag struct {
	Rule, Resource, Compliance, Reason string
}

// Accepted reports whether somebody wrote down why this is as it should be.
func (n Nag) Accepted() bool { return n.Compliance == "Suppressed" && n.Reason != "" }

// Nags reads the reports of cdk-nag in an assembly, one a stack, and leaves out
// what complies. No report at all is an error: silence is no assent.
func Nags(assembly string) ([]Nag, error) {
	files, err := filepath.Glob(filepath.Join(assembly, "*-NagReport.csv"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("find reports of cdk-nag in %s: none there", assembly)
	}
	var all []Nag
	for _, file := range files {
		rows, err := rows(file)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		for _, row := range rows {
			n := Nag{Rule: row[0], Resource: row[1], Compliance: row[2], Reason: row[3]}
			if n.Compliance != "Compliant" && !slices.Contains(all, n) {
				all = append(all, n)
			}
		}
	}
	return all, nil
}

func rows(file string) ([][]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(all) < 2 || len(all[0]) < 4 {
		return nil, fmt.Errorf("want a heading of four columns and rows, got %d lines", len(all))
	}
	return all[1:], nil
}
