package report

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// ocsfTable is what the schema says of the attributes that are required or that
// diffy writes; the file names its source.
type ocsfTable struct {
	Version string `json:"version"`
	Objects map[string]struct {
		Attributes map[string]ocsfAttribute `json:"attributes"`
		AtLeastOne []string                 `json:"at_least_one"`
	} `json:"objects"`
}

type ocsfAttribute struct {
	Type     string            `json:"type"`
	Array    bool              `json:"array"`
	Required bool              `json:"required"`
	Enum     map[string]string `json:"enum"`
}

func readOCSF(t *testing.T) ocsfTable {
	t.Helper()
	data, err := os.ReadFile("testdata/ocsf-" + ocsfVersion + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var table ocsfTable
	if err := json.Unmarshal(data, &table); err != nil {
		t.Fatal(err)
	}
	return table
}

// check returns what the schema minds in an object.
func (s ocsfTable) check(object, place string, value map[string]any) (problems []string) {
	mind := func(name, format string, args ...any) {
		problems = append(problems, place+"."+name+": "+fmt.Sprintf(format, args...))
	}
	known := s.Objects[object]
	for name, a := range known.Attributes {
		if _, there := value[name]; a.Required && !there {
			mind(name, "is required")
		}
	}
	if len(known.AtLeastOne) > 0 && !slices.ContainsFunc(known.AtLeastOne, func(name string) bool { return value[name] != nil }) {
		mind("", "needs one of %s", strings.Join(known.AtLeastOne, ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(value)) {
		a, ok := known.Attributes[name]
		if !ok {
			mind(name, "is no attribute")
			continue
		}
		values := []any{value[name]}
		if a.Array {
			if values, ok = value[name].([]any); !ok || len(values) == 0 {
				mind(name, "expected a list with something in it, got %v", value[name])
			}
		}
		for _, v := range values {
			problems = append(problems, s.one(a, place+"."+name, v)...)
			caption, isName := value[strings.TrimSuffix(strings.TrimSuffix(name, "_id"), "_uid")].(string)
			if want := a.Enum[fmt.Sprint(v)]; isName && strings.HasSuffix(name, "_id") && caption != want {
				mind(name, "is %v, which is %q and not %q", v, want, caption)
			}
		}
	}
	return problems
}

// one checks one value of an attribute.
func (s ocsfTable) one(a ocsfAttribute, place string, v any) []string {
	good := true
	switch a.Type {
	case "integer_t", "long_t", "timestamp_t":
		n, isNumber := v.(float64)
		good = isNumber && n >= 0 && n == float64(int64(n))
		v = int64(n)
	case "string_t", "resource_uid_t":
		_, good = v.(string)
	case "boolean_t":
		_, good = v.(bool)
	case "json_t", "object":
	default:
		inner, isObject := v.(map[string]any)
		if isObject && len(s.Objects[a.Type].Attributes) > 0 {
			return s.check(a.Type, place, inner)
		}
		good = false
	}
	if _, listed := a.Enum[fmt.Sprint(v)]; !good || a.Enum != nil && !listed {
		return []string{fmt.Sprintf("%s: %v is no %s of %v", place, v, a.Type, a.Enum)}
	}
	return nil
}

func TestOCSFSchema(t *testing.T) {
	table := readOCSF(t)
	for name, r := range fixtures(t) {
		lines := 0
		for line := range strings.Lines(written(t, "ocsf", r)) {
			lines++
			var event map[string]any
			if err := json.Unmarshal([]byte(line), &event); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, problem := range table.check("detection_finding", "event", event) {
				t.Errorf("%s, line %d: %s", name, lines, problem)
			}
		}
		if lines != len(r.Findings) {
			t.Errorf("%s: %d events of %d findings", name, lines, len(r.Findings))
		}
	}
}

// The check itself minds what a reader of OCSF would.
func TestOCSFCheck(t *testing.T) {
	table := readOCSF(t)
	valid := strings.SplitN(written(t, "ocsf", fixture(t, "shop")), "\n", 2)[0]
	for _, c := range []struct{ name, from, to, want string }{
		{"an unknown number", `"severity_id":4`, `"severity_id":7`, "event.severity_id"},
		{"a word that is another number's", `"severity":"High"`, `"severity":"Low"`, "event.severity_id"},
		{"a required one is missing", `"class_uid":2004,`, ``, "event.class_uid"},
		{"a name of our own", `"status":`, `"state":`, "event.state"},
		{"text for a number", `"time":`, `"time":"now","count":`, "event.time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var event map[string]any
			if err := json.Unmarshal([]byte(strings.Replace(valid, c.from, c.to, 1)), &event); err != nil {
				t.Fatal(err)
			}
			problems := table.check("detection_finding", "event", event)
			if !slices.ContainsFunc(problems, func(p string) bool { return strings.HasPrefix(p, c.want+":") }) {
				t.Errorf("got %q, want a problem with %s", problems, c.want)
			}
		})
	}
}
