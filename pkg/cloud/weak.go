package cloud

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"diffy/pkg/pipeline"
)

// A weak baseline is the facts of a good run. They are an object of that run, which
// expires with the run's others; the group has one item that names the last ones.

// keptWeak is how many weak baselines a group has at most.
const keptWeak = 2

// goodRun is one that a group remembers.
type goodRun struct {
	Version string `json:"version"` // the run
	Created string `json:"created"`
	Hosts   int    `json:"hosts"`
	Pack    string `json:"pack"`
	Size    int64  `json:"size"`   // bytes of the object
	SHA256  string `json:"sha256"` // of the object
}

// goodRuns is what a group remembers. Revision is another one after each change.
type goodRuns struct {
	Group    string    `json:"group"`
	Revision int64     `json:"revision"`
	Good     []goodRun `json:"good"` // newest first
}

func (g goodRun) baseline(group string) pipeline.Baseline {
	return pipeline.Baseline{Group: group, Version: g.Version, Created: g.Created, Hosts: g.Hosts, Pack: g.Pack, Weak: true}
}

// good reads which runs a group remembers, and the revision of that.
func (t *Table) good(ctx context.Context, group string) ([]goodRun, int64, error) {
	it, err := t.get(ctx, groupPrefix+group, goodKey)
	switch {
	case errors.Is(err, pipeline.ErrNotFound):
		return nil, 0, nil
	case err != nil:
		return nil, 0, fmt.Errorf("find good runs of %s: %w", group, err)
	}
	var runs goodRuns
	return runs.Good, runs.Revision, decode(it, &runs)
}

// weak reads the weak baselines of a group, newest first. One whose object has
// expired, or is not what it was, is left out.
func (t *Table) weak(ctx context.Context, group string) ([]pipeline.Baseline, error) {
	runs, _, err := t.good(ctx, group)
	if err != nil {
		return nil, err
	}
	var out []pipeline.Baseline
	for _, g := range runs {
		b, err := t.facts(ctx, group, g)
		switch {
		case errors.Is(err, pipeline.ErrNotFound):
		case err != nil:
			return nil, err
		default:
			out = append(out, b)
		}
	}
	return out, nil
}

func (t *Table) weakVersion(ctx context.Context, group, version string) (pipeline.Baseline, error) {
	runs, _, err := t.good(ctx, group)
	if err != nil {
		return pipeline.Baseline{}, err
	}
	at := slices.IndexFunc(runs, func(g goodRun) bool { return g.Version == version })
	if at < 0 {
		return pipeline.Baseline{}, fmt.Errorf("read baseline %s of %s: %w", version, group, pipeline.ErrNotFound)
	}
	return t.facts(ctx, group, runs[at])
}

// facts reads the facts of a good run, ErrNotFound when they are no longer there as
// they were.
func (t *Table) facts(ctx context.Context, group string, g goodRun) (pipeline.Baseline, error) {
	b := g.baseline(group)
	var err error
	b.Data, err = t.objects.Get(ctx, goodObject(g.Version), g.Size)
	if errors.Is(err, pipeline.ErrTooLarge) || err == nil && digest(b.Data) != g.SHA256 {
		err = pipeline.ErrNotFound
	}
	if err != nil {
		return b, fmt.Errorf("read facts of good run %s: %w", g.Version, err)
	}
	return b, nil
}

func goodObject(run string) pipeline.Object {
	return pipeline.Object{Bucket: pipeline.Work, Key: pipeline.GoodKey(run)}
}

// storeWeak writes the object, and then that the group remembers it.
func (t *Table) storeWeak(ctx context.Context, b pipeline.Baseline) error {
	err := t.objects.Put(ctx, goodObject(b.Version), b.Data)
	if err == nil {
		err = t.remember(ctx, b.Group, func(runs []goodRun) []goodRun {
			runs = slices.DeleteFunc(runs, func(g goodRun) bool { return g.Version == b.Version })
			runs = append(runs, goodRun{b.Version, b.Created, b.Hosts, b.Pack, int64(len(b.Data)), digest(b.Data)})
			slices.SortFunc(runs, func(x, y goodRun) int { return newestFirst(x.baseline(""), y.baseline("")) })
			return runs[:min(keptWeak, len(runs))]
		})
	}
	if err != nil {
		return fmt.Errorf("store weak baseline %s of %s: %w", b.Version, b.Group, err)
	}
	return nil
}

// forgetWeak lets a group forget a run; ErrNotFound when it does not remember it.
func (t *Table) forgetWeak(ctx context.Context, group, version string) error {
	runs, _, err := t.good(ctx, group)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(runs, func(g goodRun) bool { return g.Version == version }) {
		return pipeline.ErrNotFound
	}
	return t.remember(ctx, group, func(runs []goodRun) []goodRun {
		return slices.DeleteFunc(runs, func(g goodRun) bool { return g.Version == version })
	})
}

// rewrites is how often a change is tried again that others came in between of:
// runs of one group that end at the same moment.
const rewrites = 5

// remember changes which runs a group remembers.
func (t *Table) remember(ctx context.Context, group string, change func([]goodRun) []goodRun) error {
	var err error
	for range rewrites {
		if err = t.rememberOnce(ctx, group, change); !errors.Is(err, pipeline.ErrExists) {
			return err
		}
	}
	return err
}

// rememberOnce is ErrExists when somebody else has changed it meanwhile.
func (t *Table) rememberOnce(ctx context.Context, group string, change func([]goodRun) []goodRun) error {
	runs, revision, err := t.good(ctx, group)
	if err != nil {
		return err
	}
	next := goodRuns{group, revision + 1, change(runs)}
	it, err := encode(groupPrefix+group, goodKey, next)
	if err != nil {
		return err
	}
	if len(next.Good) > 0 {
		it["kind"], it["started"] = text(kindBaseline), text(next.Good[0].Created)
	}
	_, err = t.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &t.name, Item: it,
		ConditionExpression:       aws.String("attribute_not_exists(pk) OR revision = :revision"),
		ExpressionAttributeValues: item{":revision": number(revision)},
	})
	if _, other := refused(err); other {
		return pipeline.ErrExists
	}
	if err != nil {
		return failed(err, "remember good runs of %s", group)
	}
	return nil
}
