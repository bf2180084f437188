package main

import (
	"strings"

	"diffy/pkg/triage"
	"diffy/pkg/trigger"

	"github.com/spf13/cobra"
)

// selectors are the flags that choose a group of hosts.
type selectors struct {
	target triage.Target
	tags   []string
	expand bool // --expand
	only   bool // --only
}

// selectorFlags names them, for messages.
const selectorFlags = "--asg, --launch-template, --stack, --image, --instance-profile, --subnet, --vpc, --instance or --tag"

func (s *selectors) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	t := &s.target
	f.StringVar(&t.AutoScalingGroup, "asg", "", "the hosts of the Auto Scaling group `NAME`")
	f.StringVar(&t.LaunchTemplate, "launch-template", "", "the hosts that were started from the launch template `ID`")
	f.StringVar(&t.Stack, "stack", "", "the hosts of the CloudFormation stack `NAME`")
	f.StringVar(&t.Image, "image", "", "the hosts of the image `ID`")
	f.StringVar(&t.InstanceProfile, "instance-profile", "", "the hosts with the instance profile `NAME`")
	f.StringVar(&t.Subnet, "subnet", "", "the hosts in the subnet `ID`")
	f.StringVar(&t.VPC, "vpc", "", "the hosts in the VPC `ID`")
	f.StringArrayVar(&t.InstanceIDs, "instance", nil, "the group of the host `ID`; several are exactly these hosts; may be repeated")
	f.StringArrayVar(&s.tags, "tag", nil, "the hosts with the tag `KEY=VALUE`; several must all be there; may be repeated")
	f.BoolVar(&s.expand, "expand", false, "with several --instance: their group, not exactly these")
	f.BoolVar(&s.only, "only", false, "with one --instance: this host, not its group")
	f.StringVar(&t.Account, "account", "", "the `ACCOUNT` that the hosts are in (default: that of the deployment)")
	f.StringVar(&t.Region, "region", "", "the `REGION` that the hosts are in (default: that of the deployment)")
}

// chosen is how many ways of choosing hosts were used.
func (s *selectors) chosen() []string { return trigger.Selectors(s.target) }

// put completes the request with the group that the flags choose.
func (s *selectors) put(r *triage.Request) error {
	for _, text := range s.tags {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return usage("--tag KEY=VALUE, as in --tag service=web", "--tag %q is no tag", text)
		}
		if s.target.Tags == nil {
			s.target.Tags = map[string]string{}
		}
		if other, twice := s.target.Tags[key]; twice && other != value {
			return usage("name each tag once", "--tag %s is asked to be both %q and %q", key, other, value)
		}
		s.target.Tags[key] = value
	}
	switch {
	case len(s.chosen()) > 1:
		return usage("a group is chosen in one way; the others can be compared in runs of their own", "%d ways to choose hosts: %s", len(s.chosen()), strings.Join(flagNames(s.chosen()), ", "))
	case s.expand && s.only:
		return usage("leave out one of them", "--expand and --only contradict each other")
	case (s.expand || s.only) && len(s.target.InstanceIDs) == 0:
		return usage("--instance ID --only, or several --instance and --expand", "--expand and --only are about --instance")
	}
	if s.expand || s.only {
		r.Expand = &s.expand
	}
	r.Target = s.target
	return nil
}

// flagNames are the flags of selectors, which a target names otherwise.
func flagNames(selectors []string) []string {
	flags := map[string]string{
		"autoScalingGroup": "--asg", "launchTemplate": "--launch-template", "stack": "--stack", "image": "--image", "instanceProfile": "--instance-profile",
		"subnet": "--subnet", "vpc": "--vpc", "instanceIds": "--instance", "tags": "--tag",
	}
	names := make([]string, len(selectors))
	for i, s := range selectors {
		names[i] = flags[s]
	}
	return names
}
