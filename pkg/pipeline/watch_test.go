package pipeline_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"diffy/pkg/pipeline"
)

// List implements pipeline.Listed.
func (m memory) List(_ context.Context, o pipeline.Object) ([]string, error) {
	memoryLock.Lock()
	defer memoryLock.Unlock()
	var keys []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if key, ok := strings.CutPrefix(name, string(o.Bucket)+"/"); ok && strings.HasPrefix(key, o.Key) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

func TestWatch(t *testing.T) {
	ctx, w := context.Background(), newWorld(t)
	w.group = pipeline.Group{ID: "g", Key: "asg:web", Hosts: hosts("i-1", "i-2", "i-3", "i-4")}
	w.group.Hosts[3].Reason = "windows"
	watch := pipeline.Watch{Objects: w.objects, Run: "run-1"}
	look := func(want pipeline.Progress) {
		t.Helper()
		got, err := watch.Look(ctx)
		w.check(err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("progress (-want +got):\n%s", diff)
		}
	}
	look(pipeline.Progress{})
	r := w.resolve()
	r.Batching = pipeline.Batching{Branches: 1, Size: 2}
	out, err := r.Handle(ctx, resolveIn("run-1", minimal))
	w.check(err)
	begun := pipeline.Progress{Key: "asg:web", Requested: 4, Asked: 3, Batches: 2, NotExamined: 1, Reasons: map[string]int{"windows": 1}}
	look(begun)
	var batches []pipeline.Batch
	w.read(pipeline.Work, out.Hosts, &batches)
	end := func(batch int, only string) {
		t.Helper()
		b, err := w.collect().Handle(ctx, pipeline.Branch{Run: "run-1", Bundle: out.Bundle, Batch: batches[batch]})
		w.check(err)
		for _, host := range batches[batch].Hosts {
			if host != "i-2" {
				w.upload(b, 0, host, logOf(host, nil))
			}
		}
		_, err = w.extract().Handle(ctx, pipeline.ExtractIn{Branch: b, Host: only})
		w.check(err)
	}
	end(0, "i-1") // host by host, after the batch as a whole was too much
	begun.Ended, begun.Examined = 1, 1
	look(begun)
	end(0, "i-2")
	end(1, "")
	begun.Ended, begun.Examined, begun.NotExamined = 3, 2, 2
	begun.Reasons["no answer within 10 minutes"] = 1
	look(begun)
	look(begun)
}
