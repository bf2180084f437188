package report

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"diffy/pkg/triage"
)

// maxSteps is for how many hosts commands are printed.
const maxSteps = 5

// step is something a responder may do next, as commands to copy. diffy runs none
// of them.
type step struct {
	Title    string
	Why      string
	Commands []command
}

// command is one line for a POSIX shell.
type command struct {
	Does string
	Line string
}

// Words are the parts of a command between which its line may break.
func (c command) Words() []string { return strings.SplitAfter(c.Line, " ") }

func steps(v *view) []step {
	var out []step
	left := 0
	for _, h := range v.Hosts {
		switch {
		case !h.Outlier && !h.Suspect:
		case len(out) == maxSteps:
			left++
		default:
			out = append(out, hostStep(h, v.Group.Key, v.Run.Incident))
		}
	}
	if left > 0 {
		out[len(out)-1].Why += " The same for " + plural(left, "more host") + " of the ranking."
	}
	if v.Run.ID != "" && v.Group.Partial+v.Group.NotExamined > 0 && strings.Contains(v.Group.Key, ":") {
		out = append(out, retryStep(v.Run, v.Group.Key))
	}
	if len(v.Loud) > 0 {
		out = append(out, suppressStep(ended(v.Run)))
	}
	return out
}

// retryStep starts a run for the hosts that this one did not see whole. Groups
// that hosts were chosen for in AWS have a selector in their key.
func retryStep(run triage.RunInfo, group string) step {
	s := step{
		Title: "The hosts that were not examined whole",
		Why:   `A run with "retry": "` + run.ID + `" beside the same target collects only these and takes the rest from this one.`,
	}
	asg, ok := strings.CutPrefix(group, "asg:")
	if !ok || !printableName(asg) {
		return s
	}
	input, err := json.Marshal(struct {
		Incident string            `json:"incident,omitempty"`
		Target   map[string]string `json:"target"`
		Retry    string            `json:"retry"`
	}{run.Incident, map[string]string{"autoScalingGroup": asg}, run.ID})
	if err != nil { // strings always encode
		return s
	}
	s.Commands = []command{{
		"try them again; the stack's output StateMachineArn names the state machine",
		`aws stepfunctions start-execution --state-machine-arn "$StateMachineArn" --input ` + shellQuote(string(input)),
	}}
	return s
}

// suppressStep proposes an end 90 days after the run: what is known and good today
// deserves another look then.
func suppressStep(now string) step {
	line := "diffy suppress add ID --reason 'why it is known' --author 'who says so'"
	if t, err := time.Parse(time.RFC3339, now); err == nil {
		line += " --expires " + t.UTC().AddDate(0, 0, 90).Format(time.DateOnly)
	}
	return step{
		"A difference that is known and good", "Each finding shows its id. Later runs list it as suppressed, with the reason.",
		[]command{{"declare it, with an end", line}},
	}
}

var (
	instanceID = regexp.MustCompile(`^i-[0-9a-f]{8,32}$`)
	plainWord  = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=,][A-Za-z0-9_./:@%+=,-]*$`)
)

func hostStep(h triage.HostResult, group, incident string) step {
	s := step{Title: h.Host, Why: "Keep it from being replaced, copy its disks, then look."}
	id := h.Host
	if !instanceID.MatchString(h.Host) {
		if !printableName(h.Host) {
			s.Why = "Its name holds characters that do not belong in a command; take the instance id from the console."
			return s
		}
		id = `"$id"`
		s.Commands = append(s.Commands, command{"find its instance id", findInstance(h.Host)})
	}
	if asg, ok := strings.CutPrefix(group, "asg:"); ok {
		s.Commands = append(s.Commands, command{
			"take it out of the group, so that scaling does not destroy evidence",
			"aws autoscaling enter-standby --instance-ids " + id + " --auto-scaling-group-name=" + shellQuote(asg) + " --should-decrement-desired-capacity",
		})
	}
	label := "diffy"
	if incident != "" {
		label += " " + incident
	}
	s.Commands = append(
		s.Commands,
		command{"snapshot all its volumes", "aws ec2 create-snapshots --instance-specification InstanceId=" + id + " --copy-tags-from-source volume --description=" + shellQuote(label)},
		command{"open a session", "aws ssm start-session --target " + id},
	)
	return s
}

// printableName reports whether a host's name is what the host said, letter by
// letter: escapes and cuts leave a backslash or make it too long.
func printableName(name string) bool { return len(name) < 256 && !strings.Contains(name, `\`) }

// findInstance asks for the instance whose private DNS name begins with a host's
// name. The JSON form of a filter knows no separators; * and ? are its wildcards.
func findInstance(host string) string {
	exact := strings.NewReplacer("*", `\*`, "?", `\?`).Replace(host)
	filter, err := json.Marshal([]map[string]any{{"Name": "private-dns-name", "Values": []string{exact, exact + ".*"}}})
	if err != nil { // strings always encode
		return ""
	}
	return "id=$(aws ec2 describe-instances --filters " + shellQuote(string(filter)) +
		" --query 'Reservations[0].Instances[0].InstanceId' --output text)"
}

// shellQuote makes s one word of a POSIX shell.
func shellQuote(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
