package cloud

import (
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"diffy/pkg/pipeline"
)

type awsConfig = aws.Config

// places knows how each account and region is reached.
type places struct {
	cfg    Config
	own    aws.Config
	myself bool // other accounts, too, are spoken to with the own credentials

	mu    sync.Mutex
	roles map[string]aws.CredentialsProvider // account → the role's credentials
}

// whole fills in the deployment's own account and region.
func (p *places) whole(place pipeline.Place) pipeline.Place {
	if place.Account == "" {
		place.Account = p.cfg.Account
	}
	if place.Region == "" {
		place.Region = p.cfg.Region
	}
	return place
}

// config returns the SDK's configuration for a place: the own credentials in the
// own account, those of the target role in any other unless it is for people.
func (p *places) config(place pipeline.Place) aws.Config {
	c := p.own.Copy()
	c.Region = place.Region
	if place.Account != p.cfg.Account && !p.myself {
		c.Credentials = p.role(place.Account)
	}
	return c
}

func (p *places) role(account string) aws.CredentialsProvider {
	p.mu.Lock()
	defer p.mu.Unlock()
	if kept := p.roles[account]; kept != nil {
		return kept
	}
	arn := "arn:" + partition(p.cfg.StateMachine) + ":iam::" + account + ":role/" + p.cfg.TargetRole
	role := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(p.own), arn, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = "diffy"
		if p.cfg.ExternalID != "" {
			o.ExternalID = &p.cfg.ExternalID
		}
	})
	if p.roles == nil {
		p.roles = map[string]aws.CredentialsProvider{}
	}
	p.roles[account] = aws.NewCredentialsCache(role)
	return p.roles[account]
}

// partition is the second part of an ARN: "aws", "aws-cn", "aws-us-gov".
func partition(arn string) string {
	if parts := strings.SplitN(arn, ":", 3); len(parts) == 3 {
		return parts[1]
	}
	return "aws"
}

// clients keeps one client of a service for each place.
type clients[C any] struct {
	places *places
	make   func(aws.Config) C

	mu   sync.Mutex
	kept map[pipeline.Place]C
}

func newClients[C any](p *places, make func(aws.Config) C) *clients[C] {
	return &clients[C]{places: p, make: make, kept: map[pipeline.Place]C{}}
}

func (c *clients[C]) at(place pipeline.Place) C {
	place = c.places.whole(place)
	c.mu.Lock()
	defer c.mu.Unlock()
	client, ok := c.kept[place]
	if !ok {
		client = c.make(c.places.config(place))
		c.kept[place] = client
	}
	return client
}
