package template

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"diffy/pkg/cloud"
)

// deployed names the hub's parts as a template that was read does.
var deployed = cloud.Config{
	Account: "<account>", Region: "<region>", Intake: "<IntakeBucket>",
	Evidence: "<EvidenceBucket>", Work: "<WorkBucket>", Table: "<Table>", Topic: "<ResultsTopic>",
	StateMachine: "arn:aws:states:<region>:<account>:stateMachine:diffy-triage", Document: "diffy-collect",
}

// asReferred writes the ARN of a part as the template refers to it.
var asReferred = strings.NewReplacer(
	"arn:aws:s3:::<IntakeBucket>/", "arn:aws:s3:::diffy-intake-<account>-<region>/", // objects: of any region
	"arn:aws:s3:::<IntakeBucket>", "<IntakeBucket.Arn>",
	"arn:aws:s3:::<EvidenceBucket>", "<EvidenceBucket.Arn>", "arn:aws:s3:::<WorkBucket>", "<WorkBucket.Arn>",
	"arn:aws:dynamodb:<region>:<account>:table/<Table>", "<Table.Arn>",
	"arn:aws:lambda:<region>:<account>:function:diffy-analyze", "<AnalyzeFunction.Arn>",
	"arn:aws:lambda:<region>:<account>:function:diffy-collect", "<CollectFunction.Arn>",
)

// Commands are what each command of the command line has to be allowed.
func Commands() []cloud.Permission { return referred(cloud.CommandPermissions(deployed, "<Key.Arn>")) }

// FunctionsLack returns what functions of the hub have to be allowed and are not.
func (t *Template) FunctionsLack() []cloud.Permission {
	all := referred(cloud.FunctionPermissions(deployed, "<Key.Arn>"))
	return slices.DeleteFunc(all, func(need cloud.Permission) bool { return t.Allows("diffy-"+need.Who, need) })
}

func referred(all []cloud.Permission) []cloud.Permission {
	for i := range all {
		all[i].On = asReferred.Replace(all[i].On)
	}
	return all
}

// Allows reports whether the holder may do it, as far as actions, resources, keys of
// records and the service that uses the key decide that.
func (t *Template) Allows(holder string, need cloud.Permission) bool {
	return slices.ContainsFunc(t.Permissions(), func(p Permission) bool {
		return p.Holder == holder && p.Effect == "Allow" && slices.Contains(p.Actions, need.Action) &&
			covers(p.Resources, need.On) && p.keys(need.Records) && p.via(need.Via)
	})
}

// covers reports whether one of the patterns matches. What IAM knows no resource for
// is allowed on all of them or not at all.
func covers(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if name == "" {
			return pattern == "*"
		}
		return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$").MatchString(name)
	})
}

func (p Permission) keys(record string) bool {
	patterns, limited := p.condition("ForAllValues:StringLike dynamodb:LeadingKeys ")
	return !limited || record != "" && covers(patterns, record)
}

func (p Permission) via(service string) bool {
	services, limited := p.condition("StringEquals kms:ViaService ")
	return !limited || slices.Contains(services, service+".<region>.amazonaws.com")
}

// condition returns the values of a condition, and whether there is one.
func (p Permission) condition(name string) (values []string, found bool) {
	for _, w := range p.When {
		if rest, ok := strings.CutPrefix(w, name); ok {
			return strings.Split(rest, " | "), true
		}
	}
	return nil, false
}

// Holders of what people do, the one who may least first.
var people = []string{"DiffyReader", "DiffyResponder"}

// Enough returns the policy that a person needs for it, "" when none is enough.
func (t *Template) Enough(need cloud.Permission) string {
	for _, holder := range people {
		if t.Allows(holder, need) {
			return holder
		}
	}
	return ""
}

// WriteCommands writes what each command takes and which policy has it, and what
// functions lack. It returns how many permissions are missing.
func WriteCommands(w io.Writer, hub *Template) (missing int) {
	who := ""
	for _, need := range Commands() {
		if need.Who != who {
			who = need.Who
			fmt.Fprintln(w, who)
		}
		policy := hub.Enough(need)
		if policy == "" {
			policy = "NOBODY"
			missing++
		}
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("  %-14s %s: %s %s", policy, need.Does, need.Action, need.Records), " "))
	}
	for _, need := range hub.FunctionsLack() {
		fmt.Fprintf(w, "diffy-%s LACKS %s: %s\n", need.Who, need.Does, need.Action)
		missing++
	}
	return missing
}
