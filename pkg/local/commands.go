package local

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"diffy/collect"
	"diffy/pkg/pipeline"
)

// order is what a command says to a host here.
type order struct{ run, batch, attempt string }

func (o order) upload(host, digest string) pipeline.Object {
	return pipeline.Object{Bucket: pipeline.Intake, Place: place, Key: pipeline.UploadKey(o.run, o.batch, o.attempt, host, digest)}
}

// commands runs a collection as soon as it is sent: when Send returns, every host
// has ended.
type commands struct {
	collect func(ctx context.Context, host string, o order) (collect.Report, error)

	mu   sync.Mutex
	sent map[string][]pipeline.Invocation
}

// Send implements pipeline.Commands.
func (c *commands) Send(ctx context.Context, cmd pipeline.Command) (pipeline.Sent, error) {
	o := order{run: cmd.Parameters["Run"][0], batch: cmd.Parameters["Batch"][0], attempt: cmd.Parameters["Attempt"][0]}
	list := make([]pipeline.Invocation, len(cmd.Hosts))
	for i, host := range cmd.Hosts {
		report, err := c.collect(ctx, host, o)
		if ctx.Err() != nil {
			return pipeline.Sent{}, ctx.Err()
		}
		list[i] = pipeline.Invocation{Host: host, Status: pipeline.Success, Stdout: line(report)}
		if err != nil {
			list[i] = pipeline.Invocation{Host: host, Status: pipeline.Failed, Reason: err.Error()}
			if errors.Is(err, errTimeUp) { // another try would take as long
				list[i].Details = "ExecutionTimedOut"
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sent == nil {
		c.sent = map[string][]pipeline.Invocation{}
	}
	id := "local-" + strconv.Itoa(len(c.sent)+1)
	c.sent[id] = list
	return pipeline.Sent{ID: id}, nil
}

// line is a report as the collector prints it.
func line(r collect.Report) string {
	return fmt.Sprintf("diffy/1 sha256=%s size=%d rows=%d queries=%d errors=%d osquery=host version=%s\n",
		r.SHA256, r.Size, r.Rows, r.Queries, r.Errors, r.Version)
}

// Status implements pipeline.Commands.
func (c *commands) Status(_ context.Context, _ pipeline.Place, id string) ([]pipeline.Invocation, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent[id], nil
}

// Cancel implements pipeline.Commands. There is nothing left to stop.
func (c *commands) Cancel(context.Context, pipeline.Place, string) error { return nil }

// Document implements pipeline.Documents: nobody is in between here, and nothing is
// sent that would have a hash.
func (c *commands) Document(context.Context, pipeline.Place) (pipeline.Document, error) {
	return pipeline.Document{Name: "local", Version: "1", Content: collect.Document()}, nil
}

// unsigned stands where requests are signed. Here nothing is: the collection has
// the folder itself.
type unsigned struct{}

// PostForm implements pipeline.Presigner.
func (unsigned) PostForm(context.Context, pipeline.Object, int64, time.Duration) (pipeline.Form, error) {
	return pipeline.Form{}, nil
}

// Get implements pipeline.Presigner.
func (unsigned) Get(context.Context, pipeline.Object, time.Duration) (string, error) { return "", nil }
