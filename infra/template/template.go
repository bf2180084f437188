// Package template reads what the CDK app has synthesised.
//
// In goes a cloud assembly's folder; out come its resources as plain values, what
// each role may do, and what cdk-nag said. It resolves nothing that only
// CloudFormation can: a reference becomes the name of what it refers to, in angle
// brackets. It knows no CDK.
package template

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Template is one stack.
type Template struct {
	Resources  map[string]Resource
	Parameters map[string]map[string]any
}

// Resource is one resource, its intrinsic functions written as text.
type Resource struct {
	Type                string
	Condition           string
	DeletionPolicy      string
	UpdateReplacePolicy string
	Properties          map[string]any
	Metadata            map[string]any
}

// Read reads the template of a stack.
func Read(assembly, stack string) (*Template, error) {
	file := filepath.Join(assembly, stack+".template.json")
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var t Template
	if err := json.Unmarshal(data, &t); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	for id, r := range t.Resources {
		if plain, ok := Plain(r.Properties).(map[string]any); ok {
			r.Properties = plain
		}
		t.Resources[id] = r
	}
	return &t, nil
}

// Of returns the ids of the resources of a type, sorted.
func (t *Template) Of(kind string) []string {
	var ids []string
	for id, r := range t.Resources {
		if r.Type == kind {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// Plain writes intrinsic functions as text: "<Table.Arn>", "<account>".
func Plain(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = Plain(e)
		}
		return out
	case map[string]any:
		if len(v) == 1 {
			for name, of := range v {
				if text, ok := intrinsic(name, of); ok {
					return text
				}
			}
		}
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = Plain(e)
		}
		return out
	}
	return v
}

var pseudo = map[string]string{
	"AWS::AccountId": "<account>", "AWS::Region": "<region>", "AWS::Partition": "aws", "AWS::NoValue": "<none>",
}

func intrinsic(name string, of any) (string, bool) {
	switch name {
	case "Ref":
		id := fmt.Sprint(of)
		if text, ok := pseudo[id]; ok {
			return text, true
		}
		return "<" + id + ">", true
	case "Fn::GetAtt":
		return "<" + join(of, ".") + ">", true
	case "Fn::Join":
		if parts, ok := of.([]any); ok && len(parts) == 2 {
			return join(Plain(parts[1]), fmt.Sprint(parts[0])), true
		}
	case "Fn::If":
		if parts, ok := of.([]any); ok && len(parts) == 3 {
			return fmt.Sprintf("<if %v: %v, else %v>", parts[0], Plain(parts[1]), Plain(parts[2])), true
		}
	}
	return "", false
}

func join(list any, between string) string {
	var parts []string
	for _, e := range List(list) {
		parts = append(parts, fmt.Sprint(e))
	}
	return strings.Join(parts, between)
}

// List is v if it is a list, none if it is nil, and else a list of v alone: IAM
// and the CDK write one for the other.
func List(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

// Strings is List as text.
func Strings(v any) []string {
	var out []string
	for _, e := range List(v) {
		out = append(out, fmt.Sprint(e))
	}
	return out
}

// keys are those of a JSON object, sorted.
func keys(v any) []string {
	m, _ := v.(map[string]any)
	return slices.Sorted(maps.Keys(m))
}
