package main

import (
	"strings"

	"diffy/pkg/triage"
	"diffy/pkg/trigger"

	"github.com/spf13/cobra"
)

func pivotKinds() string {
	names := make([]string, len(triage.PivotKinds))
	for i, k := range triage.PivotKinds {
		names[i] = string(k)
	}
	return strings.Join(names, ", ")
}

// parsePivots reads KIND=VALUE.
func parsePivots(texts []string) ([]triage.Pivot, error) {
	const hint = "--pivot KIND=VALUE, as in --pivot port=4444; kinds: "
	var out []triage.Pivot
	for _, text := range texts {
		kind, value, _ := strings.Cut(text, "=")
		p := triage.Pivot{Kind: triage.PivotKind(kind), Value: value}
		if p.Kind == triage.PivotSHA256 {
			p.Value = strings.ToLower(value) // as osquery writes it
		}
		if err := trigger.CheckPivot(p); err != nil {
			return nil, usage(hint+pivotKinds(), "pivot %q: %w", text, err)
		}
		out = append(out, p)
	}
	return out, nil
}

func completePivots(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var kinds []string
	for _, k := range triage.PivotKinds {
		kinds = append(kinds, string(k)+"=")
	}
	return kinds, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
}
