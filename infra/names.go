package main

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
)

// Names are fixed and follow from the settings: policies refer to roles that are
// made later or in another account, and a run finds what a region has by its name.

// title begins the names that people read: "Diffy" of "diffy".
func (s settings) title() string { return strings.ToUpper(s.Name[:1]) + s.Name[1:] }

// function is the full name of a function; its role and its log group are called
// the same.
func (s settings) function(step string) string { return s.Name + "-" + step }

// role is the name of the role of a function.
func (s settings) role(step string) string { return s.function(step) }

// breakGlass is the name of the one role that may lift the lock.
func (s settings) breakGlass() string { return s.title() + "BreakGlass" }

// target is the name of the role that is assumed where hosts are examined.
func (s settings) target() string { return s.title() + "Target" }

// finder is the name of the role that is assumed to look for hosts and no more.
func (s settings) finder() string { return s.title() + "Finder" }

// intake is the name of the bucket that the hosts of one region write to.
func (s settings) intake(account, region string) string {
	return s.Name + "-intake-" + account + "-" + region
}

// document is the name of the document that commands run.
func (s settings) document() string { return s.Name + "-collect" }

// machine is the name of the state machine.
func (s settings) machine() string { return s.Name + "-triage" }

// deployRole is the ARN of the role that CloudFormation works with.
func (s settings) deployRole() string {
	if s.DeployRole != "" {
		return s.DeployRole
	}
	const qualifier = "hnb659fds" // of the CDK's bootstrap, unless it was given another
	return roleArn("cdk-" + qualifier + "-cfn-exec-role-" + *awscdk.Aws_ACCOUNT_ID() + "-" + *awscdk.Aws_REGION())
}
