package cloud

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"diffy/pkg/pipeline"
)

// Commands runs the one document on hosts, and reads it.
type Commands struct {
	document string
	clients  *clients[*ssm.Client]
	managed  managed
}

// Document implements pipeline.Documents.
func (c *Commands) Document(ctx context.Context, p pipeline.Place) (pipeline.Document, error) {
	client := c.clients.at(p)
	described, err := client.DescribeDocument(ctx, &ssm.DescribeDocumentInput{Name: &c.document})
	if err != nil {
		return pipeline.Document{}, c.noDocument(err, p)
	}
	version := described.Document.DefaultVersion
	content, err := client.GetDocument(ctx, &ssm.GetDocumentInput{
		Name: &c.document, DocumentVersion: version, DocumentFormat: types.DocumentFormatJson,
	})
	if err != nil {
		return pipeline.Document{}, c.noDocument(err, p)
	}
	return pipeline.Document{
		Name:    c.document,
		Version: aws.ToString(version),
		Hash:    aws.ToString(described.Document.Hash),
		Content: []byte(aws.ToString(content.Content)),
	}, nil
}

func (c *Commands) noDocument(err error, p pipeline.Place) error {
	var none *types.InvalidDocument
	if errors.As(err, &none) {
		return fmt.Errorf("read document %s in %s/%s: %w", c.document, p.Account, p.Region, pipeline.ErrNotFound)
	}
	return failed(err, "read document %s in %s/%s", c.document, p.Account, p.Region)
}

// mostHosts is what one SendCommand takes. SSM calls more of them throttling.
const mostHosts = 50

// Send implements pipeline.Commands. SSM takes all of the hosts or none and does
// not say which one it minds, so that one is looked for only when SSM refuses.
func (c *Commands) Send(ctx context.Context, cmd pipeline.Command) (pipeline.Sent, error) {
	if len(cmd.Hosts) > mostHosts {
		return pipeline.Sent{}, fmt.Errorf("send command: %d hosts, SSM takes %d", len(cmd.Hosts), mostHosts)
	}
	sent := pipeline.Sent{Refused: map[string]string{}}
	for hosts := slices.Sorted(slices.Values(cmd.Hosts)); len(hosts) > 0; {
		id, err := c.send(ctx, cmd, hosts)
		if err == nil {
			sent.ID = id
			return sent, nil
		}
		var refused *types.InvalidInstanceId
		if !errors.As(err, &refused) {
			return pipeline.Sent{}, failedQuietly(err, "send command to %d hosts in %s/%s",
				len(hosts), cmd.Place.Account, cmd.Place.Region)
		}
		reasons, err := c.unreachable(ctx, cmd.Place, hosts)
		if err != nil {
			return pipeline.Sent{}, err
		}
		maps.Copy(sent.Refused, reasons)
		hosts = slices.DeleteFunc(hosts, func(h string) bool { return reasons[h] != "" })
	}
	return sent, nil
}

// unreachable says why SSM does not take these hosts: those that it does not
// manage, else those that it has lost, else all of them.
func (c *Commands) unreachable(ctx context.Context, place pipeline.Place, hosts []string) (map[string]string, error) {
	known, err := c.managed.of(ctx, place, hosts)
	if err != nil {
		return nil, err
	}
	unknown, lost, all := map[string]string{}, map[string]string{}, map[string]string{}
	for _, h := range hosts {
		info, ok := known[h]
		all[h] = "refused by SSM"
		switch {
		case !ok:
			unknown[h] = notManaged
		case info.PingStatus != types.PingStatusOnline:
			lost[h] = "SSM has lost the connection"
		}
	}
	for _, reasons := range []map[string]string{unknown, lost} {
		if len(reasons) > 0 {
			return reasons, nil
		}
	}
	return all, nil
}

func (c *Commands) send(ctx context.Context, cmd pipeline.Command, hosts []string) (string, error) {
	out, err := c.clients.at(cmd.Place).SendCommand(ctx, &ssm.SendCommandInput{
		DocumentName:     &cmd.Document.Name,
		DocumentVersion:  &cmd.Document.Version,
		DocumentHash:     &cmd.Document.Hash,
		DocumentHashType: types.DocumentHashTypeSha256,
		InstanceIds:      hosts,
		Parameters:       cmd.Parameters,
		Comment:          &cmd.Comment,
		MaxConcurrency:   aws.String("100%"),
		MaxErrors:        aws.String("100%"), // the default lets one failure stop the rest
		TimeoutSeconds:   aws.Int32(int32(cmd.Delivery.Seconds())),
	}, once)
	if err != nil {
		return "", err
	}
	return aws.ToString(out.Command.CommandId), nil
}

// once lets the SDK not repeat a command whose answer was lost: a second one
// would run on the same hosts. The state machine repeats it with another form.
func once(o *ssm.Options) { o.RetryMaxAttempts = 1 }

// Status implements pipeline.Commands.
func (c *Commands) Status(ctx context.Context, p pipeline.Place, command string) ([]pipeline.Invocation, error) {
	pages := ssm.NewListCommandInvocationsPaginator(c.clients.at(p), &ssm.ListCommandInvocationsInput{
		CommandId: &command, Details: true, MaxResults: aws.Int32(mostHosts),
	})
	var all []pipeline.Invocation
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		var unknown *types.InvalidCommandId
		switch {
		case errors.As(err, &unknown): // not everywhere yet
			return nil, nil
		case err != nil:
			return nil, failed(err, "read status of command %s", command)
		}
		for _, i := range page.CommandInvocations {
			all = append(all, invocation(i))
		}
	}
	return all, nil
}

func invocation(i types.CommandInvocation) pipeline.Invocation {
	inv := pipeline.Invocation{
		Host:    aws.ToString(i.InstanceId),
		Status:  pipeline.InvocationStatus(i.Status),
		Details: aws.ToString(i.StatusDetails),
	}
	for _, plugin := range i.CommandPlugins {
		inv.Stdout += aws.ToString(plugin.Output)
	}
	return inv
}

// Cancel implements pipeline.Commands.
func (c *Commands) Cancel(ctx context.Context, p pipeline.Place, command string) error {
	_, err := c.clients.at(p).CancelCommand(ctx, &ssm.CancelCommandInput{CommandId: &command})
	var unknown *types.InvalidCommandId
	if err != nil && !errors.As(err, &unknown) {
		return failed(err, "cancel command %s", command)
	}
	return nil
}
