package main

import "strings"

// What reaches hosts: for the functions in the hub's account, and for the roles
// that they assume in others. Every region of the account is meant: a run names
// the region of its hosts.

// describeInstances finds groups and their hosts.
func describeInstances() grant {
	return grant{
		sid: "FindHosts", actions: []string{"ec2:DescribeInstances"}, on: []string{"*"},
		why: "EC2 limits no describing to resources. It reads, and no content.",
	}
}

// describeManaged tells which hosts have an agent that answers.
func describeManaged() grant {
	return grant{
		sid: "AskForAgents", actions: []string{"ssm:DescribeInstanceInformation"}, on: []string{"*"},
		why: "SSM limits this to no resources. It reads, and no content.",
	}
}

// sendCommands runs the one document, on the instances that were chosen for it.
func sendCommands(set settings, account string) []grant {
	instances := grant{
		sid:     "OnHosts",
		actions: []string{"ssm:SendCommand"},
		on:      []string{arn("ec2", "*", account, "instance/*")},
		why:     "Which hosts are alike is known at run time. Without hostTag it is every instance of the account.",
	}
	if key, value, ok := strings.Cut(set.HostTag, "="); ok {
		instances.why = "Which hosts are alike is known at run time; the tag of hostTag limits them."
		instances.when = map[string]any{"StringEquals": map[string]any{"ssm:resourceTag/" + key: value}}
	}
	return []grant{
		{
			sid: "SendDocument", actions: []string{"ssm:SendCommand", "ssm:GetDocument", "ssm:DescribeDocument"},
			on:  []string{arn("ssm", "*", account, "document/"+set.document())},
			why: "The one document, in every region where it has been put.",
		},
		instances,
	}
}

// followCommands reads what became of commands.
func followCommands() grant {
	return grant{
		sid: "FollowCommands", actions: []string{"ssm:ListCommandInvocations"}, on: []string{"*"},
		why: "Commands are no resources to SSM. What ours print is a digest and counts.",
	}
}

// listCommands finds those of a run that is stopped.
func listCommands() grant {
	return grant{
		sid: "ListCommands", actions: []string{"ssm:ListCommands"}, on: []string{"*"},
		why: "Commands are no resources to SSM. A run's are known by their comment.",
	}
}

// cancelCommands stops them at the deadline.
func cancelCommands() grant {
	return grant{
		sid: "CancelCommands", actions: []string{"ssm:CancelCommand"}, on: []string{"*"},
		why: "Commands are no resources to SSM. The ids are those that the run has sent.",
	}
}

// reachMembers allows to assume one role, in the accounts that were named.
func (h *hub) reachMembers(role string) []grant {
	if len(h.set.MemberAccounts) == 0 {
		return nil
	}
	g := grant{sid: "ReachMembers", actions: []string{"sts:AssumeRole"}}
	for _, account := range h.set.MemberAccounts {
		g.on = append(g.on, arn("iam", "", account, "role/"+role))
	}
	return []grant{g}
}
