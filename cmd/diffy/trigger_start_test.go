package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"diffy/pkg/local"
	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// eachAlone is a fleet in which every host is a group of its own.
type eachAlone struct{}

func (eachAlone) Group(_ context.Context, t triage.Target, _ bool) (pipeline.Group, error) {
	id := t.InstanceIDs[0]
	return pipeline.Group{ID: id, Key: "asg:" + id}, nil
}

// refuses starts every run but those of one host.
type refuses struct {
	*fakeAccount
	host string
}

func (r refuses) Start(_ context.Context, name string, _ []byte) error {
	if strings.HasPrefix(name, r.host) {
		return errors.New("no such machine")
	}
	return nil
}

// A drill in which one group's run does not start says which others have.
func TestTriggerStartsSome(t *testing.T) {
	f := &fakeAccount{}
	a, out, errs := f.app(t)
	table := local.NewTable(t.TempDir())
	a.inAWS = func(context.Context) (*account, error) {
		return &account{finder: eachAlone{}, storm: table, runs: records{table}, machine: refuses{f, "i-0a1b2c3d4e5f60718"}}, nil
	}
	code := a.run([]string{"trigger", "../../events/guardduty-attack-sequence.json", "--start"})
	if code != exitFailed || !strings.Contains(errs.String(), "no such machine") || !strings.Contains(errs.String(), "follow it with diffy runs show i-0f9e8d7c6b5a49382-") {
		t.Errorf("it ended with %d: %s", code, errs.String())
	}
	if !strings.Contains(out.String(), `"i-0f9e8d7c6b5a49382-`) {
		t.Errorf("it prints %s", out.String())
	}
}

// records are those of a table, listed by nobody.
type records struct{ pipeline.Runs }

func (records) ListRuns(context.Context, int) ([]pipeline.Run, error) { return nil, nil }
