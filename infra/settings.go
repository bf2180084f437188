package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// settings is everything that a user may choose. Each is a context key of the
// CDK; as text (`-c lockDays=365`) or as JSON in infra/context.json. Lists as
// text are separated by commas.
type settings struct {
	// Name begins every name in the account: two deployments in one account need two,
	// as roles belong to no region. Lower case, as bucket names must be.
	Name string `json:"name"`
	// HostTag limits commands to instances with this tag, "Key=Value". Empty allows
	// every instance of the account, and the synthesis says so.
	HostTag string `json:"hostTag"`
	// Organization is the id of the AWS organisation (o-…): only its principals may
	// forward findings and assume the target role. Empty: no such condition.
	Organization string `json:"organization"`
	// MemberAccounts are the accounts besides the hub's in which hosts are examined.
	MemberAccounts []string `json:"memberAccounts"`
	// ExternalID is asked for when the target role of an account is assumed.
	ExternalID string `json:"externalId"`

	// LockMode is GOVERNANCE, which the break-glass role can lift, or COMPLIANCE,
	// which nobody can, the account's owner and AWS included.
	LockMode string `json:"lockMode"`
	// LockDays is how long evidence cannot be deleted.
	LockDays int `json:"lockDays"`
	// EvidenceDays is how long evidence and results are kept; at least LockDays.
	EvidenceDays int `json:"evidenceDays"`
	// LogDays is how long logs are kept; one of the retentions of CloudWatch Logs.
	LogDays int `json:"logDays"`
	// BreakGlassPrincipal may assume the break-glass role. Empty: whoever the account
	// allows to, with a second factor.
	BreakGlassPrincipal string `json:"breakGlassPrincipal"`
	// DeployRole is the role that CloudFormation works with; it alone besides the
	// break-glass role may change the policies of key and evidence. Empty: the
	// execution role of the CDK's bootstrap.
	DeployRole string `json:"deployRole"`
	// PermissionsBoundary is the ARN of a managed policy set on every role.
	PermissionsBoundary string `json:"permissionsBoundary"`

	// MinSeverity is the lowest severity of a GuardDuty finding that starts a run.
	MinSeverity float64 `json:"minSeverity"`
	// IgnoredFindings are beginnings of finding types that never start a run.
	IgnoredFindings []string `json:"ignoredFindings"`
	// RunsPerHour is how many runs findings may start in an hour. Further ones wait,
	// and people are told once. Runs that people start are not counted.
	RunsPerHour int `json:"runsPerHour"`
	// GroupTag is the tag whose value makes a group of instances that have nothing
	// else in common. Empty: no such group.
	GroupTag string `json:"groupTag"`

	// Osquery says whose osquery runs on hosts: pinned, host, or auto, which is the
	// pinned one and else the host's own.
	Osquery string `json:"osquery"`
	// OsqueryX86 and OsqueryArm are the sha256 of the pinned releases, which
	// `diffy osquery upload` has put into the artifacts.
	OsqueryX86 string `json:"osqueryX86"`
	OsqueryArm string `json:"osqueryArm"`

	// ExtractMemory and AnalyzeMemory are in MiB. New accounts refuse more than
	// 3,008; 100,000 hosts want 10,240 for the analysis.
	ExtractMemory int `json:"extractMemory"`
	AnalyzeMemory int `json:"analyzeMemory"`
	// ReservedConcurrency is set on the functions of the map when it is above 0.
	// Small accounts have too little to reserve any.
	ReservedConcurrency int `json:"reservedConcurrency"`

	// Email is subscribed to results and alarms. Empty: nobody is.
	Email string `json:"email"`
	// SlackSecret is the ARN of the secret that lets diffy into a channel of Slack; see
	// docs/alerts.md. Empty: no Slack.
	SlackSecret string `json:"slackSecret"`
	// IntakeAlarmMiB is how much hosts may upload in five minutes before it alarms.
	IntakeAlarmMiB int `json:"intakeAlarmMiB"`
	// CoverageAlarm is the share of hosts, in percent, below which a run alarms.
	CoverageAlarm float64 `json:"coverageAlarm"`
}

// hostless begin the types of GuardDuty findings about storage, databases and
// functions, which name no instance. AttackSequence:S3/… is not among them: it
// may name several.
var hostless = []string{
	"Policy:",
	"Discovery:S3/", "Exfiltration:S3/", "Impact:S3/", "PenTest:S3/", "Stealth:S3/", "UnauthorizedAccess:S3/", "Object:S3/",
	"CredentialAccess:RDS/", "Discovery:RDS/",
	"Backdoor:Lambda/", "CryptoCurrency:Lambda/", "Trojan:Lambda/", "UnauthorizedAccess:Lambda/",
}

func defaults() settings {
	return settings{
		Name:            "diffy",
		MemberAccounts:  []string{},
		ExternalID:      "diffy",
		LockMode:        "GOVERNANCE",
		LockDays:        90,
		EvidenceDays:    365,
		LogDays:         90,
		MinSeverity:     4,
		RunsPerHour:     20,
		IgnoredFindings: hostless,
		Osquery:         "auto",
		ExtractMemory:   2048,
		AnalyzeMemory:   3008,
		IntakeAlarmMiB:  2048,
		CoverageAlarm:   90,
	}
}

// readContext reads the choices that last. No file: none. A key that is no
// setting is an error, so that a misspelt one is not a silent default.
func readContext(file string) (map[string]any, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var chosen map[string]any
	if err := json.Unmarshal(data, &chosen); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	known := asMap(defaults())
	for _, key := range slices.Sorted(maps.Keys(chosen)) {
		if _, ok := known[key]; !ok {
			return nil, fmt.Errorf("read %s: no setting is named %q", file, key)
		}
	}
	return chosen, nil
}

// loadSettings asks for every setting; nil is the default.
func loadSettings(context func(key string) any) (settings, error) {
	merged := asMap(defaults())
	for key, fallback := range merged {
		value := context(key)
		if value == nil {
			continue
		}
		value, err := parseAs(fallback, value)
		if err != nil {
			return settings{}, fmt.Errorf("read setting %s: %w", key, err)
		}
		merged[key] = value
	}
	data, err := json.Marshal(merged)
	if err != nil {
		return settings{}, err
	}
	var s settings
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&s); err != nil {
		return settings{}, fmt.Errorf("read settings: %w", err)
	}
	return s, s.check()
}

// parseAs turns text, which is what a command line gives, into what the default is.
func parseAs(fallback, value any) (any, error) {
	text, ok := value.(string)
	if !ok {
		return value, nil
	}
	switch fallback.(type) {
	case float64:
		return strconv.ParseFloat(text, 64)
	case []any:
		return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }), nil
	}
	return text, nil
}

func asMap(s settings) map[string]any {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err) // a struct of plain values
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		panic(err)
	}
	return m
}

// retentions are the days that CloudWatch Logs can keep logs for.
var retentions = []int{
	1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
}

var (
	organizationPattern = regexp.MustCompile(`^o-[a-z0-9]{10,32}$`)
	namePattern         = regexp.MustCompile(`^[a-z][a-z0-9-]{1,20}$`) // buckets: 63 characters with account and region
	accountPattern      = regexp.MustCompile(`^[0-9]{12}$`)
	secretPattern       = regexp.MustCompile(`^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@!-]+-[A-Za-z0-9]{6}$`)
	digestPattern       = regexp.MustCompile(`^[0-9a-f]{64}$`)
	tagPattern          = regexp.MustCompile(`^[^=*?]+=[^*?]+$`)
)

func (s settings) check() error {
	var errs []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	wrong(!namePattern.MatchString(s.Name), "name %q: want 2 to 21 of a-z, 0-9 and -", s.Name)
	wrong(s.HostTag != "" && !tagPattern.MatchString(s.HostTag), "hostTag %q: want Key=Value", s.HostTag)
	for _, account := range s.MemberAccounts {
		wrong(!accountPattern.MatchString(account), "memberAccounts: %q is no account id", account)
	}
	wrong(s.LockMode != "GOVERNANCE" && s.LockMode != "COMPLIANCE", "lockMode %q: want GOVERNANCE or COMPLIANCE", s.LockMode)
	wrong(s.LockDays < 1, "lockDays %d: want at least 1", s.LockDays)
	wrong(s.EvidenceDays < s.LockDays, "evidenceDays %d: want at least lockDays, %d", s.EvidenceDays, s.LockDays)
	wrong(!slices.Contains([]string{"pinned", "host", "auto"}, s.Osquery), "osquery %q: want pinned, host or auto", s.Osquery)
	wrong(s.Osquery == "pinned" && s.OsqueryX86+s.OsqueryArm == "", "osquery pinned: want osqueryX86 or osqueryArm")
	for _, digest := range []string{s.OsqueryX86, s.OsqueryArm} {
		wrong(digest != "" && !digestPattern.MatchString(digest), "osquery digest %q: want 64 hexadecimal digits", digest)
	}
	wrong(!slices.Contains(retentions, s.LogDays), "logDays %d: want one of %v", s.LogDays, retentions)
	wrong(s.Email != "" && !strings.Contains(s.Email, "@"), "email %q: want an address", s.Email)
	wrong(s.SlackSecret != "" && !secretPattern.MatchString(s.SlackSecret), "slackSecret %q: want the whole ARN of a secret, with the six characters at its end", s.SlackSecret)
	wrong(s.Organization != "" && !organizationPattern.MatchString(s.Organization), "organization %q: want o-…", s.Organization)
	wrong(s.RunsPerHour < 1 || s.RunsPerHour > 1000, "runsPerHour %d: want 1 to 1000", s.RunsPerHour)
	wrong(s.MinSeverity < 1 || s.MinSeverity > 10, "minSeverity %v: want 1 to 10", s.MinSeverity)
	wrong(s.ExtractMemory < 512 || s.ExtractMemory > 10240, "extractMemory %d: want 512 to 10240", s.ExtractMemory)
	wrong(s.AnalyzeMemory < 512 || s.AnalyzeMemory > 10240, "analyzeMemory %d: want 512 to 10240", s.AnalyzeMemory)
	wrong(s.ExternalID == "", "externalId: want a value")
	return errors.Join(errs...)
}
