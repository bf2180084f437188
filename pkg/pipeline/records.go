package pipeline

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
)

// readers is how many objects are read at once.
const readers = 8

// noOutcome is the reason of a host that no branch has said anything of.
const noOutcome = "no outcome"

// shard is what one branch of the map has left: records, and where their facts are.
type shard struct {
	records []Record
	facts   []string // keys in the work bucket
}

// readShards reads how every host of a run ended: the hosts that nothing was sent
// to first, then the batches in order. A host that no branch has said anything of
// is not examined, "no outcome".
func readShards(ctx context.Context, s Objects, run string) ([]shard, error) {
	var batches []Batch
	if err := getJSON(ctx, s, work(HostsKey(run)), &batches); err != nil {
		return nil, err
	}
	shards := make([]shard, len(batches)+1)
	if err := getJSON(ctx, s, work(OutcomesKey(run, neverSent)), &shards[0].records); err != nil {
		return nil, err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for i, b := range batches {
		g.Go(func() (err error) {
			shards[i+1], err = readShard(ctx, s, run, b)
			return err
		})
	}
	return shards, g.Wait()
}

// readShard reads what the branch of a batch has left. Where the batch as a whole
// has left nothing, each of its hosts may have.
func readShard(ctx context.Context, s Objects, run string, b Batch) (shard, error) {
	number := b.number()
	var whole shard
	err := getJSON(ctx, s, work(OutcomesKey(run, number)), &whole.records)
	if err == nil {
		whole.facts = []string{FactsKey(run, number)}
		return complete(whole, b), nil
	}
	if !errors.Is(err, ErrNotFound) {
		return whole, err
	}
	for _, host := range b.Hosts {
		var one []Record
		switch err := getJSON(ctx, s, work(HostOutcomeKey(run, number, host)), &one); {
		case err == nil:
			whole.records = append(whole.records, one...)
			whole.facts = append(whole.facts, HostFactsKey(run, number, host))
		case !errors.Is(err, ErrNotFound):
			return whole, err
		}
	}
	return complete(whole, b), nil
}

// complete gives every host of the batch exactly one record.
func complete(s shard, b Batch) shard {
	said := map[string]Record{}
	for _, r := range s.records {
		said[r.Host] = r
	}
	s.records = s.records[:0]
	for _, host := range b.Hosts {
		r, ok := said[host]
		if !ok {
			r = notExamined(host, noOutcome)
		}
		s.records = append(s.records, r)
	}
	return s
}

// allRecords reads how every host of a run ended, in the order of hosts.
func allRecords(ctx context.Context, s Objects, run string) ([]Record, error) {
	shards, err := readShards(ctx, s, run)
	if err != nil {
		return nil, fmt.Errorf("read outcomes of %s: %w", run, err)
	}
	var all []Record
	for _, sh := range shards {
		all = append(all, sh.records...)
	}
	sortRecords(all)
	return all, nil
}
