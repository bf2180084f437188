package report

import "strings"

// Limits of Slack.
const (
	slackSection = 3000 // characters of a section's text
	slackHeader  = 150  // characters of a header
	slackEarlier = 8    // lines on earlier runs
	slackLong    = 400  // bytes of a value as it is sent, so that a line never fills a section
)

// SlackMessage is what Slack is sent, beside where to: chat.postMessage,
// chat.update and incoming webhooks take the same. Nothing in it is parsed for
// names or addresses but what is marked up as such, and that is ours alone.
type SlackMessage struct {
	Text        string       `json:"text"` // what a notification shows
	Blocks      []SlackBlock `json:"blocks,omitempty"`
	Parse       string       `json:"parse"`
	LinkNames   bool         `json:"link_names"`
	UnfurlLinks bool         `json:"unfurl_links"`
	UnfurlMedia bool         `json:"unfurl_media"`
}

// SlackBlock is a block of Block Kit: a header or a section has a text, a context
// has elements, a divider neither.
type SlackBlock struct {
	Type     string      `json:"type"`
	Text     *SlackText  `json:"text,omitempty"`
	Elements []SlackText `json:"elements,omitempty"`
}

// SlackText is a text object. Verbatim keeps Slack from making links of words.
type SlackText struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Emoji    *bool  `json:"emoji,omitempty"`
	Verbatim *bool  `json:"verbatim,omitempty"`
}

// Slack is the form for Slack. Earlier are the verdicts of other runs of the same
// incident, by run.
func (a Alert) Slack(earlier []SlackEarlier) SlackMessage {
	a = a.Sealed()
	m := SlackMessage{Text: a.mood() + " " + slackPlain(short(a.title(), slackHeader)) + slackIn(a.Group), Parse: "none"}
	add := func(b SlackBlock) { m.Blocks = append(m.Blocks, b) }
	add(slackTitle(a.mood() + " " + a.title()))
	add(slackLines(a.slackFacts()))
	for _, lines := range a.slackOutliers() {
		add(slackLines(lines))
	}
	if s := a.pivots(slackValue); s != "" {
		add(slackLines([]string{"*Asked for*  " + s}))
	}
	if lines := a.slackUnseen(); len(lines) > 0 {
		add(slackLines(lines))
	}
	if lines := a.slackWays(); len(lines) > 0 {
		add(SlackBlock{Type: "divider"})
		add(slackLines(lines))
	}
	if lines := a.slackNotes(earlier); len(lines) > 0 {
		add(SlackBlock{Type: "context", Elements: []SlackText{*slackLines(lines).Text}})
	}
	return m
}

// SlackEarlier is an earlier run of an incident, as the message on a later one
// names it.
type SlackEarlier struct {
	Run     string `json:"run"`
	Verdict string `json:"verdict"`
}

// mood is what one sees first.
func (a Alert) mood() string {
	switch {
	case a.Test:
		return ":test_tube:"
	case a.Status == "failed":
		return ":x:"
	case a.Status == "stopped":
		return ":black_square_for_stop:"
	case a.Severity == NothingIsSeen:
		return ":warning:"
	case a.Hosts == nil:
		return ":information_source:"
	case a.Hosts.Outliers == 0 && a.Hosts.Examined == a.Hosts.Requested:
		return ":white_check_mark:"
	case a.Hosts.Outliers == 0:
		return ":warning:"
	case a.Severity == "high":
		return ":red_circle:"
	}
	return ":large_orange_circle:"
}

// title is the verdict where it is all our own words, and what stands for it where
// it quotes something.
func (a Alert) title() string {
	switch {
	case a.Test:
		return "TEST"
	case a.Status == "failed":
		return "The run failed"
	case a.Status == "stopped":
		return "The run was stopped"
	case a.Hosts != nil && a.Hosts.Outliers > 0:
		return strings.ToUpper(ours(a.Severity, slackPlain)) + ": " + a.Verdict
	case a.Hosts != nil:
		return a.Verdict
	}
	return "Notice"
}

func (a Alert) slackFacts() []string {
	var lines []string
	if !strings.HasSuffix(a.title(), a.Verdict) {
		lines = append(lines, slackPlain(strings.TrimPrefix(a.Verdict, a.title()+": ")))
	}
	for _, f := range a.facts(slackValue) {
		lines = append(lines, "*"+f.Label+"*  "+f.Text)
	}
	return lines
}

// slackOutliers are the lines of each outlier that is told.
func (a Alert) slackOutliers() [][]string {
	var out [][]string
	hosts, left := a.told(slackValue)
	for i, h := range hosts {
		lines := append([]string{"*" + number(i+1) + ".* " + h.Head}, bullets(h.Top)...)
		if left > 0 && i == len(hosts)-1 {
			lines = append(lines, "and "+plural(left, "more host"))
		}
		out = append(out, lines)
	}
	return out
}

func (a Alert) slackUnseen() []string {
	gaps := a.unseen(slackValue)
	if len(gaps) == 1 {
		return []string{"*Not seen*  " + gaps[0]}
	}
	if len(gaps) > 1 {
		return append([]string{"*Not seen*"}, bullets(gaps)...)
	}
	return nil
}

func bullets(lines []string) []string {
	return each(lines, func(l string) string { return "• " + l })
}

// slackWays are where to read on.
func (a Alert) slackWays() []string {
	var lines []string
	if a.Console != "" {
		lines = append(lines, "<"+slackEscape(a.Console)+"|*"+a.consoleName()+"*>")
	}
	if a.Command != "" {
		lines = append(lines, slackCode(a.Command))
	}
	return lines
}

func (a Alert) consoleName() string {
	if a.Status == "succeeded" {
		return "Open the report"
	}
	return "Open the execution"
}

func (a Alert) slackNotes(earlier []SlackEarlier) []string {
	var lines []string
	if a.Finished != "" {
		lines = append(lines, "Ended "+when(a.Finished, slackValue))
	}
	show, left := head(earlier, slackEarlier)
	for _, e := range show {
		lines = append(lines, "Earlier: "+slackValue(sealedText(e.Run, nameLength))+" "+slackPlain(sealedText(e.Verdict, nameLength)))
	}
	if left > 0 {
		lines = append(lines, "and "+plural(left, "more run")+" before these")
	}
	return lines
}

func slackTitle(s string) SlackBlock {
	emoji := true
	return SlackBlock{Type: "header", Text: &SlackText{Type: "plain_text", Text: short(s, slackHeader), Emoji: &emoji}}
}

// slackLines is a section with as many whole lines as one takes.
func slackLines(lines []string) SlackBlock {
	verbatim := true
	text := ""
	for i, l := range lines {
		if i > 0 {
			l = "\n" + l
		}
		if len(text)+len(l) > slackSection { // bytes, which are at least as many as characters
			break
		}
		text += l
	}
	return SlackBlock{Type: "section", Text: &SlackText{Type: "mrkdwn", Text: text, Verbatim: &verbatim}}
}

func slackIn(group string) string {
	if group == "" {
		return ""
	}
	return ", " + slackPlain(group)
}

// slackValue sets a value as code, where nothing formats, with what would be a
// link taken apart.
func slackValue(s string) string { return slackCode(defang(s)) }

func slackCode(s string) string {
	s = strings.TrimSpace(strings.ReplaceAll(s, "`", "ˋ")) // a grave accent that ends no code
	if s == "" {
		s = "-"
	}
	code := slackEscape(s)
	for length := slackLong; len(code) > slackLong; length -= slackLong / 8 {
		code = slackEscape(short(s, length))
	}
	return "`" + code + "`"
}

// slackPlain sets a sentence with what would format in it replaced by signs that
// look alike.
func slackPlain(s string) string { return slackEscape(slackAlike.Replace(defang(s))) }

var slackAlike = strings.NewReplacer("*", "∗", "_", "ˍ", "~", "∼", "`", "ˋ", "@", "＠", "#", "＃", ":", "∶")

// slackEscape is what Slack asks of every text: these three begin its markup.
func slackEscape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
