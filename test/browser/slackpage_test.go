package browser

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"regexp"
	"strings"
	"testing"

	"diffy/pkg/report"
)

// slackPage draws a message much as Slack does, from the JSON that it is sent: on
// the left as wide as a phone, on the right as in a window. Its texts go through
// the same rules, so that an injection would show.
func slackPage(sent []byte) ([]byte, error) {
	var m report.SlackMessage
	if err := json.Unmarshal(sent, &m); err != nil {
		return nil, err
	}
	var body strings.Builder
	for _, b := range m.Blocks {
		texts := b.Elements
		if b.Text != nil {
			texts = append(texts, *b.Text)
		}
		fmt.Fprintf(&body, `<div class="%s">`, html.EscapeString(b.Type))
		for _, text := range texts {
			body.WriteString(slackText(text))
		}
		body.WriteString("</div>")
	}
	var page bytes.Buffer
	err := slackTemplate.Execute(&page, map[string]any{"Body": template.HTML(body.String()), "Text": template.HTML(mrkdwn(m.Text, m.Parse == "none"))})
	return page.Bytes(), err
}

func slackText(text report.SlackText) string {
	if text.Type == "plain_text" {
		s := html.EscapeString(text.Text)
		if text.Emoji != nil && *text.Emoji {
			s = emoji(s)
		}
		return s
	}
	return mrkdwn(text.Text, text.Verbatim != nil && *text.Verbatim)
}

var (
	angle   = regexp.MustCompile(`<([^<>\n]+)>`)
	codes   = regexp.MustCompile("`([^`\n]+)`")
	named   = regexp.MustCompile(`:([a-z_]+):`)
	address = regexp.MustCompile(`\b(?:https?://[^\s<]+|(?:[a-z0-9-]+\.)+(?:com|net|org|io|sh|example)\b[^\s<]*)`)
	formats = []struct {
		form *regexp.Regexp
		with string
	}{
		{regexp.MustCompile(`(^|[\s(>])\*([^*\n]+)\*`), "$1<b>$2</b>"},
		{regexp.MustCompile(`(^|[\s(>])_([^_\n]+)_`), "$1<i>$2</i>"},
		{regexp.MustCompile(`(^|[\s(>])~([^~\n]+)~`), "$1<s>$2</s>"},
		{regexp.MustCompile(`(?m)^&gt; ?(.*)$`), "<blockquote>$1</blockquote>"},
	}
)

// mrkdwn draws a text by Slack's rules: what stands in angle brackets is a mention,
// a command or a link wherever it stands; code keeps the rest from formatting; and
// unless the text is to be taken as it is, addresses and names become links.
func mrkdwn(s string, verbatim bool) string {
	var kept []string
	keep := func(markup string) string {
		kept = append(kept, markup)
		return fmt.Sprintf("\x00%d\x00", len(kept)-1)
	}
	s = angle.ReplaceAllStringFunc(s, func(tag string) string {
		target, label, labelled := strings.Cut(tag[1:len(tag)-1], "|")
		if !labelled {
			label = target
		}
		if strings.ContainsRune("!@#", rune(target[0])) {
			return keep(`<span class="mention">@` + html.EscapeString(strings.TrimLeft(label, "!@#")) + `</span>`)
		}
		return keep(`<a href="` + html.EscapeString(html.UnescapeString(target)) + `">` + mrkdwn(label, true) + `</a>`)
	})
	s = codes.ReplaceAllStringFunc(s, func(code string) string {
		return keep("<code>" + html.EscapeString(html.UnescapeString(code[1:len(code)-1])) + "</code>")
	})
	if !verbatim {
		s = address.ReplaceAllStringFunc(s, func(found string) string {
			return keep(`<a href="http://` + html.EscapeString(found) + `">` + found + `</a>`)
		})
	}
	s = emoji(html.EscapeString(html.UnescapeString(s)))
	for _, f := range formats {
		s = f.form.ReplaceAllString(s, f.with)
	}
	s = strings.ReplaceAll(s, "\n", "<br>")
	for i := len(kept) - 1; i >= 0; i-- {
		s = strings.ReplaceAll(s, fmt.Sprintf("\x00%d\x00", i), kept[i])
	}
	return s
}

// emoji draws the signs that messages use; this machine may have no font for them.
func emoji(s string) string {
	return named.ReplaceAllStringFunc(s, func(name string) string {
		if sign, ok := signs[strings.Trim(name, ":")]; ok {
			return sign
		}
		return `<span class="unknown">` + name + `</span>`
	})
}

var signs = map[string]string{
	"red_circle":            `<span class="sign" style="background:#e01e5a"></span>`,
	"large_orange_circle":   `<span class="sign" style="background:#e8912d"></span>`,
	"white_check_mark":      `<span class="sign square" style="background:#2eb67d">✓</span>`,
	"warning":               `<span class="sign square" style="background:#ecb22e;color:#000">!</span>`,
	"x":                     `<span class="sign square" style="background:#e01e5a">✕</span>`,
	"test_tube":             `<span class="sign square" style="background:#36c5f0">T</span>`,
	"information_source":    `<span class="sign square" style="background:#1264a3">i</span>`,
	"black_square_for_stop": `<span class="sign square" style="background:#444">■</span>`,
}

var slackTemplate = template.Must(template.New("slack").Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Slack</title><style>
body{margin:0;padding:16px;background:#f4f4f4;display:flex;gap:24px;align-items:flex-start;font:15px/1.47 Lato,"Helvetica Neue",Arial,sans-serif;color:#1d1c1d}
.column{background:#fff;border:1px solid #ddd;border-radius:10px;overflow:hidden}
.column.phone{width:390px}.column.desk{width:620px}
.bar{padding:10px 16px;border-bottom:1px solid #e8e8e8;font-weight:900}
.note{margin:8px 16px 0;padding:8px 10px;background:#f0f0f0;border-radius:10px;font-size:13px}
.message{display:flex;gap:8px;padding:12px 16px}
.avatar{flex:none;width:36px;height:36px;border-radius:6px;background:#3f0e40;color:#fff;font-weight:900;text-align:center;line-height:36px}
.blocks{min-width:0;flex:1}.who b{font-weight:900}.who span{color:#616061;font-size:12px;margin-left:6px}.who .app{background:#e8e8e8;border-radius:3px;padding:0 3px;font-size:10px;font-weight:700}
.header{font-size:18px;font-weight:900;margin:4px 0}.section{margin:8px 0;overflow-wrap:anywhere}
.divider{border-top:1px solid #e0e0e0;margin:12px 0}.context{font-size:12px;color:#616061;margin:8px 0;overflow-wrap:anywhere}
code{font:12px/1.5 Monaco,Menlo,Consolas,"DejaVu Sans Mono",monospace;color:#e01e5a;background:#f8f8f8;border:1px solid #ddd;border-radius:3px;padding:1px 3px}
a{color:#1264a3;text-decoration:none}.mention{background:#f2c74466;color:#1264a3;border-radius:3px}
.sign{display:inline-block;width:16px;height:16px;border-radius:8px;vertical-align:-2px;text-align:center;color:#fff;font:700 12px/16px sans-serif}.sign.square{border-radius:4px}
</style>
{{define "message"}}<div class="message"><div class="avatar">d</div><div class="blocks"><div class="who"><b>diffy</b> <span class="app">APP</span><span>03:19</span></div>{{.Body}}</div></div>{{end}}
<div class="column phone"><div class="bar"># incidents</div><div class="note"><b>diffy</b><br>{{.Text}}</div>{{template "message" .}}</div>
<div class="column desk"><div class="bar"># incidents</div>{{template "message" .}}</div></html>`))

// The rules show what evidence would do if it were sent as it is; so that seeing
// nothing in the pictures means something.
func TestSlackRules(t *testing.T) {
	for _, test := range []struct {
		text, want string
		verbatim   bool
	}{
		{"<!channel> now", `<span class="mention">@channel</span> now`, true},
		{"`<@U1>`", `<code>`, true},
		{"<http://evil.example|Report>", `<a href="http://evil.example">Report</a>`, true},
		{"*a* _b_ ~c~", "<b>a</b> <i>b</i> <s>c</s>", true},
		{"&lt;!here&gt; `*a*`", "&lt;!here&gt; <code>*a*</code>", true},
		{"see evil.com", `see <a href="http://evil.com">evil.com</a>`, false},
		{"see evil.com", "see evil.com", true},
		{"a\n> b", "a<br>", true},
	} {
		if got := mrkdwn(test.text, test.verbatim); !strings.Contains(got, test.want) {
			t.Errorf("%q is drawn as %q, want %q", test.text, got, test.want)
		}
	}
}
