// Package collect is what runs on a host: a POSIX shell script, and the SSM
// document that carries it.
//
// In go the parameters of one SendCommand; out come the document, those
// parameters in the form that the document takes, and what the script said on
// stdout, read strictly. The package sends, signs and stores nothing; the
// presigned requests pass through it into the parameters and nowhere else.
//
// The script fetches the query bundle and osquery by presigned GET, verifies
// both, runs the queries one by one and posts a gzip of snapshot log lines to
// "<prefix><instance id>/<sha256>.jsonl.gz". Its last line on stdout is what
// [ParseReport] reads. Its exit status is 1 when that line holds a reason.
package collect

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"reflect"
	"strings"
)

//go:embed collect.sh
var script string

// MaxUpload is the size that the upload form must allow: no snapshot is larger.
const MaxUpload = 64 << 20 // bytes

// Script returns the script as the document carries it: its {{ Name }} stand where
// an agent without ENV_VAR puts the parameters.
func Script() []byte { return []byte(script) }

type document struct {
	SchemaVersion string               `json:"schemaVersion"`
	Description   string               `json:"description"`
	Parameters    map[string]parameter `json:"parameters"`
	MainSteps     []step               `json:"mainSteps"`
}

// parameter has no default: what is sent is said whole. It holds no number
// either, as CloudFormation may turn those into text.
type parameter struct {
	Type              string `json:"type"`
	Description       string `json:"description"`
	AllowedPattern    string `json:"allowedPattern"`
	InterpolationType string `json:"interpolationType"`
}

type step struct {
	Action       string              `json:"action"`
	Name         string              `json:"name"`
	Precondition map[string][]string `json:"precondition"`
	Inputs       inputs              `json:"inputs"`
}

type inputs struct {
	TimeoutSeconds string   `json:"timeoutSeconds"`
	RunCommand     []string `json:"runCommand"`
}

// Document returns the SSM document, JSON of schema 2.2: the same bytes each time.
func Document() []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	err := enc.Encode(document{
		SchemaVersion: "2.2",
		Description:   "diffy: asks osquery on the host and uploads the answers. Nothing of it stays on the host.",
		Parameters:    parameters(),
		MainSteps: []step{{
			Action:       "aws:runShellScript",
			Name:         "collect",
			Precondition: map[string][]string{"StringEquals": {"platformType", "Linux"}},
			Inputs: inputs{
				TimeoutSeconds: "300",
				RunCommand:     strings.Split(strings.TrimSuffix(script, "\n"), "\n"),
			},
		}},
	})
	if err != nil {
		panic(err) // strings and maps of strings always encode
	}
	return out.Bytes()
}

// SameDocument reports whether content is Document, however its JSON is laid out.
func SameDocument(content []byte) bool {
	var ours, theirs any
	if json.Unmarshal(content, &theirs) != nil || json.Unmarshal(Document(), &ours) != nil {
		return false
	}
	return reflect.DeepEqual(ours, theirs)
}
