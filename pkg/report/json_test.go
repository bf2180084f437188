package report

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"diffy/pkg/triage"
)

const (
	schemaFile = "../../docs/result.schema.json"
	docFile    = "../../docs/result.md"
)

func schema(t *testing.T) (*jsonschema.Schema, map[string]any) {
	t.Helper()
	b, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(schemaFile, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	return s, doc.(map[string]any)
}

func valid(t *testing.T, s *jsonschema.Schema, result string) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(result))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

func TestSchemaHolds(t *testing.T) {
	s, _ := schema(t)
	for name, r := range map[string]*triage.Result{"shop": fixture(t, "shop"), "quiet": quiet(t), "dark": dark(t), "empty": {Schema: triage.ResultSchema}} {
		if err := valid(t, s, written(t, "json", r)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSchemaRefuses(t *testing.T) {
	s, _ := schema(t)
	for name, spoil := range map[string]func(*triage.Result){
		"another schema":            func(r *triage.Result) { r.Schema = "diffy.result/2" },
		"an unknown severity":       func(r *triage.Result) { r.Findings[0].Severity = "critical" },
		"added with an expectation": func(r *triage.Result) { r.Findings[0].Expected = triage.Row{} },
		"missing with a row":        func(r *triage.Result) { r.Findings[3].Row = triage.Row{} },
		"changed in nothing":        func(r *triage.Result) { r.Findings[6].ChangedColumns = nil },
		"a finding on no host":      func(r *triage.Result) { r.Findings[0].Hosts = nil },
		"not examined, no reason":   func(r *triage.Result) { r.Hosts[len(r.Hosts)-1].Reason = "" },
		"a local time":              func(r *triage.Result) { r.Run.Started = "2026-11-24T08:33:04+01:00" },
		"a technique in words":      func(r *triage.Result) { r.Findings[0].Techniques = []string{"Cron"} },
	} {
		r := fixture(t, "shop")
		spoil(r)
		if valid(t, s, written(t, "json", r)) == nil {
			t.Errorf("the schema takes %s", name)
		}
	}
}

// Every field of a result is in the schema, required, and explained.
func TestEveryFieldIsDocumented(t *testing.T) {
	_, doc := schema(t)
	text, err := os.ReadFile(docFile)
	if err != nil {
		t.Fatal(err)
	}
	defs := doc["$defs"].(map[string]any)
	for of, at := range map[reflect.Type]any{
		reflect.TypeFor[triage.Result]():         doc,
		reflect.TypeFor[triage.RunInfo]():        defs["run"],
		reflect.TypeFor[triage.Trigger]():        defs["trigger"],
		reflect.TypeFor[triage.GroupResult]():    defs["group"],
		reflect.TypeFor[triage.Subpopulation]():  defs["subpopulation"],
		reflect.TypeFor[triage.BaselineResult](): defs["baseline"],
		reflect.TypeFor[triage.HostResult]():     defs["host"],
		reflect.TypeFor[triage.QueryError]():     defs["error"],
		reflect.TypeFor[triage.Finding]():        defs["finding"],
		reflect.TypeFor[triage.Story]():          defs["story"],
		reflect.TypeFor[triage.PivotResult]():    defs["pivot"],
		reflect.TypeFor[triage.Suppressed]():     defs["suppressed"],
		reflect.TypeFor[event]():                 nil,
	} {
		for _, field := range reflect.VisibleFields(of) {
			name, option, _ := strings.Cut(field.Tag.Get("json"), ",")
			if name == "" {
				continue
			}
			if !bytes.Contains(text, []byte("`"+name+"`")) {
				t.Errorf("%s.%s is not explained in %s", of.Name(), name, docFile)
			}
			if at == nil {
				continue
			}
			object := at.(map[string]any)
			if _, ok := object["properties"].(map[string]any)[name]; !ok {
				t.Errorf("%s.%s is not in the schema", of.Name(), name)
			}
			if option != "omitempty" && !strings.Contains(strings.Join(each(object["required"].([]any), func(v any) string { return v.(string) }), " ")+" ", name+" ") {
				t.Errorf("%s.%s is not required", of.Name(), name)
			}
		}
	}
}

// JSON gives back what went in, nil lists aside.
func TestJSONKeepsValues(t *testing.T) {
	for name, r := range fixtures(t) {
		out := written(t, "json", r)
		var got triage.Result
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatal(err)
		}
		same := func(s string) string { return s }
		want := copier{same, same}.result(r)
		for i := range want.Findings {
			if want.Findings[i].Key == nil {
				want.Findings[i].Key = triage.Row{}
			}
		}
		if diff := cmp.Diff(want, &got); diff != "" {
			t.Errorf("%s: -in +out:\n%s", name, diff)
		}
		if strings.Contains(out, `\u003c`) {
			t.Errorf("%s: < is escaped", name)
		}
	}
}

func TestEscapeUnseen(t *testing.T) {
	for in, want := range map[string]string{
		"\"\u009b31m\x7f\"": `"\u009b31m\u007f"`,
		"\"\u202e\u2028\"":  `"\u202e\u2028"`,
		"\"\U000e0041\"":    `"\udb40\udc41"`,
		"\"日本 é\"\n":        "\"日本 é\"\n",
	} {
		if got := string(escapeUnseen([]byte(in))); got != want {
			t.Errorf("%q becomes %s, want %s", in, got, want)
		}
	}
}
