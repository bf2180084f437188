package cloud

import (
	"os"
	"strings"
	"testing"
)

// TestOutputsAreMade reads the stack's source: what the command line looks for is
// what the stack tells.
func TestOutputsAreMade(t *testing.T) {
	source, err := os.ReadFile("../../infra/hub.go")
	if err != nil {
		t.Fatal(err)
	}
	for name := range outputs {
		if !strings.Contains(string(source), `{"`+name+`", "`) {
			t.Errorf("infra/hub.go makes no output %s", name)
		}
	}
}
