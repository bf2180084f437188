package cloud

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"golang.org/x/sync/errgroup"

	"diffy/pkg/pipeline"
)

// managed knows which hosts SSM can send commands to.
type managed struct{ clients *clients[*ssm.Client] }

// SSM answers 50 hosts at a time; a few questions at once keep a large group
// within a minute, and below the rate that SSM allows.
const (
	askedAtOnce = 50
	asking      = 4
)

// of returns what SSM knows of those hosts that it manages.
func (m managed) of(ctx context.Context, place pipeline.Place, hosts []string) (map[string]types.InstanceInformation, error) {
	client := m.clients.at(place)
	chunks := slices.Collect(slices.Chunk(hosts, askedAtOnce))
	answers := make([][]types.InstanceInformation, len(chunks))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(asking)
	for i, chunk := range chunks {
		g.Go(func() (err error) {
			answers[i], err = describe(ctx, client, chunk)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, failed(err, "ask SSM about %d hosts in %s/%s", len(hosts), place.Account, place.Region)
	}
	known := make(map[string]types.InstanceInformation, len(hosts))
	for _, answer := range slices.Concat(answers...) {
		known[aws.ToString(answer.InstanceId)] = answer
	}
	return known, nil
}

func describe(ctx context.Context, client *ssm.Client, hosts []string) ([]types.InstanceInformation, error) {
	pages := ssm.NewDescribeInstanceInformationPaginator(client, &ssm.DescribeInstanceInformationInput{
		MaxResults: aws.Int32(askedAtOnce),
		Filters:    []types.InstanceInformationStringFilter{{Key: aws.String("InstanceIds"), Values: hosts}},
	})
	var answer []types.InstanceInformation
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		answer = append(answer, page.InstanceInformationList...)
	}
	return answer, nil
}
