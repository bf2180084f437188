package cloud

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"

	"diffy/pkg/pipeline"
)

// The partition of an incident's messages, and the sort key of its thread.
const (
	sentPrefix = "sent#"
	threadKey  = "thread"
)

// threadKept is how long it is remembered what was sent of an incident.
const threadKept = 400 * 24 * time.Hour

// Claim implements pipeline.Threads.
func (t *Table) Claim(ctx context.Context, incident, owner string, now, until time.Time) (pipeline.Thread, error) {
	u := update{key: key(sentPrefix+incident, threadKey), when: "attribute_not_exists(#owner) OR #owner = :owner OR #until <= :now"}
	u.set("owner", text(owner)).set("until", number(until.UnixMilli())).set("ttl", ttlAfter(now, threadKept)).
		value(":now", number(now.UnixMilli()))
	claimed, held, err := t.update(ctx, u)
	thread := pipeline.Thread{Incident: incident}
	switch {
	case err != nil:
		return thread, failed(err, "claim the thread of %s", incident)
	case held != nil:
		return thread, fmt.Errorf("claim the thread of %s: another call is at it: %w", incident, pipeline.ErrExists)
	}
	if err := decode(claimed, &thread); err != nil {
		return thread, err
	}
	thread.Incident = incident
	return thread, nil
}

// Keep implements pipeline.Threads.
func (t *Table) Keep(ctx context.Context, thread pipeline.Thread, owner string) error {
	sent, err := attributevalue.MarshalWithOptions(thread.Sent, func(o *attributevalue.EncoderOptions) { o.TagKey = "json" })
	if err != nil {
		return fmt.Errorf("encode the thread of %s: %w", thread.Incident, err)
	}
	u := update{key: key(sentPrefix+thread.Incident, threadKey), when: "#owner = :owner"}
	u.set("root", text(thread.Root)).set("shown", text(thread.Shown)).set("sent", sent).remove("owner").remove("until").
		value(":owner", text(owner))
	_, lost, err := t.update(ctx, u)
	switch {
	case err != nil:
		return failed(err, "keep the thread of %s", thread.Incident)
	case lost != nil:
		return fmt.Errorf("keep the thread of %s for %s: %w", thread.Incident, owner, pipeline.ErrNotFound)
	}
	return nil
}
