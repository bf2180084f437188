package pipeline_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"diffy/pkg/pipeline"
	"diffy/pkg/synth"
	"diffy/pkg/triage"
)

// BenchmarkRun takes a group through all handlers, from the request to the message,
// with objects in memory and the evidence of a synthetic fleet. It says how long
// each state took and how much memory the process has had at most: `make scale`.
func BenchmarkRun(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprintf("hosts=%d", n), func(b *testing.B) {
			dir := b.TempDir()
			fleet := synth.New(synth.Spec{Seed: 1, Hosts: n, Scene: synth.Attacked})
			if err := fleet.WriteTo(dir, synth.WriteOptions{}); err != nil {
				b.Fatal(err)
			}
			s := &scale{world: newWorld(b), dir: dir, took: map[string]time.Duration{}}
			runs := 0
			for b.Loop() {
				runs++
				s.objects = memory{}
				s.run(fmt.Sprintf("run-%d", runs), n)
			}
			for state, took := range s.took {
				b.ReportMetric(took.Seconds()/float64(runs), state+"-s")
			}
			b.ReportMetric(s.peak(), "MiB")
			b.ReportMetric(0, "ns/op") // the states say more
		})
	}
}

// scale is runs over a folder of snapshots, and what their states took.
type scale struct {
	*world
	dir  string
	took map[string]time.Duration
}

// timed adds up how long a state takes.
func timed[In, Out any](s *scale, state string, handle func(context.Context, In) (Out, error), in In) Out {
	s.Helper()
	began := time.Now()
	out, err := handle(context.Background(), in)
	s.took[state] += time.Since(began)
	s.check(err)
	return out
}

func (s *scale) run(run string, n int) {
	files, err := filepath.Glob(filepath.Join(s.dir, "*.jsonl.gz"))
	s.check(err)
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".jsonl.gz"))
	}
	s.group = pipeline.Group{ID: "1111/eu-west-1/asg:web", Key: "asg:web", Hosts: hosts(names...)}
	out := timed(s, "resolve", s.resolve().Handle,
		resolveIn(run, `{"target":{"autoScalingGroup":"web"},"maxHosts":`+strconv.Itoa(n)+`}`))
	var batches []pipeline.Batch
	s.read(pipeline.Work, out.Hosts, &batches)
	for _, batch := range batches {
		s.batch(pipeline.Branch{Run: run, Bundle: out.Bundle, Batch: batch})
	}
	sum := timed(s, "analyze", s.analyze().Handle, pipeline.RunIn{Run: run})
	timed(s, "publish", s.publish().Handle, pipeline.RunIn{Run: run})
	var result triage.Result
	s.read(pipeline.Work, sum.Result, &result)
	if len(result.Hosts) != n || sum.Examined+sum.Partial+sum.NotExamined != n || sum.Outliers == 0 {
		s.Errorf("%d hosts in the result of %d; %+v", len(result.Hosts), n, sum)
	}
}

// batch is a branch of the map. What hosts have uploaded is gone once it is evidence.
func (s *scale) batch(b pipeline.Branch) {
	s.Helper()
	b = timed(s, "collect", s.collect().Handle, b)
	for _, host := range b.Batch.Hosts {
		data, err := os.ReadFile(filepath.Join(s.dir, host+".jsonl.gz"))
		s.check(err)
		s.upload(b, 0, host, data)
	}
	b = timed(s, "poll", s.poll().Handle, b)
	timed(s, "extract", s.extract().Handle, pipeline.ExtractIn{Branch: b})
	for name := range s.objects {
		if strings.HasPrefix(name, "intake/intake/") {
			delete(s.objects, name)
		}
	}
	s.commands, s.answers = s.commands[:0], map[string][]pipeline.Invocation{}
}

// peak is the most memory that the process has had, in MiB.
func (s *scale) peak() float64 {
	status, err := os.ReadFile("/proc/self/status")
	s.check(err)
	for line := range bytes.Lines(status) {
		if value, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			kib, err := strconv.Atoi(strings.Fields(string(value))[0])
			s.check(err)
			return float64(kib) / 1024
		}
	}
	s.Fatal("the kernel does not say how much memory there was")
	return 0
}
