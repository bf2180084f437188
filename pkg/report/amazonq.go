package report

import (
	"bytes"
	"encoding/json"
	"strings"
)

// What Amazon Q in chat takes of a title and of a description.
const (
	chatTitle       = 250
	chatDescription = 8000
)

// chatMessage is the one schema that Amazon Q in chat applications passes on; it
// drops any other message without a word.
type chatMessage struct {
	Version  string       `json:"version"`
	Source   string       `json:"source"`
	ID       string       `json:"id"`
	Content  chatContent  `json:"content"`
	Metadata chatMetadata `json:"metadata"`
}

type chatContent struct {
	TextType    string   `json:"textType"`
	Title       string   `json:"title"`
	Description string   `json:"description"`
	NextSteps   []string `json:"nextSteps,omitempty"`
	Keywords    []string `json:"keywords,omitempty"`
}

type chatMetadata struct {
	ThreadID  string `json:"threadId"`
	Summary   string `json:"summary"`
	EventType string `json:"eventType"`
}

// AmazonQ is the form for Amazon Q in chat applications. All messages of an
// incident have one thread.
func (a Alert) AmazonQ() ([]byte, error) {
	a = a.Sealed()
	var lines []string
	for _, f := range a.facts(chatValue) {
		lines = append(lines, f.Label+": "+f.Text)
	}
	hosts, left := a.told(chatValue)
	for i, h := range hosts {
		lines = append(lines, number(i+1)+". "+h.Head)
		for _, f := range h.Top {
			lines = append(lines, "- "+f)
		}
	}
	if left > 0 {
		lines = append(lines, "and "+plural(left, "more host"))
	}
	if s := a.pivots(chatValue); s != "" {
		lines = append(lines, "Asked for: "+s)
	}
	if len(a.Unseen) > 0 {
		lines = append(lines, "Not seen: "+strings.Join(a.unseen(chatValue), "; "))
	}
	m := chatMessage{
		Version: "1.0", Source: "custom", ID: a.ID,
		Content: chatContent{
			TextType: "client-markdown", Title: short(a.mood()+" "+chatPlain(a.Verdict), chatTitle),
			Description: short(strings.Join(lines, "\n"), chatDescription), Keywords: []string{"diffy", a.Severity},
		},
		Metadata: chatMetadata{ThreadID: a.Thread(), Summary: short(chatPlain(a.Verdict), chatTitle), EventType: AlertSchema},
	}
	if a.Console != "" {
		m.Content.NextSteps = append(m.Content.NextSteps, a.consoleName()+": "+a.Console)
	}
	if a.Command != "" {
		m.Content.NextSteps = append(m.Content.NextSteps, "Run `"+a.Command+"`")
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(m)
	return bytes.TrimSpace(b.Bytes()), err
}

// Thread names the conversation that a message belongs to: its incident or, where
// there is none, itself.
func (a Alert) Thread() string {
	if a.Incident == "" {
		return short(a.ID, 2*nameLength)
	}
	return short(a.Incident, nameLength)
}

// chatValue sets a value as code. The clients of Amazon Q do not agree on how to
// escape what begins a mention or a link, so that look-alikes stand for it.
func chatValue(s string) string {
	s = strings.TrimSpace(chatAlike.Replace(defang(s)))
	if s == "" {
		s = "-"
	}
	return "`" + s + "`"
}

func chatPlain(s string) string {
	return strings.NewReplacer("*", "∗", "_", "ˍ", "~", "∼", "#", "＃", ":", "∶", "[", "［", "]", "］").Replace(chatAlike.Replace(defang(s)))
}

var chatAlike = strings.NewReplacer("`", "ˋ", "<", "‹", ">", "›", "&", "＆", "@", "＠")
