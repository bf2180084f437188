package trigger

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"diffy/pkg/triage"
)

var update = flag.Bool("update", false, "write the golden file")

const events = "../../events"

// Each sample of events/ and what it would start, in one file to read.
func TestEvents(t *testing.T) { decisions(t, events, "decisions.json", Parse) }

// More events, as AWS documents their shapes: what each would start, or why nothing.
func TestEventsOfOthers(t *testing.T) {
	decisions(t, filepath.Join("testdata", "others"), "others.json", ParseEvent)
}

func decisions(t *testing.T, folder, goldenFile string, parse func([]byte) (Decision, error)) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no events: %v", err)
	}
	got := map[string]Decision{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d, err := parse(data)
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		got[filepath.Base(file)] = d
	}
	golden := filepath.Join("testdata", goldenFile)
	if *update {
		data, _ := json.MarshalIndent(got, "", "  ")
		if err := os.WriteFile(golden, append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]Decision
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("decisions (-want +got):\n%s", diff)
	}
}

// Whatever the casing, the same finding starts the same run.
func TestCasing(t *testing.T) {
	read := func(name string) (d Decision) {
		data, err := os.ReadFile(filepath.Join(events, name))
		if err != nil {
			t.Fatal(err)
		}
		if d, err = ParseEvent(data); err != nil {
			t.Fatal(err)
		}
		d.Request.Trigger.ID, d.Request.Trigger.Time = "", ""
		for i := range d.Request.Pivots {
			d.Request.Pivots[i].Source = ""
		}
		return d
	}
	if diff := cmp.Diff(read("guardduty-runtime-process.json"), read("guardduty-finding-pascal.json")); diff != "" {
		t.Errorf("camelCase and PascalCase differ:\n%s", diff)
	}
}

func TestParseEvent(t *testing.T) {
	const odd = `{"type":"T","id":"f","severity":"high","resource":{"instanceDetails":{"instanceId":"i-0a1b2c3d"}},"service":{"action":7}}`
	tests := []struct {
		name, in     string
		started      string // instance
		reason       string
		unknown, bad bool
	}{
		{name: "odd fields start a run all the same", in: odd, started: "i-0a1b2c3d"},
		{name: "what GetFindings answers", in: `{"Findings":[` + odd + `]}`, started: "i-0a1b2c3d"},
		{name: "two findings are no event", in: `{"Findings":[` + odd + `,` + odd + `]}`, unknown: true},
		{name: "an id that is none", in: strings.Replace(odd, "i-0a1b2c3d", "../../x", 1), reason: "no host in this finding"},
		{
			name: "another detail type", in: `{"source":"aws.guardduty","detail-type":"GuardDuty Malware Protection","detail":{}}`,
			reason: `"GuardDuty Malware Protection" from "aws.guardduty" is no GuardDuty finding`,
		},
		{name: "a request is no event", in: `{"target":{"vpc":"vpc-1"}}`, unknown: true},
		{name: "a list is no event", in: `[]`, bad: true},
		{name: "no JSON", in: `{`, bad: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d, err := ParseEvent([]byte(test.in))
			if errors.Is(err, ErrUnknown) != test.unknown || (err != nil) != (test.unknown || test.bad) {
				t.Fatalf("error %v", err)
			}
			var started string
			if d.Request != nil {
				started = strings.Join(d.Request.Target.InstanceIDs, " ")
			}
			if started != test.started || d.Reason != test.reason {
				t.Errorf("started %q, reason %q; expected %q, %q", started, d.Reason, test.started, test.reason)
			}
		})
	}
}

// One finding cannot ask for more than the limits allow.
func TestPivotLimits(t *testing.T) {
	f := finding{ID: "x"}
	for i := range 200 {
		f.Service.RuntimeDetails.Process.Lineage = append(f.Service.RuntimeDetails.Process.Lineage, struct {
			Path string `json:"executablePath"`
			PID  int    `json:"pid"`
		}{"/bin/" + strings.Repeat("x", i), 2})
	}
	f.Service.RuntimeDetails.Context.CommandLineExample = strings.Repeat("y", maxValue+1)
	got := f.pivots()
	if len(got) != maxPivots || got[len(got)-1].Kind != triage.PivotParent {
		t.Errorf("%d pivots, expected %d, all parents", len(got), maxPivots)
	}
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join(events, "*.json"))
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Parse(data)
		if err != nil || d.Request == nil {
			return
		}
		if err := Check(*d.Request); err != nil {
			t.Errorf("what was read is no request: %v", err)
		}
		whole, err := json.Marshal(d.Request)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseRequest(whole)
		if err != nil {
			t.Fatalf("a request that was read cannot be read again: %v\n%s", err, whole)
		}
		second, _ := json.Marshal(again)
		if !bytes.Equal(whole, second) {
			t.Errorf("reading changes a request:\n%s\n%s", whole, second)
		}
	})
}
