package main

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// keeper is a store of baselines and suppressions with what people do in it.
type keeper interface {
	pipeline.Baselines
	pipeline.Suppressions
	Versions(ctx context.Context, group string) ([]pipeline.Version, error)
	Groups(ctx context.Context) ([]string, error)
	Approve(ctx context.Context, group, version, by string, at time.Time) error
	Delete(ctx context.Context, group, version string) error
	Suppress(ctx context.Context, group string, s triage.Suppression) error
	Suppressed(ctx context.Context) ([]pipeline.Declared, error)
	Unsuppress(ctx context.Context, group, finding string) error
}

// caller says who uses the credentials at hand.
type caller interface {
	ARN(ctx context.Context) (string, error)
}

// kept is where baselines and suppressions are kept, and what groups are called
// there.
type kept struct {
	keeper
	account *account // nil: files of this machine
	user    string   // who uses this machine
}

// files is what is kept in $DIFFY_HOME.
func (a *app) files() kept { return kept{keeper: a.table(), user: a.user()} }

// kept is the store that a flag or the settings choose.
func (a *app) kept(ctx context.Context, persistence string) (kept, error) {
	where, err := a.persistence(persistence)
	if err != nil || where == inFiles {
		return a.files(), err
	}
	in, err := a.account(ctx)
	if err != nil {
		return kept{}, err
	}
	return kept{keeper: in.keeper, account: in}, nil
}

// failed is the error of a store.
func (k kept) failed(err error) error {
	if k.account == nil {
		return failed(err)
	}
	return failedInAWS(err)
}

// who names the caller, for what is recorded with a name: by their ARN in the
// account, by $USER here, "" if that is empty.
func (k kept) who(ctx context.Context) (string, error) {
	if k.account == nil {
		return k.user, nil
	}
	arn, err := k.account.caller.ARN(ctx)
	return arn, failedInAWS(err)
}

// fullGroup is a group with its account and region, as runs store it.
var fullGroup = regexp.MustCompile(`^[0-9]{12}/[a-z0-9-]+/.`)

// group is the group that a NAME means. In the account that is
// ACCOUNT/REGION/KEY, where KEY is what results call the group ("asg:web-prod");
// account and region are the deployment's where the NAME has none, and a NAME of one
// word is an Auto Scaling group.
func (k kept) group(name string) string {
	switch {
	case k.account == nil || fullGroup.MatchString(name):
		return name
	case strings.Contains(name, ":"):
		return k.home() + name
	}
	return k.home() + "asg:" + name
}

func (k kept) home() string {
	return k.account.home.Account + "/" + k.account.home.Region + "/"
}

// short is what a group is called on the command line: its NAME at its shortest.
func (k kept) short(group string) string {
	if k.account == nil {
		return group
	}
	return strings.TrimPrefix(group, k.home())
}

// called finds the versions of the group that a NAME means, newest first, none if it
// has none. Where the likeliest group has none, it is the only one of that name, of
// whatever account, region and kind.
func (k kept) called(ctx context.Context, name string) ([]pipeline.Version, error) {
	versions, err := k.Versions(ctx, k.group(name))
	if err != nil || len(versions) > 0 || k.account == nil || fullGroup.MatchString(name) {
		return versions, k.failed(err)
	}
	groups, err := k.Groups(ctx)
	if err != nil {
		return nil, k.failed(err)
	}
	groups = slices.DeleteFunc(groups, func(g string) bool {
		return !strings.HasSuffix(g, "/"+name) && !strings.HasSuffix(g, ":"+name)
	})
	switch len(groups) {
	case 0:
		return nil, nil
	case 1:
		versions, err = k.Versions(ctx, groups[0])
		return versions, k.failed(err)
	}
	return nil, usage("name one of them whole: "+some(groups), "%s is the name of %d groups", name, len(groups))
}

// where says in words whose store it is, "" for that of this machine.
func (k kept) where() string {
	if k.account == nil {
		return ""
	}
	return fmt.Sprintf(" in account %s, %s", k.account.home.Account, k.account.home.Region)
}
