package trigger

import (
	"regexp"
	"slices"
	"strings"

	"diffy/pkg/triage"
)

// accused is one instance that a finding names, and where it is.
type accused struct{ id, account, region string }

var instanceID = regexp.MustCompile(`^(?:.*/)?(i-[0-9a-f]{8,17})$`)

// instances returns the instances of a finding, each once. The instance decides,
// whatever the type of the resource: findings about IAM, containers and clusters
// carry the instance that they happened on, attack sequences carry several.
func (f *finding) instances() []accused {
	var found []accused
	add := func(text, account, region string) {
		m := instanceID.FindStringSubmatch(text)
		if m == nil || slices.ContainsFunc(found, func(a accused) bool { return a.id == m[1] }) {
			return
		}
		found = append(found, accused{m[1], orElse(account, f.AccountID), orElse(region, f.Region)})
	}
	add(f.Resource.InstanceDetails.InstanceID, "", "")
	for _, r := range f.Service.Detection.Sequence.Resources {
		if r.Type == "EC2_INSTANCE" {
			add(r.UID, r.AccountID, r.Region)
			add(r.Name, r.AccountID, r.Region)
		}
	}
	return found
}

// target is what the finding chooses: its instances, who are the suspects too,
// or the group that an attack sequence names without an instance. A run is in one
// account and region, those of the first instance; left names the others.
func (f *finding) target() (t triage.Target, suspects, left []string) {
	found := f.instances()
	if len(found) == 0 {
		return f.groupTarget(), nil, nil
	}
	t.Account, t.Region = found[0].account, found[0].region
	for _, a := range found {
		if a.account == t.Account && a.region == t.Region {
			suspects = append(suspects, a.id)
		} else {
			left = append(left, a.id+" in "+a.account+"/"+a.region)
		}
	}
	t.InstanceIDs = suspects
	return t, suspects, left
}

// groupKinds are the resources of an attack sequence that are groups of hosts,
// in the order in which a group is looked for.
var groupKinds = []struct {
	resource string
	choose   func(*triage.Target, resource)
}{
	{"AUTOSCALING_AUTO_SCALING_GROUP", func(t *triage.Target, r resource) { t.AutoScalingGroup = orElse(r.Name, last(r.UID)) }},
	{"EC2_LAUNCH_TEMPLATE", func(t *triage.Target, r resource) { t.LaunchTemplate = orElse(last(r.UID), r.Name) }},
	{"CLOUDFORMATION_STACK", func(t *triage.Target, r resource) { t.Stack = orElse(r.Name, r.UID) }},
	{"IAM_INSTANCE_PROFILE", func(t *triage.Target, r resource) { t.InstanceProfile = orElse(r.Name, last(r.UID)) }},
	{"EC2_IMAGE", func(t *triage.Target, r resource) { t.Image = orElse(last(r.UID), r.Name) }},
}

func (f *finding) groupTarget() (t triage.Target) {
	for _, kind := range groupKinds {
		for _, r := range f.Service.Detection.Sequence.Resources {
			if r.Type == kind.resource && r.UID+r.Name != "" {
				kind.choose(&t, r)
				t.Account, t.Region = orElse(r.AccountID, f.AccountID), orElse(r.Region, f.Region)
				return t
			}
		}
	}
	return t
}

// last returns the part of an ARN after its last slash, or all of an id.
func last(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

func orElse(first, second string) string {
	if first != "" {
		return first
	}
	return second
}
