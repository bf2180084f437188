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

// targets is what the finding chooses: its instances, or the group that an attack
// sequence names without an instance. A run is in one account and region, so there
// is a target for each that has instances, in the order in which they are named.
func (f *finding) targets() (list []triage.Target) {
	for _, a := range f.instances() {
		i := slices.IndexFunc(list, func(t triage.Target) bool { return t.Account == a.account && t.Region == a.region })
		if i < 0 {
			i, list = len(list), append(list, triage.Target{Account: a.account, Region: a.region})
		}
		list[i].InstanceIDs = append(list[i].InstanceIDs, a.id)
	}
	if group := f.groupTarget(); len(list) == 0 && len(Selectors(group)) > 0 {
		list = append(list, group)
	}
	return list
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
