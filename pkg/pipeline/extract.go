package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"diffy/pkg/facts"
	"diffy/pkg/pack"
	"diffy/pkg/snapshot"
)

// Extract ends a branch: it verifies what the hosts have uploaded, keeps it as
// evidence, makes facts of it, and says for each host of the batch how it ended.
type Extract struct {
	Commands Commands
	Objects  Objects
	Pack     *pack.Pack
	Now      func() time.Time
	Log      *slog.Logger
}

// Handle writes the facts and then the outcomes of the batch, or of the one host
// that in.Host names.
func (h Extract) Handle(ctx context.Context, in ExtractIn) (ExtractOut, error) {
	b, hosts := in.Branch, in.Branch.Batch.Hosts
	if in.Host != "" {
		hosts = []string{in.Host}
	}
	ends, err := h.ends(ctx, b)
	if in.costsHost(err) {
		ends, err = map[string]end{in.Host: {reason: "how it ended cannot be read: " + cut(err.Error(), 1000)}}, nil
	}
	if err != nil {
		return ExtractOut{}, err
	}
	set := facts.NewSet(h.Pack)
	records := make([]Record, len(hosts))
	for i, host := range hosts {
		records[i], err = h.host(ctx, b, host, ends[host], set)
		if in.costsHost(err) {
			records[i], err = notExamined(host, "what it has uploaded cannot be examined: "+cut(err.Error(), 1000)), nil
		}
		if err != nil {
			return ExtractOut{}, fmt.Errorf("extract %s: %w", host, err)
		}
		records[i].Code = b.Error.code()
	}
	if err := h.write(ctx, in, set, records); err != nil {
		return ExtractOut{}, err
	}
	out := ExtractOut{Batch: b.Batch.number()}
	out.Examined, out.Partial, out.NotExamined = tally(records)
	h.Log.Info("extracted", "run", b.Run, "batch", out.Batch, "host", in.Host,
		"examined", out.Examined, "partial", out.Partial, "not_examined", out.NotExamined)
	return out, nil
}

// costsHost reports whether an error is the outcome of the one host that the call
// is for: its batch has failed as a whole before, so that what would have been a
// reason to try again is now the reason to give.
func (in ExtractIn) costsHost(err error) bool {
	return in.Host != "" && err != nil && CodeOf(err) != Throttled
}

// write leaves the outcomes last: where they are, the facts are too.
func (h Extract) write(ctx context.Context, in ExtractIn, set *facts.Set, records []Record) error {
	run, number := in.Branch.Run, in.Branch.Batch.number()
	factsKey, outcomesKey := FactsKey(run, number), OutcomesKey(run, number)
	if in.Host != "" {
		factsKey, outcomesKey = HostFactsKey(run, number, in.Host), HostOutcomeKey(run, number, in.Host)
	}
	var shard bytes.Buffer
	err := set.Encode(&shard)
	if err == nil {
		err = h.Objects.Put(ctx, work(factsKey), shard.Bytes())
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", factsKey, err)
	}
	sortRecords(records)
	return putJSON(ctx, h.Objects, work(outcomesKey), records)
}

// end is how one host came out of collection: the evidence that somebody
// vouches for, best first, or the reason why there is none.
type end struct {
	sources []source
	reason  string
}

// ends says for each host of the batch how its collection ended.
func (h Extract) ends(ctx context.Context, b Branch) (map[string]end, error) {
	if b.Batch.Earlier != "" {
		return h.earlier(ctx, b)
	}
	out := map[string]end{}
	for host, reason := range b.Refused {
		out[host] = end{reason: reason}
	}
	for _, s := range b.Sends {
		list, err := h.Commands.Status(ctx, b.Batch.place(), s.Command)
		if err != nil {
			return nil, fmt.Errorf("ask for command %s: %w", s.Command, err)
		}
		for _, i := range list {
			out[i.Host] = out[i.Host].then(uploaded(b, s, i))
		}
	}
	for _, host := range b.Batch.Hosts {
		if e := out[host]; len(e.sources) == 0 && e.reason == "" {
			out[host] = silent(b)
		}
	}
	return out, nil
}

// then adds how a later try ended: evidence of the later one comes first, a
// reason counts only where there is no evidence.
func (e end) then(later end) end {
	e.sources = append(later.sources, e.sources...)
	if later.reason != "" {
		e.reason = later.reason
	}
	return e
}

// silent is the end of a host that was asked and of which nothing is known, or
// that was not asked because its branch gave up.
func silent(b Branch) end {
	switch {
	case b.Error != nil && len(b.Sends) == 0:
		return end{reason: "not collected: " + b.Error.message()}
	case b.Error != nil:
		return end{reason: "no answer: " + b.Error.message()}
	}
	return end{reason: noAnswer}
}

// code tells an error that ends the whole run from one that costs this batch.
func (c *Caught) code() Code {
	if c != nil && Code(c.Error) == DocumentChanged {
		return DocumentChanged
	}
	return ""
}

// message returns the text of an error: that of a function is in JSON, AWS's own
// is plain, and where there is none its name has to do.
func (c *Caught) message() string {
	var cause struct {
		Message string `json:"errorMessage"`
	}
	switch err := json.Unmarshal([]byte(c.Cause), &cause); {
	case err == nil && cause.Message != "":
		return cut(cause.Message, 1000)
	case err != nil && c.Cause != "":
		return cut(c.Cause, 1000)
	}
	return c.Error
}

// host keeps the evidence of one host and adds its facts to the set. Only what
// stands in the way of all hosts is an error.
func (h Extract) host(ctx context.Context, b Branch, host string, e end, set *facts.Set) (Record, error) {
	lost := notExamined(host, e.reason)
	for _, s := range e.sources {
		record, data, err := h.keep(ctx, b, host, s, e.sources)
		var bad *unusable
		switch {
		case errors.As(err, &bad):
			if lost.Reason == "" || lost.Reason == e.reason {
				lost = record
				lost.Reason = bad.reason
			}
			continue
		case err != nil:
			return record, err
		}
		if s.kept && runOf(record.Evidence) == b.Run { // read again
			record.Reason = ""
		} else if s.kept {
			record.Reason = fmt.Sprintf("evidence of run %s, received %s", runOf(record.Evidence), record.Received)
		} else {
			record.Received = stamp(h.Now())
		}
		return h.read(record, data, set), nil
	}
	return lost, nil
}

// hostLimits are snapshot.DefaultLimits for evidence that is one host's.
var hostLimits = snapshot.Limits{
	LogBytes: snapshot.DefaultLimits.HostBytes,
	Hosts:    8, // more than the one is a fault that is told
}
