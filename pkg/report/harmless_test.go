package report

import (
	"encoding/csv"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"diffy/pkg/triage"
)

func TestVisible(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "/usr/bin/node -e 'x'", "/usr/bin/node -e 'x'"},
		{"letters of all kinds", "名前 über ñ 🦊 é", "名前 über ñ 🦊 é"},
		{"escape sequence", "\x1b[31mred", `\x1b[31mred`},
		{"line ends", "a\r\nb\tc", `a\r\nb\tc`},
		{"nul and del", "\x00\x7f", `\x00\x7f`},
		{"c1 control", "\u009b31m", `\u{009b}31m`},
		{"bidirectional override", "\u202egnp.exe", `\u{202e}gnp.exe`},
		{"isolates", "\u2066x\u2069", `\u{2066}x\u{2069}`},
		{"nothing wide", "a\u200bb\ufeffc\u00add", `a\u{200b}b\u{feff}c\u{00ad}d`},
		{"spaces that are none", "a\u00a0b\u3000c", `a\u{00a0}b\u{3000}c`},
		{"fillers", "\u3164\u2800\u115f", `\u{3164}\u{2800}\u{115f}`},
		{"tags", "x\U000e0041", `x\u{e0041}`},
		{"line separator", "a\u2028b", `a\u{2028}b`},
		{"no utf-8", "a\xffb\xc3", `a\xffb\xc3`},
		{"a real replacement character", "a\ufffdb", "a\ufffdb"},
		{"private use", "\ue000", `\u{e000}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := visible(c.in); got != c.want {
				t.Errorf("visible(%q) = %q, want %q", c.in, got, c.want)
			}
		})
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		in    string
		limit int
		want  string
	}{
		{"short", 5, "short"},
		{"日本語", 3, "日本語"},
		{"日本語です", 3, "日本語… (2 characters more)"},
		{strings.Repeat("x", 2000), 4, "xxxx… (1,996 characters more)"},
		{"abc", 2, "ab… (1 character more)"},
	} {
		if got := cut(c.in, c.limit); got != c.want {
			t.Errorf("cut(%.10q, %d) = %q, want %q", c.in, c.limit, got, c.want)
		}
	}
}

// Two columns of one row never become the same column.
func TestColumnsStayApart(t *testing.T) {
	row := triage.Row{"a\x1b": "1", `a\x1b`: "2", `a\\x1b`: "3"}
	got := harmless(&triage.Result{Findings: []triage.Finding{{Row: row}}}).Findings[0].Row
	if len(got) != 3 {
		t.Errorf("%d columns are left of 3: %v", len(got), got)
	}
}

// filled is a result with s in every string of it, and two of everything.
func filled(s string) *triage.Result {
	var r triage.Result
	fill(reflect.ValueOf(&r).Elem(), s)
	for i, k := range []triage.Kind{triage.Added, triage.Changed} {
		r.Findings[i].Kind, r.Findings[i].Severity = k, triage.High
		r.Hosts[i].Status, r.Hosts[i].Outlier = triage.Partial, true
	}
	return &r
}

func fill(v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Int:
		v.SetInt(2)
	case reflect.Float64:
		v.SetFloat(3.5)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), s)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), s)
		fill(v.Index(1), s)
	case reflect.Map:
		v.Set(reflect.ValueOf(triage.Row{s: s, s + "2": s, "mtime": s}))
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), s)
		}
	}
}

var (
	sgr        = regexp.MustCompile(`\x1b\[[0-9;]+m`)
	attributes = regexp.MustCompile(`"[^"]*"`)
	handler    = regexp.MustCompile(`(?i)[\s/]on[a-z]+\s*=`)
	tags       = regexp.MustCompile(`<[a-zA-Z/!][^>]*`)
)

// FuzzFormats puts one string into every string of a result.
func FuzzFormats(f *testing.F) {
	for _, s := range []string{
		"", "plain", "<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "</style></script><!--", "{{.}}", "]]>",
		"\x1b[2J\x1b]0;t\x07", "\u009b31m", "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "a;=1", `";=1`, " =1", "＝1", "'=1",
		"\u202e", "\xff\xfe", "\x00", "javascript:alert(1)", "$(reboot)", "a'b", strings.Repeat("長", 5000), strings.Repeat("e\u0301", 300),
		"2026-11-24T08:33:04Z", "1795509102", "i-0c1f7a2be94d03e55",
	} {
		f.Add(s)
	}
	plain := len(tags.FindAllString(written(f, "html", filled("plain")), -1))
	f.Fuzz(func(t *testing.T, s string) {
		r := filled(s)
		for format := range formats {
			out := written(t, format, r)
			if !utf8.ValidString(out) {
				t.Errorf("%s is no UTF-8", format)
			}
			rest := strings.ReplaceAll(strings.ReplaceAll(out, pageCSS, ""), pageJS, "")
			if format == "color.txt" {
				rest = sgr.ReplaceAllString(rest, "")
			}
			for _, c := range rest {
				if !shown(c) && c != '\n' && (c != '\r' || format != "csv") {
					t.Fatalf("%s holds %U", format, c)
				}
			}
			switch format {
			case "html":
				checkPage(t, rest, plain)
			case "csv":
				checkCells(t, out)
			case "txt", "narrow.txt":
				checkWidth(t, out, map[string]int{"txt": 100, "narrow.txt": 60}[format])
			}
		}
	})
}

// checkPage sees that evidence added no element: it changes text and attributes
// only, but for the few elements that depend on what a value is.
func checkPage(t *testing.T, page string, plain int) {
	t.Helper()
	if n := strings.Count(strings.ToLower(page), "<script"); n != 1 {
		t.Errorf("the page has %d scripts, want 1", n)
	}
	for _, tag := range tags.FindAllString(page, -1) {
		name := strings.ToLower(strings.TrimLeft(tag, "</!"))
		for _, bad := range []string{"img", "iframe", "object", "embed", "form", "base", "math"} {
			if strings.HasPrefix(name, bad) && !strings.HasPrefix(name, "main") {
				t.Errorf("the page has a %s", bad)
			}
		}
		if handler.MatchString(attributes.ReplaceAllString(tag, "")) {
			t.Errorf("the page has a handler: %s", tag)
		}
	}
	if n := len(tags.FindAllString(page, -1)); n > plain+200 {
		t.Errorf("the page has %d tags, a plain one %d", n, plain)
	}
}

func checkCells(t *testing.T, out string) {
	t.Helper()
	for _, comma := range []rune{',', ';'} {
		c := csv.NewReader(strings.NewReader(out))
		c.Comma, c.LazyQuotes, c.FieldsPerRecord = comma, true, -1
		lines, err := c.ReadAll()
		if err != nil && comma == ',' {
			t.Fatalf("the CSV cannot be read: %v", err)
		}
		for _, line := range lines {
			for _, cell := range line {
				if t2 := strings.TrimLeft(cell, " \""); t2 != "" && strings.ContainsAny(t2[:1], "=+-@\t\r") {
					t.Fatalf("split at %q, a cell begins with %q: %.60q", comma, t2[:1], cell)
				}
			}
		}
	}
}
