package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"diffy/pkg/cloud"
	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// launch starts instances outside of any group.
func (w *world) launch(in ec2.RunInstancesInput, count int32, tags map[string]string) []string {
	w.Helper()
	in.MinCount, in.MaxCount = &count, &count
	if in.ImageId == nil {
		in.ImageId = aws.String("ami-0aaaaaaaaaaaaaaaa")
	}
	if len(tags) > 0 {
		spec := ec2types.TagSpecification{ResourceType: ec2types.ResourceTypeInstance}
		for k, v := range tags {
			spec.Tags = append(spec.Tags, ec2types.Tag{Key: &k, Value: &v})
		}
		in.TagSpecifications = []ec2types.TagSpecification{spec}
	}
	out, err := ec2.NewFromConfig(w.sdk).RunInstances(w.Context(), &in)
	w.must(err)
	var ids []string
	for _, i := range out.Instances {
		ids = append(ids, *i.InstanceId)
		w.agents.hosts[*i.InstanceId] = &host{id: *i.InstanceId, managed: true}
	}
	slices.Sort(ids)
	return ids
}

// shopStack has two instances, and an instance profile for others to have.
const shopStack = `{"Resources": {
	"One": {"Type": "AWS::EC2::Instance", "Properties": {"ImageId": "ami-0bbbbbbbbbbbbbbbb"}},
	"Two": {"Type": "AWS::EC2::Instance", "Properties": {"ImageId": "ami-0bbbbbbbbbbbbbbbb"}},
	"Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "db", "AssumeRolePolicyDocument": {}}},
	"Profile": {"Type": "AWS::IAM::InstanceProfile", "Properties": {"InstanceProfileName": "db", "Path": "/team/", "Roles": [{"Ref": "Role"}]}}
}}`

func (w *world) stack(name, template string) {
	w.Helper()
	_, err := cloudformation.NewFromConfig(w.sdk).CreateStack(w.Context(), &cloudformation.CreateStackInput{
		StackName: &name, TemplateBody: &template,
	})
	w.must(err)
}

// Each selector and each step of the ladder finds its hosts and no others.
func TestGroups(t *testing.T) {
	w := newWorld(t)
	w.cfg.GroupTag = "role"
	c, err := cloud.New(t.Context(), w.cfg)
	w.must(err)

	asg := w.scale("web-prod", 3)
	for _, id := range asg {
		w.agents.hosts[id] = &host{id: id, managed: true}
	}
	w.stack("shop", shopStack)
	var profiled []string
	for range 2 { // moto gives it to the first of several only
		profiled = sorted(append(profiled, w.launch(ec2.RunInstancesInput{
			ImageId:            aws.String("ami-0ccccccccccccccc1"),
			IamInstanceProfile: &ec2types.IamInstanceProfileSpecification{Arn: aws.String("arn:aws:iam::" + account + ":instance-profile/team/db")},
		}, 1, nil)...)...)
	}
	imaged := w.launch(ec2.RunInstancesInput{ImageId: aws.String("ami-0ccccccccccccccc2")}, 2, nil)
	tagged := append(
		w.launch(ec2.RunInstancesInput{ImageId: aws.String("ami-0ccccccccccccccc3")}, 1, map[string]string{"role": "queue", "env": "prod"}),
		w.launch(ec2.RunInstancesInput{ImageId: aws.String("ami-0ccccccccccccccc4")}, 1, map[string]string{"role": "queue", "env": "test"})...)
	slices.Sort(tagged)
	alone := w.launch(ec2.RunInstancesInput{ImageId: aws.String("ami-0ccccccccccccccc5")}, 1, nil)
	other := w.launch(ec2.RunInstancesInput{ImageId: aws.String("ami-0ccccccccccccccc6")}, 1, nil)
	described := w.describe(asg[0])

	tests := []struct {
		name   string
		target triage.Target
		expand bool
		key    string
		hosts  []string // nil: as many as the stack has
	}{
		{"auto scaling group", triage.Target{AutoScalingGroup: "web-prod"}, false, "asg:web-prod", asg},
		{"no such group", triage.Target{AutoScalingGroup: "web"}, false, "asg:web", []string{}},
		{"launch template", triage.Target{LaunchTemplate: w.template("web-prod")}, false, "lt:" + w.template("web-prod"), asg},
		{"stack", triage.Target{Stack: "shop"}, false, "stack:shop", nil},
		{"instance profile", triage.Target{InstanceProfile: "db"}, false, "profile:db", profiled},
		{"image", triage.Target{Image: "ami-0ccccccccccccccc2"}, false, "image:ami-0ccccccccccccccc2", imaged},
		{"tags", triage.Target{Tags: map[string]string{"role": "queue", "env": "prod"}}, false, "tag:env=prod,role=queue", w.having(tagged, "env", "prod")},
		{"subnet", triage.Target{Subnet: *described.SubnetId, Account: account, Region: region}, false, "subnet:" + *described.SubnetId, w.inSubnet(*described.SubnetId)},
		{"instances", triage.Target{InstanceIDs: []string{imaged[1], asg[0]}}, false, pipeline.TargetKey(triage.Target{InstanceIDs: []string{asg[0], imaged[1]}}), sorted(asg[0], imaged[1])},
		{"ladder: auto scaling group", triage.Target{InstanceIDs: asg[1:2]}, true, "asg:web-prod", asg},
		{"ladder: instance profile", triage.Target{InstanceIDs: profiled[:1]}, true, "profile:db", profiled},
		{"ladder: image", triage.Target{InstanceIDs: imaged[:1]}, true, "image:ami-0ccccccccccccccc2", imaged},
		{"ladder: tag", triage.Target{InstanceIDs: tagged[:1]}, true, "tag:role=queue", tagged},
		{"ladder: alone in every group", triage.Target{InstanceIDs: alone}, true, "image:ami-0ccccccccccccccc5", alone},
		{"ladder: nothing in common", triage.Target{InstanceIDs: []string{alone[0], other[0]}}, true, "instances:" + strings.Join(sorted(alone[0], other[0]), ","), sorted(alone[0], other[0])},
		{"ladder: the second has a group", triage.Target{InstanceIDs: []string{alone[0], imaged[0]}}, true, "image:ami-0ccccccccccccccc2", sorted(append(imaged, alone[0])...)},
		{"another region", triage.Target{AutoScalingGroup: "web-prod", Region: "us-east-1"}, false, "asg:web-prod", []string{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g, err := c.Fleet.Group(t.Context(), test.target, test.expand)
			w.must(err)
			hosts := []string{}
			for _, h := range g.Hosts {
				hosts = append(hosts, h.ID)
				if h.State != "running" || h.Account != account || h.Region != region || h.Image == "" || h.Launched == "" {
					t.Errorf("host is described as %+v", h)
				}
			}
			if test.hosts == nil && len(hosts) == 2 {
				test.hosts = hosts
			}
			if diff := cmp.Diff([]any{test.key, test.hosts}, []any{g.Key, hosts}); diff != "" {
				t.Errorf("group (-want +got):\n%s", diff)
			}
		})
	}
}

// The first instance of a new group is compared with what there is, and a baseline
// of it is its own group's.
func TestFirstOfItsGroup(t *testing.T) {
	w := newWorld(t)
	c, err := cloud.New(t.Context(), w.cfg)
	w.must(err)
	all := w.scale("web-prod", 2)
	first := w.scale("cache", 1) // of the same image
	all = sorted(append(all, first...)...)
	g, err := c.Fleet.Group(t.Context(), triage.Target{InstanceIDs: first}, true)
	w.must(err)
	image := *w.describe(first[0]).ImageId
	if g.Key != "image:"+image || len(g.Hosts) != len(all) {
		t.Errorf("group %s of %d hosts, want the %d of image %s", g.Key, len(g.Hosts), len(all), image)
	}
	want := &pipeline.GroupName{ID: account + "/" + region + "/asg:cache", Key: "asg:cache"}
	if diff := cmp.Diff(want, g.Closer); diff != "" {
		t.Errorf("closer group (-want +got):\n%s", diff)
	}
}

// What cannot be examined is said before anything is sent.
func TestUnreachableHosts(t *testing.T) {
	w := newWorld(t)
	c, err := cloud.New(t.Context(), w.cfg)
	w.must(err)
	ids := w.launch(ec2.RunInstancesInput{}, 4, nil)
	w.agents.hosts[ids[1]].managed = false
	w.halt(ids[2])
	_, err = ec2.NewFromConfig(w.sdk).TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: ids[3:]})
	w.must(err)

	ask := append([]string{"i-0000000000000dead"}, ids...)
	g, err := c.Fleet.Group(t.Context(), triage.Target{InstanceIDs: ask}, false)
	w.must(err)
	got := map[string]string{}
	for _, h := range g.Hosts {
		got[h.ID] = fmt.Sprintf("%q, pending: %v", h.Reason, h.Pending)
	}
	want := map[string]string{
		"i-0000000000000dead": `"no such instance", pending: false`,
		ids[0]:                `"", pending: false`,
		ids[1]:                `"", pending: true`,
		ids[2]:                `"stopped", pending: false`,
		ids[3]:                `"terminated", pending: false`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}

	g, err = c.Fleet.Group(t.Context(), triage.Target{Image: "ami-0aaaaaaaaaaaaaaaa"}, false)
	w.must(err)
	if len(g.Hosts) != 3 || len(g.Notes) != 1 {
		t.Errorf("the group has %d hosts and the notes %q, want it without the terminated one, and a note", len(g.Hosts), g.Notes)
	}
}

func (w *world) describe(id string) ec2types.Instance {
	w.Helper()
	out, err := ec2.NewFromConfig(w.sdk).DescribeInstances(w.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	w.must(err)
	return out.Reservations[0].Instances[0]
}

// template returns the id of the launch template of a group.
func (w *world) template(name string) string {
	w.Helper()
	out, err := ec2.NewFromConfig(w.sdk).DescribeLaunchTemplates(w.Context(), &ec2.DescribeLaunchTemplatesInput{LaunchTemplateNames: []string{name}})
	w.must(err)
	return *out.LaunchTemplates[0].LaunchTemplateId
}

func (w *world) having(ids []string, key, value string) []string {
	w.Helper()
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		return !slices.ContainsFunc(w.describe(id).Tags, func(t ec2types.Tag) bool { return *t.Key == key && *t.Value == value })
	})
}

func (w *world) inSubnet(subnet string) []string {
	w.Helper()
	out, err := ec2.NewFromConfig(w.sdk).DescribeInstances(w.Context(), &ec2.DescribeInstancesInput{})
	w.must(err)
	var ids []string
	for _, r := range out.Reservations {
		for _, i := range r.Instances {
			if aws.ToString(i.SubnetId) == subnet {
				ids = append(ids, *i.InstanceId)
			}
		}
	}
	slices.Sort(ids)
	return ids
}

func sorted(ids ...string) []string { return slices.Sorted(slices.Values(ids)) }
