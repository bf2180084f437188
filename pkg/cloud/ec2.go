package cloud

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// Fleet finds hosts by what EC2 says of them, and asks SSM which it can reach.
type Fleet struct {
	places   *places
	ec2      *clients[describesInstances]
	managed  managed
	groupTag string
	nameOnly bool // do not ask SSM which hosts it can reach
}

// Group implements pipeline.Fleet.
func (f *Fleet) Group(ctx context.Context, t triage.Target, expand bool) (pipeline.Group, error) {
	place := f.places.whole(pipeline.Place{Account: t.Account, Region: t.Region})
	find := finder{client: f.ec2.at(place), place: place}
	chosen, err := f.choose(ctx, find, t, expand)
	if err != nil {
		return pipeline.Group{}, err
	}
	group := pipeline.Group{
		ID:    groupID(place, chosen.key),
		Key:   chosen.key,
		Notes: chosen.notes,
	}
	if chosen.closest != "" && chosen.closest != chosen.key {
		group.Closer = &pipeline.GroupName{ID: groupID(place, chosen.closest), Key: chosen.closest}
	}
	group.Hosts = candidates(place, chosen)
	if f.nameOnly {
		return group, nil
	}
	if err := f.askSSM(ctx, place, group.Hosts); err != nil {
		return pipeline.Group{}, err
	}
	return group, nil
}

// longestKey leaves room in a partition key of DynamoDB, which has 2,048 bytes.
const longestKey = 500

// groupID names a group in the stores. A long list of instances becomes its digest.
func groupID(place pipeline.Place, key string) string {
	if len(key) > longestKey {
		key = fmt.Sprintf("%.40s:%s", key, digest([]byte(key)))
	}
	return place.Account + "/" + place.Region + "/" + key
}

// chosen is the instances of a group.
type chosen struct {
	key       string
	instances []types.Instance
	named     []string // instances that were asked for by their id
	closest   string   // key of the closest group of the first of them; "" where there is no ladder
	notes     []string
}

func (f *Fleet) choose(ctx context.Context, find finder, t triage.Target, expand bool) (chosen, error) {
	if len(t.InstanceIDs) > 0 {
		return f.chooseByID(ctx, find, t.InstanceIDs, expand)
	}
	s, err := selectorOf(t)
	if err != nil {
		return chosen{}, err
	}
	instances, err := find.all(ctx, s)
	return chosen{key: s.key, instances: instances}.withoutGone(), err
}

// chooseByID returns the instances themselves, or the first group on the ladder
// that has one of them and at least one more. An instance that is alone in all of
// its groups stands for the closest: its baseline lies under that name.
func (f *Fleet) chooseByID(ctx context.Context, find finder, ids []string, expand bool) (chosen, error) {
	own, err := find.byID(ctx, ids)
	if err != nil {
		return chosen{}, err
	}
	if expand {
		var closest chosen
		for _, i := range own {
			c, err := f.groupOf(ctx, find, i)
			if err != nil {
				return chosen{}, err
			}
			if len(c.instances) > 1 {
				return c.with(own, ids), nil
			}
			closest = c
		}
		if len(own) == 1 {
			return closest.with(own, ids).alone(), nil
		}
	}
	return chosen{key: pipeline.TargetKey(triage.Target{InstanceIDs: ids}), instances: own, named: ids}, nil
}

// groupOf goes down the ladder from one instance, to the first group that has
// another one too. Where none has, it returns the first of all.
func (f *Fleet) groupOf(ctx context.Context, find finder, i types.Instance) (closest chosen, err error) {
	for _, t := range ladder(i, f.groupTag) {
		s, err := selectorOf(t)
		if err != nil {
			return chosen{}, err
		}
		instances, err := find.all(ctx, s)
		if err != nil {
			return chosen{}, err
		}
		c := chosen{key: s.key, instances: instances, named: []string{aws.ToString(i.InstanceId)}}.withoutGone()
		if closest.key == "" {
			closest = c
		}
		if len(c.instances) > 1 {
			c.closest = closest.key
			return c, nil
		}
	}
	return closest, nil
}

// alone says that there is nobody to compare with.
func (c chosen) alone() chosen {
	c.notes = append(c.notes, fmt.Sprintf("%s is the only instance of %s: it can be held against a baseline, rules and pivots, and against no other host.", c.named[0], c.key))
	return c
}

// with adds instances that were asked for to the group, and says which of them
// are no part of it.
func (c chosen) with(own []types.Instance, ids []string) chosen {
	for _, i := range own {
		id := aws.ToString(i.InstanceId)
		if !slices.ContainsFunc(c.instances, func(m types.Instance) bool { return aws.ToString(m.InstanceId) == id }) {
			c.instances = append(c.instances, i)
			c.notes = append(c.notes, fmt.Sprintf("%s was asked for and is not in %s; it is compared with its hosts.", id, c.key))
		}
	}
	c.named = ids
	return c
}

// withoutGone leaves out what has been terminated: EC2 lists it for an hour, and
// no group wants it back. What was named stays, so that its end is reported.
func (c chosen) withoutGone() chosen {
	before := len(c.instances)
	c.instances = slices.DeleteFunc(c.instances, func(i types.Instance) bool {
		return gone(i) && !slices.Contains(c.named, aws.ToString(i.InstanceId))
	})
	if left := before - len(c.instances); left > 0 {
		c.notes = append(c.notes, fmt.Sprintf("%d terminated instances of %s are left out.", left, c.key))
	}
	return c
}

func gone(i types.Instance) bool {
	return state(i) == types.InstanceStateNameTerminated || state(i) == types.InstanceStateNameShuttingDown
}

func state(i types.Instance) types.InstanceStateName {
	if i.State == nil {
		return ""
	}
	return i.State.Name
}

// candidates describes the hosts, by id, those that are not there included.
func candidates(place pipeline.Place, c chosen) []pipeline.Candidate {
	var all []pipeline.Candidate
	known := map[string]bool{}
	for _, i := range c.instances {
		h := describeHost(place, i)
		known[h.ID] = true
		all = append(all, pipeline.Candidate{Host: h, Reason: whyNot(h)})
	}
	for _, id := range c.named {
		if !known[id] {
			known[id] = true
			all = append(all, pipeline.Candidate{
				Host:   triage.Host{ID: id, Account: place.Account, Region: place.Region},
				Reason: whyNone(id),
			})
		}
	}
	slices.SortFunc(all, func(a, b pipeline.Candidate) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

func describeHost(place pipeline.Place, i types.Instance) triage.Host {
	h := triage.Host{
		ID: aws.ToString(i.InstanceId), Account: place.Account, Region: place.Region,
		Platform: "linux", Image: aws.ToString(i.ImageId), State: string(state(i)),
	}
	if i.Platform == types.PlatformValuesWindows {
		h.Platform = "windows"
	}
	if id := tag(i, templateTag); id != "" {
		h.Template = id + ":" + tag(i, templateVersionTag)
	}
	if i.LaunchTime != nil {
		h.Launched = i.LaunchTime.UTC().Format(time.RFC3339)
	}
	return h
}

// whyNone says why there is no instance of a name that was asked for.
func whyNone(id string) string {
	switch {
	case strings.HasPrefix(id, "fargate-"): // as Kubernetes names its nodes there
		return "Fargate: there is no host to examine"
	case strings.HasPrefix(id, "mi-"):
		return "managed by SSM, but no EC2 instance"
	}
	return "no such instance"
}

func whyNot(h triage.Host) string {
	switch types.InstanceStateName(h.State) {
	case types.InstanceStateNameRunning, types.InstanceStateNamePending:
	default:
		return h.State
	}
	if h.Platform != "linux" {
		return h.Platform
	}
	return ""
}
