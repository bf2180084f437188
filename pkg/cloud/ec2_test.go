package cloud

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

func instance(id string, state types.InstanceStateName, change func(*types.Instance)) types.Instance {
	i := types.Instance{
		InstanceId: &id, ImageId: aws.String("ami-1"), State: &types.InstanceState{Name: state},
		LaunchTime: aws.Time(time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))),
	}
	if change != nil {
		change(&i)
	}
	return i
}

func TestCandidates(t *testing.T) {
	host := func(id, platform, state string) triage.Host {
		return triage.Host{
			ID: id, Account: "1", Region: "r", Platform: platform, Image: "ami-1", State: state, Launched: "2026-01-02T02:04:05Z",
		}
	}
	fromTemplate := host("i-b", "linux", "pending")
	fromTemplate.Template = "lt-1:7"
	group := chosen{named: []string{"i-d", "i-z", "mi-1", "fargate-ip-10-0-0-1.eu-west-1.compute.internal"}, instances: []types.Instance{
		instance("i-d", types.InstanceStateNameTerminated, nil),
		instance("i-c", types.InstanceStateNameRunning, func(i *types.Instance) { i.Platform = types.PlatformValuesWindows }),
		instance("i-b", types.InstanceStateNamePending, func(i *types.Instance) {
			i.Tags = []types.Tag{
				{Key: aws.String(templateTag), Value: aws.String("lt-1")}, {Key: aws.String(templateVersionTag), Value: aws.String("7")},
			}
		}),
		instance("i-a", types.InstanceStateNameStopped, nil),
	}}
	want := []pipeline.Candidate{
		{Host: triage.Host{ID: "fargate-ip-10-0-0-1.eu-west-1.compute.internal", Account: "1", Region: "r"}, Reason: "Fargate: there is no host to examine"},
		{Host: host("i-a", "linux", "stopped"), Reason: "stopped"},
		{Host: fromTemplate},
		{Host: host("i-c", "windows", "running"), Reason: "windows"},
		{Host: host("i-d", "linux", "terminated"), Reason: "terminated"},
		{Host: triage.Host{ID: "i-z", Account: "1", Region: "r"}, Reason: "no such instance"},
		{Host: triage.Host{ID: "mi-1", Account: "1", Region: "r"}, Reason: "managed by SSM, but no EC2 instance"},
	}
	got := candidates(pipeline.Place{Account: "1", Region: "r"}, group)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("candidates (-want +got):\n%s", diff)
	}
}

func TestGroupID(t *testing.T) {
	here := pipeline.Place{Account: "1", Region: "r"}
	many := "instances:" + strings.Repeat("i-0123456789abcdef0,", 1000)
	if got := groupID(here, "asg:web"); got != "1/r/asg:web" {
		t.Errorf("id of a short key: %s", got)
	}
	long, other := groupID(here, many), groupID(here, many+"i-1")
	if len(long) > longestKey || long == other {
		t.Errorf("ids of long keys: %s, %s", long, other)
	}
}
