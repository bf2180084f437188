package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCostIsAsDocumented: the table in docs/cost.md is what the command prints.
func TestCostIsAsDocumented(t *testing.T) {
	const file, before, after = "../../docs/cost.md", "<!-- diffy cost -->\n```\n", "```\n"
	var out bytes.Buffer
	a := &app{out: &out, err: &out, env: func(string) string { return "" }, terminal: func(*os.File) bool { return false }, width: func() int { return 0 }}
	if code := a.run([]string{"cost"}); code != 0 {
		t.Fatalf("diffy cost ended with %d: %s", code, out.String())
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(data), before)
	written, tail, closed := strings.Cut(rest, after)
	if !found || !closed {
		t.Fatalf("%s has no block after %q", file, before)
	}
	if *update {
		if err := os.WriteFile(file, []byte(head+before+out.String()+after+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(out.String(), written); diff != "" {
		t.Errorf("go test ./cmd/diffy -run CostIsAsDocumented -update writes it anew (-printed +documented):\n%s", diff)
	}
}

func TestMeasured(t *testing.T) {
	for _, c := range []struct {
		quantity float64
		unit     string
		want     string
	}{
		{1, "keys a month", "1 key a month"},
		{19, "metrics of alarms a month", "19 metrics of alarms a month"},
		{1, "requests", "1 request"},
		{0.1, "GB-months", "0.1 GB-months"},
		{0.000040004, "GB to another region", "0.00004 GB to another region"},
		{99.5678, "GB ingested", "99.6 GB ingested"},
	} {
		if got := measured(c.quantity, c.unit); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
