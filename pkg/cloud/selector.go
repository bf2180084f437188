package cloud

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// Auto Scaling, EC2 and CloudFormation write these on each instance that they
// start, and nobody else can.
const (
	asgTag             = "aws:autoscaling:groupName"
	templateTag        = "aws:ec2launchtemplate:id"
	templateVersionTag = "aws:ec2launchtemplate:version"
	stackTag           = "aws:cloudformation:stack-name"
	stackIDTag         = "aws:cloudformation:stack-id"
)

// selector is one way to choose instances: by filters of EC2, and by what those
// cannot say.
type selector struct {
	key     string // "asg:web-prod"
	filters []types.Filter
	keep    func(types.Instance) bool // nil: all
}

func filter(name string, values ...string) types.Filter {
	return types.Filter{Name: &name, Values: values}
}

// selectorOf is the selector of a target that names no instances.
func selectorOf(t triage.Target) (selector, error) {
	s := selector{key: pipeline.TargetKey(t)}
	by := func(name, value string) { s.filters = append(s.filters, filter(name, value)) }
	switch {
	case t.AutoScalingGroup != "":
		by("tag:"+asgTag, t.AutoScalingGroup)
	case t.LaunchTemplate != "":
		by("tag:"+templateTag, t.LaunchTemplate)
	case strings.HasPrefix(t.Stack, "arn:"):
		by("tag:"+stackIDTag, t.Stack)
	case t.Stack != "":
		by("tag:"+stackTag, t.Stack)
	case t.InstanceProfile != "":
		s.keep = hasProfile(t.InstanceProfile)
	case t.Image != "":
		by("image-id", t.Image)
	case t.Subnet != "":
		by("subnet-id", t.Subnet)
	case t.VPC != "":
		by("vpc-id", t.VPC)
	case len(t.Tags) > 0:
		for _, name := range slices.Sorted(maps.Keys(t.Tags)) {
			by("tag:"+name, t.Tags[name])
		}
	default:
		return s, errors.New("find group: the target has no selector")
	}
	return s, nil
}

// hasProfile keeps those with the instance profile, an ARN or the name at its end.
func hasProfile(profile string) func(types.Instance) bool {
	return func(i types.Instance) bool {
		arn := profileOf(i)
		return arn != "" && (arn == profile || strings.HasSuffix(arn, "/"+profile))
	}
}

// ladder lists the groups that an instance may stand for, the closest first.
func ladder(i types.Instance, groupTag string) []triage.Target {
	arn := profileOf(i)
	all := []triage.Target{
		{AutoScalingGroup: tag(i, asgTag)},
		{LaunchTemplate: tag(i, templateTag)},
		{Stack: tag(i, stackTag)},
		{InstanceProfile: arn[strings.LastIndexByte(arn, '/')+1:]},
		{Image: aws.ToString(i.ImageId)},
	}
	if v := tag(i, groupTag); groupTag != "" && v != "" {
		all = append(all, triage.Target{Tags: map[string]string{groupTag: v}})
	}
	return slices.DeleteFunc(all, func(t triage.Target) bool { return reflect.ValueOf(t).IsZero() })
}

func tag(i types.Instance, name string) string {
	for _, t := range i.Tags {
		if aws.ToString(t.Key) == name {
			return aws.ToString(t.Value)
		}
	}
	return ""
}

func profileOf(i types.Instance) string {
	if i.IamInstanceProfile == nil {
		return ""
	}
	return aws.ToString(i.IamInstanceProfile.Arn)
}

// finder asks EC2 of one place.
type finder struct {
	client describesInstances
	place  pipeline.Place
}

// instancesAtOnce is the most that EC2 returns in one page.
const instancesAtOnce = 1000

func (f finder) all(ctx context.Context, s selector) ([]types.Instance, error) {
	pages := ec2.NewDescribeInstancesPaginator(f.client, &ec2.DescribeInstancesInput{
		Filters: s.filters, MaxResults: aws.Int32(instancesAtOnce),
	})
	var found []types.Instance
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, failed(err, "find %s in %s/%s", s.key, f.place.Account, f.place.Region)
		}
		for _, r := range page.Reservations {
			for _, i := range r.Instances {
				if s.keep == nil || s.keep(i) {
					found = append(found, i)
				}
			}
		}
	}
	return found, nil
}

// filterValues is how many values EC2 takes for one filter.
const filterValues = 200

// byID returns those of the instances that exist, in the order of ids. They are
// asked for by a filter: asked for by id, one unknown fails the whole call.
func (f finder) byID(ctx context.Context, ids []string) ([]types.Instance, error) {
	known := map[string]types.Instance{}
	for chunk := range slices.Chunk(ids, filterValues) {
		s := selector{key: "instances", filters: []types.Filter{filter("instance-id", chunk...)}}
		found, err := f.all(ctx, s)
		if err != nil {
			return nil, err
		}
		for _, i := range found {
			known[aws.ToString(i.InstanceId)] = i
		}
	}
	var own []types.Instance
	for _, id := range ids {
		if i, ok := known[id]; ok {
			own = append(own, i)
			delete(known, id)
		}
	}
	return own, nil
}
