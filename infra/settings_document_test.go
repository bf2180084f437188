package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// TestSettingsAreDocumented: the table of docs/operations.md is what settings.go says.
func TestSettingsAreDocumented(t *testing.T) {
	const file = "../docs/operations.md"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile(`(?s)<!-- settings -->\n.*?<!-- /settings -->\n`)
	if !block.Match(data) {
		t.Fatalf("%s has no block of settings", file)
	}
	text := block.ReplaceAllLiteralString(string(data), "<!-- settings -->\n"+settingsTable(t)+"<!-- /settings -->\n")
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	same(t, file+"; go test ./infra -run SettingsAreDocumented -update writes its table anew", text, string(data))
}

func settingsTable(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| setting | default | what it is |\n| --- | --- | --- |\n")
	comments := commentsOf(t, "settings.go", "settings")
	given := reflect.ValueOf(defaults())
	comment := ""
	for i := range given.NumField() {
		field := given.Type().Field(i)
		if c := comments[field.Name]; c != "" {
			comment = c // else that of the field before, which names both
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", field.Tag.Get("json"), shown(given.Field(i).Interface()), asChosen(given.Type(), comment))
	}
	return b.String()
}

// asChosen calls fields what users call them: a name of several words wherever it
// stands, of one word only where the comment begins.
func asChosen(of reflect.Type, comment string) string {
	for i := range of.NumField() {
		field, setting := of.Field(i).Name, of.Field(i).Tag.Get("json")
		if rest, ok := strings.CutPrefix(comment, field+" "); ok {
			comment = "`" + setting + "` " + rest
		}
		if regexp.MustCompile(`[a-z][A-Z]`).MatchString(field) {
			comment = regexp.MustCompile(`(^|[^A-Za-z`+"`"+`])`+field+`\b`).ReplaceAllString(comment, "$1`"+setting+"`")
		}
	}
	return comment
}

func shown(value any) string {
	if list, ok := value.([]string); ok {
		value = strings.Join(list, " ")
	}
	if text := fmt.Sprint(value); text != "" {
		return "`" + text + "`"
	}
	return ""
}

// commentsOf returns the comment of each field of a struct, on one line.
func commentsOf(t *testing.T, file, name string) map[string]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != name {
			return true
		}
		for _, field := range spec.Type.(*ast.StructType).Fields.List {
			for _, id := range field.Names {
				out[id.Name] = strings.Join(strings.Fields(field.Doc.Text()), " ")
			}
		}
		return false
	})
	if len(out) == 0 {
		t.Fatalf("%s has no struct %s", file, name)
	}
	return out
}
