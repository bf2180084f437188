package collect

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func decode(t *testing.T, data []byte) document {
	t.Helper()
	var doc document
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestDocumentCarriesTheScript(t *testing.T) {
	t.Parallel()
	data := Document()
	if !bytes.Equal(data, Document()) {
		t.Error("not the same bytes each time")
	}
	if len(data) > 64<<10 { // bytes; the SSM limit of a document
		t.Errorf("document has %d bytes", len(data))
	}
	if diff := cmp.Diff(string(Script()), commands(t)); diff != "" {
		t.Errorf("script (-want +got):\n%s", diff)
	}
	if doc := decode(t, data); doc.SchemaVersion != "2.2" || len(doc.MainSteps) != 1 {
		t.Errorf("schema %s, %d steps", doc.SchemaVersion, len(doc.MainSteps))
	}
}

var braces = regexp.MustCompile(`\{\{ ?(\w+) ?\}\}`)

// The parameters that the script reads, that the document declares and that
// Encode sends are the same, and old agents replace each of them once.
func TestParametersPairUp(t *testing.T) {
	t.Parallel()
	var read, declared, sent []string
	for _, m := range braces.FindAllStringSubmatch(script, -1) {
		read = append(read, m[1])
		fallback := `if [ -z "${SSM_` + m[1] + `+x}" ]; then SSM_` + m[1] + `='{{ ` + m[1] + ` }}'; fi`
		if strings.Count(script, fallback) != 1 {
			t.Errorf("the script has no line %s", fallback)
		}
	}
	for name := range decode(t, Document()).Parameters {
		declared = append(declared, name)
	}
	for name := range (Parameters{}).Encode() {
		sent = append(sent, name)
	}
	for _, names := range [][]string{read, declared, sent} {
		slices.Sort(names)
	}
	if diff := cmp.Diff(declared, read); diff != "" {
		t.Errorf("declared and read (-declared +read):\n%s", diff)
	}
	if diff := cmp.Diff(declared, sent); diff != "" {
		t.Errorf("declared and sent (-declared +sent):\n%s", diff)
	}
	if got := strings.Count(script, "{{"); got != len(read) {
		t.Errorf("%d double braces for %d parameters", got, len(read))
	}
}

func TestPatternsAreSafeInAShell(t *testing.T) {
	t.Parallel()
	good := Parameters{
		Run: "web-prod-202611051403-x7k2", Batch: "0001", Attempt: "1-9f2c", Pack: "linux-triage", PackVersion: "1", Osquery: Auto,
		Upload:   Upload{URL: "https://b.s3.eu-west-1.amazonaws.com/", Prefix: "intake/r/0001/1/", Fields: map[string]string{"policy": "eyJ9"}},
		Download: Download{Bundle: Artifact{URL: "https://b/x?X-Amz-Date=1", SHA256: hash(nil)}},
	}.Encode()
	for name, p := range decode(t, Document()).Parameters {
		pattern := regexp.MustCompile(p.AllowedPattern)
		if p.Type != "String" || p.InterpolationType != "ENV_VAR" || p.Description == "" {
			t.Errorf("%s: %+v", name, p)
		}
		if !pattern.MatchString(good[name][0]) {
			t.Errorf("%s: %q does not match %s", name, good[name][0], pattern)
		}
		for c := rune(0); c < 256; c++ {
			harmless := c < 128 && (c == '.' || c == '_' || c == '-' || c == '+' || c == '/' || c == '=' ||
				'0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z')
			for _, value := range []string{string(c), "a" + string(c), "1" + string(c), good[name][0] + string(c), string(c) + good[name][0]} {
				if pattern.MatchString(value) && !harmless {
					t.Errorf("%s lets %q through", name, value)
				}
			}
		}
		if pattern.MatchString("") {
			t.Errorf("%s may be empty", name)
		}
	}
}

func TestEncodeIsLines(t *testing.T) {
	t.Parallel()
	sent := Parameters{
		Upload: Upload{URL: "https://b/", Prefix: "p/", Fields: map[string]string{"policy": "a=\nprefix=x", "algorithm": "v4"}},
		Download: Download{
			Bundle:  Artifact{"https://b/1", "01"},
			Osquery: map[string]Artifact{"x86_64": {"https://b/3", "03"}, "aarch64": {"https://b/2", "02"}},
		},
	}.Encode()
	want := map[string]string{
		"Upload": "url=https://b/\nprefix=p/\nfield.algorithm=v4\nfield.policy=a=prefix=x\n",
		"Download": "bundle=https://b/1\nbundle_sha256=01\n" +
			"osquery_aarch64=https://b/2\nosquery_aarch64_sha256=02\nosquery_x86_64=https://b/3\nosquery_x86_64_sha256=03\n",
	}
	for name, text := range want {
		got, err := base64.StdEncoding.DecodeString(sent[name][0])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(text, string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestSameDocument(t *testing.T) {
	t.Parallel()
	var compact bytes.Buffer
	if err := json.Compact(&compact, Document()); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		content []byte
		want    bool
	}{
		{"itself", Document(), true},
		{"laid out anew", compact.Bytes(), true},
		{"one more command", bytes.Replace(Document(), []byte(`"#!/bin/sh"`), []byte(`"#!/bin/sh", "id"`), 1), false},
		{"a wider pattern", bytes.Replace(Document(), []byte(`(pinned|host|auto)`), []byte(`.*`), 1), false},
		{"no JSON", []byte("schemaVersion: '2.2'"), false},
		{"nothing", nil, false},
	}
	for _, tt := range tests {
		if got := SameDocument(tt.content); got != tt.want {
			t.Errorf("%s: %t", tt.name, got)
		}
	}
}
