package report

import (
	"regexp"
	"strings"
)

// redacted stands where a secret was; mark stands for it while there are rules to
// come, which must not take it for a value.
const (
	redacted = "[redacted]"
	mark     = "\x00"
)

// Redact takes secrets out of a command line, a path or a sentence that quotes
// one: passwords in flags, URLs, assignments and connection strings, headers that
// authorise, tokens that are known by their form, private keys, and signatures of
// presigned requests. What is left out is marked, and redacting again changes
// nothing. Digests, ids, paths and other flags stay: they are what a responder
// reads.
//
// It knows forms, not secrets: a password that looks like a file name, after a
// flag that no table here has, is not found.
func Redact(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, mark, `\x00`), redacted, mark)
	for _, rule := range rules {
		if rule.hint == "" || strings.Contains(s, rule.hint) {
			s = rule.form.ReplaceAllString(s, rule.with)
		}
	}
	s = secretKey.ReplaceAllStringFunc(s, randomKey)
	return strings.ReplaceAll(switches(s), mark, redacted)
}

// rule replaces one form of secret. hint is a text without which the form cannot
// be there.
type rule struct {
	hint string
	form *regexp.Regexp
	with string
}

// Names whose value is a secret, at the end of a longer one. Short words need a
// boundary: "bypass" is none.
const (
	longNames  = `(?:pass(?:word|wd|phrase)|secret|token|api[_-]?key|apikey|access[_-]?key|account[_-]?key|private[_-]?key|secret[_-]?key(?:[_-]?base)?|signing[_-]?key|encryption[_-]?key|master[_-]?key|client[_-]?secret|credentials?|sshpass|redis(?:cli)?_auth|connection[_-]?string)`
	shortNames = `(?:pass|passwd|pwd|pw|auth|creds?|sas|sig|signature|bearer|jwt|pin)`
	secretName = `(?:[A-Za-z0-9_.-]*` + longNames + `|(?:[A-Za-z0-9_.-]*[_.-])?` + shortNames + `)`
	// value is a word, or what is between quotes. Shells keep quotes, osquery's
	// command lines have lost them.
	value = `(?:"[^"\x00][^"]*"?|\$?'[^'\x00][^']*'?|[^\s"'\x00][^\s"']*)`
)

// rules, in the order of their use: those for whole forms first, as what they
// leave holds nothing that a later one would take for a name.
var rules = []rule{
	{"PRIVATE KEY", again(`-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|$)`), "[redacted private key]"},
	{"AGE-SECRET", again(`AGE-SECRET-KEY-1[0-9A-Z]+`), mark},
	{"://", again(`(?i)(\b[a-z][a-z0-9+.-]*://[^\s/@:"'<>]*:)[^\s/"'<>]+@`), "${1}" + mark + "@"},

	// Addresses that are secrets themselves.
	{"hooks.slack.com", again(`(hooks\.slack\.com/(?:services|workflows|triggers)/)[^\s"'<>]+`), "${1}" + mark},
	{"/api/webhooks/", again(`(/api/webhooks/[0-9]+/)[^\s"'<>]+`), "${1}" + mark},
	{"webhook.office.com", again(`(webhook\.office\.com/)[^\s"'<>]+`), "${1}" + mark},
	{"api.telegram.org", again(`(api\.telegram\.org/bot)[^\s/"'<>]+`), "${1}" + mark},

	// Parameters of an address end at the next one.
	{"=", again(`(?i)([?&;](?:x-amz-(?:signature|credential|security-token)|x-goog-(?:signature|credential)|awsaccesskeyid|` + secretName + `|key)=)[^&\s"'#;\x00][^&\s"'#;]*`), "${1}" + mark},

	// Tokens that are known by their beginning.
	{"", again(`\b(AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z2-7]{12,16}\b`), "${1}" + mark},
	{"", again(`\b(?:IQoJb3JpZ2lu|FwoGZXIvYXdz|FQoGZXIvYXdz)[A-Za-z0-9/+=%_-]{8,}`), mark},
	{"_", again(`\b(gh[pousr]_|github_pat_|npm_|hf_|dckr_pat_|do[oprt]_v1_|shp(?:at|ss|ca|pa)_|sk_live_|sk_test_|rk_live_|rk_test_|whsec_|glc_|glsa_|lin_api_|figd_|sbp_|pscale_(?:tkn|pw)_|atlasv1_|tskey_|xau_|nvapi_|pat_)[A-Za-z0-9_-]{8,}`), "${1}" + mark},
	{"-", again(`\b(xox[a-z]-|xapp-|xoxe\.xox[bp]-|gl(?:pat|rt|dt|cbt|ptt|ft|soat|agent)-|sk-|pypi-|tskey-|dop_v1_|NRAK-|rubygems_|dt0c01\.)[A-Za-z0-9_.-]{8,}`), "${1}" + mark},
	{"", again(`\b(AIza[A-Za-z0-9_-]{2}|ya29\.|SG\.|hv[sbr]\.|dapi[0-9a-f]{2}|EAACEdEose0cBA|PMAK-|key-[0-9a-f]{2})[A-Za-z0-9_.-]{16,}`), "${1}" + mark},
	{"eyJ", again(`\beyJ[A-Za-z0-9_-]{12,}(?:\.[A-Za-z0-9_-]*){0,4}`), mark},
	{"$", again(`\$(1|2[abxy]?|5|6|7|y|gy|sha1|md5|argon2id?|argon2i)\$[A-Za-z0-9./=,$+-]{12,}`), "$$${1}$$" + mark},
	{":AA", again(`\b[0-9]{8,10}:AA[A-Za-z0-9_-]{30,}`), mark},

	// Headers.
	{"", again(`(?i)\b((?:proxy-)?authorization["']?\s*[:=][\s\\]*["']?(?:(?:basic|bearer|token|digest|negotiate|apikey|key|ntlm|splunk)[\s\\]+)?)(?:aws4-hmac-sha256\s+credential=\S+|\x00|[^\s"',;]+)`), "${1}" + mark},
	{"", again(`(?i)\b(bearer\s+)[A-Za-z0-9._~+/=-]{8,}`), "${1}" + mark},
	{"", again(`(?i)\b((?:set-)?cookie["']?\s*:\s*)(?:\x00|[^"']+)`), "${1}" + mark},
	{"", again(`(?i)\b((?:x-[a-z0-9-]*(?:key|token|secret|auth|signature)|private-token|job-token|deploy-token|api-key|apikey)["']?\s*:\s*["']?)[^\s"',;\x00][^\s"',;]*`), "${1}" + mark},

	// Parts of a connection string end at a semicolon.
	{";", again(`(?i)(;\s*` + secretName + `\s*=\s*)[^;"'\s\x00][^;"'\s]*`), "${1}" + mark},
	{";", again(`(?i)((?:^|[\s"'])` + secretName + `\s*=\s*)[^;"'\s\x00][^;"'\s]*(;[A-Za-z ]+=)`), "${1}" + mark + "${2}"},

	// Assignments and flags. A flag's own next word is its value, unless it is
	// another flag.
	{"=", again(`(?i)((?:^|[\s"'{,(/\[=:-])` + secretName + `["']?=)(` + value + `)`), "${1}" + mark},
	{":", again(`(?i)((?:^|[\s"'{,(\[])["']?` + secretName + `["']?:[ \t]+)(` + value + `)`), "${1}" + mark},
	{":", again(`(?i)(["']` + secretName + `["']:)(` + value + `)`), "${1}" + mark},
	{"-", again(`(?i)((?:^|[\s"'(\[])--?` + secretName + `[ \t]+")[^"\x00][^"]*`), "${1}" + mark},
	{"-", again(`(?i)((?:^|[\s"'(\[])--?` + secretName + `[ \t]+')[^'\x00][^']*`), "${1}" + mark},
	{"-", again(`(?i)((?:^|[\s"'(\[])--?` + secretName + `[ \t]+)([^\s"'\x00-][^\s"']*)`), "${1}" + mark},
	{"", again(`(?i)(\b(?:aws_secret_access_key|aws_session_token|requirepass|masterauth|_authtoken)\s+)(` + value + `)`), "${1}" + mark},
	{"", again(`(?i)(\blogin\s+\S+\s+password\s+)(` + value + `)`), "${1}" + mark},
	{"", again(`(?i)(\bidentified\s+(?:with\s+\S+\s+)?by\s+)(` + value + `)`), "${1}" + mark},
	{"chpasswd", again(`(\becho\s+["']?[^\s:"'|]+:)[^"'|\x00]*[^\s"'|\x00](["']?\s*\|\s*(?:sudo\s+)?(?:[^\s|]*/)?chpasswd)`), "${1}" + mark + "${2}"},
	{"sudo", again(`(\becho\s+(?:-n\s+)?["']?)[^"'|\x00]*[^\s"'|\x00](["']?\s*\|\s*sudo\s+(?:-\S+\s+)*-S\b)`), "${1}" + mark + "${2}"},
	{"pass:", again(`(\bpass:)[^\s"'\x00]+`), "${1}" + mark},
}

func again(expression string) *regexp.Regexp { return regexp.MustCompile(expression) }

// secretKey is what may be a secret access key of AWS: 40 letters, digits, / and +
// that stand alone. Digests of sha1 are as long, and so are some paths.
var secretKey = regexp.MustCompile(`(?:^|[^A-Za-z0-9/+=_.-])[A-Za-z0-9/+]{40}(?:$|[^A-Za-z0-9/+=_.-])`)

// randomKey redacts a candidate that nothing but chance makes: letters of both
// cases and digits, with few of them twice.
func randomKey(found string) string {
	i := strings.IndexFunc(found, inKey)
	key := found[i : i+40]
	kinds, different := [3]int{}, map[rune]bool{}
	for _, r := range key {
		different[r] = true
		switch {
		case r >= 'a' && r <= 'z':
			kinds[0]++
		case r >= 'A' && r <= 'Z':
			kinds[1]++
		case r >= '0' && r <= '9':
			kinds[2]++
		}
	}
	if kinds[0] < 4 || kinds[1] < 4 || kinds[2] < 2 || len(different) < 22 || strings.HasPrefix(key, "/") {
		return found
	}
	return found[:i] + mark + found[i+40:]
}

func inKey(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '/' || r == '+'
}
