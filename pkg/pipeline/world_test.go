package pipeline_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"diffy/collect"
	"diffy/pkg/local"
	"diffy/pkg/pack"
	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// world is a cloud for one test: everything that the handlers can reach. Runs,
// locks and baselines are the file-backed twins.
type world struct {
	testing.TB
	*local.Table
	objects  memory
	pack     *pack.Pack
	now      time.Time
	log      bytes.Buffer
	ids      int
	group    pipeline.Group
	exact    pipeline.Group // of instance ids that are not expanded
	document []byte
	signed   []string

	commands []pipeline.Command // as sent
	refused  map[string]string
	answers  map[string][]pipeline.Invocation // by command
	canceled []string
	statusOf error // of asking
	denied   error // of reading what hosts have uploaded

	groups     map[string]pipeline.Group // by instance id
	mu         sync.Mutex
	started    map[string]string
	startFails error
	published  []pipeline.Message
}

func newWorld(t testing.TB) *world {
	queries, err := pack.Load()
	if err != nil {
		t.Fatal(err)
	}
	return &world{
		TB: t, Table: local.NewTable(t.TempDir()), objects: memory{}, pack: queries,
		now: time.Date(2026, 11, 24, 3, 12, 0, 0, time.UTC), document: collect.Document(),
		answers: map[string][]pipeline.Invocation{}, started: map[string]string{},
	}
}

// check fails the test at once.
func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) clock() time.Time { return w.now }

func (w *world) id() string { w.ids++; return fmt.Sprintf("id%d", w.ids) }

func (w *world) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(&w.log, nil)) }

// read decodes an object of ours.
func (w *world) read(bucket pipeline.Bucket, key string, v any) {
	w.Helper()
	data, err := w.objects.Get(context.Background(), pipeline.Object{Bucket: bucket, Key: key}, 1<<30)
	w.check(err)
	w.check(json.Unmarshal(data, v))
}

// records reads the outcomes of a batch.
func (w *world) records(run, batch string) (out []pipeline.Record) {
	w.Helper()
	w.read(pipeline.Work, pipeline.OutcomesKey(run, batch), &out)
	return out
}

// The handlers, wired to this world.

func (w *world) resolve() pipeline.Resolve {
	return pipeline.Resolve{
		Fleet: w, Objects: w.objects, Runs: w, Storm: w, Pack: w.pack, Home: pipeline.Place{Account: "1111", Region: "eu-west-1"},
		Now: w.clock, Log: w.logger(),
	}
}

func (w *world) collect() pipeline.Collect {
	return pipeline.Collect{
		Commands: w, Documents: w, Presigner: signer{w}, Pack: w.pack, Now: w.clock, ID: w.id, Log: w.logger(),
		Osquery: pipeline.Osquery{Mode: collect.Auto, Releases: map[string]string{"x86_64": strings.Repeat("a", 64)}},
	}
}

func (w *world) poll() pipeline.Poll {
	return pipeline.Poll{Commands: w, Now: w.clock, Log: w.logger()}
}

func (w *world) extract() pipeline.Extract {
	return pipeline.Extract{Commands: w, Objects: intake{w.objects, w.denied}, Pack: w.pack, Now: w.clock, Log: w.logger()}
}

func (w *world) analyze() pipeline.Analyze {
	return pipeline.Analyze{
		Objects: w.objects, Baselines: w, Suppressions: w, Runs: w, Storm: w, Pack: w.pack, Version: "test", Now: w.clock, Log: w.logger(),
	}
}

func (w *world) publish() pipeline.Publish {
	return pipeline.Publish{Objects: w.objects, Runs: w, Locks: w, Publisher: w, Now: w.clock, Log: w.logger()}
}

func (w *world) fail() pipeline.Fail {
	return pipeline.Fail{Runs: w, Locks: w, Publisher: w, Now: w.clock, Log: w.logger()}
}

func (w *world) trigger() pipeline.Trigger {
	return pipeline.Trigger{Fleet: w, Storm: w, Runs: w, Executions: w, Publisher: w, Now: w.clock, Log: w.logger()}
}

// The ports that are not files.

// Group implements pipeline.Fleet.
func (w *world) Group(_ context.Context, t triage.Target, expand bool) (pipeline.Group, error) {
	if len(t.InstanceIDs) > 0 && !expand && w.exact.ID != "" {
		return w.exact, nil
	}
	if len(t.InstanceIDs) == 1 && w.groups != nil {
		return w.groups[t.InstanceIDs[0]], nil
	}
	return w.group, nil
}

// Document implements pipeline.Documents.
func (w *world) Document(context.Context, pipeline.Place) (pipeline.Document, error) {
	return pipeline.Document{Name: "diffy-collect", Version: "3", Hash: "hash3", Content: w.document}, nil
}

// Send implements pipeline.Commands.
func (w *world) Send(_ context.Context, c pipeline.Command) (pipeline.Sent, error) {
	w.commands = append(w.commands, c)
	if len(w.refused) == len(c.Hosts) {
		return pipeline.Sent{Refused: w.refused}, nil
	}
	return pipeline.Sent{ID: fmt.Sprintf("cmd-%d", len(w.commands)), Refused: w.refused}, nil
}

// Status implements pipeline.Commands.
func (w *world) Status(_ context.Context, _ pipeline.Place, id string) ([]pipeline.Invocation, error) {
	return w.answers[id], w.statusOf
}

// Cancel implements pipeline.Commands.
func (w *world) Cancel(_ context.Context, _ pipeline.Place, id string) error {
	w.canceled = append(w.canceled, id)
	return nil
}

// Start implements pipeline.Executions.
func (w *world) Start(_ context.Context, name string, input []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.startFails != nil {
		return w.startFails
	}
	if _, taken := w.started[name]; taken {
		return fmt.Errorf("start %s: %w", name, pipeline.ErrExists)
	}
	w.started[name] = string(input)
	return nil
}

// Publish implements pipeline.Publisher.
func (w *world) Publish(_ context.Context, m pipeline.Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.published = append(w.published, m)
	return nil
}

const secret = "X-Amz-Signature=5ec7e7"

type signer struct{ *world }

// PostForm implements pipeline.Presigner.
func (s signer) PostForm(_ context.Context, o pipeline.Object, _ int64, _ time.Duration) (pipeline.Form, error) {
	s.signed = append(s.signed, o.Key)
	return pipeline.Form{URL: "https://intake.example/", Fields: map[string]string{"policy": secret}}, nil
}

// Get implements pipeline.Presigner.
func (s signer) Get(_ context.Context, o pipeline.Object, _ time.Duration) (string, error) {
	s.signed = append(s.signed, o.Key)
	return "https://intake.example/" + o.Key + "?" + secret, nil
}

// memory keeps objects. Intake buckets of all places are one.
type memory map[string][]byte

var memoryLock sync.Mutex

func (m memory) name(o pipeline.Object) string { return string(o.Bucket) + "/" + o.Key }

// Get implements pipeline.Objects.
func (m memory) Get(_ context.Context, o pipeline.Object, limit int64) ([]byte, error) {
	memoryLock.Lock()
	defer memoryLock.Unlock()
	data, ok := m[m.name(o)]
	switch {
	case !ok:
		return nil, fmt.Errorf("read %s: %w", o.Key, pipeline.ErrNotFound)
	case int64(len(data)) > limit:
		return nil, fmt.Errorf("read %s: %w", o.Key, pipeline.ErrTooLarge)
	}
	return data, nil
}

// Put implements pipeline.Objects.
func (m memory) Put(_ context.Context, o pipeline.Object, data []byte) error {
	memoryLock.Lock()
	defer memoryLock.Unlock()
	m[m.name(o)] = bytes.Clone(data)
	return nil
}

// PutOnce implements pipeline.Objects.
func (m memory) PutOnce(ctx context.Context, o pipeline.Object, data []byte) error {
	if _, err := m.Get(ctx, o, 1<<40); !errors.Is(err, pipeline.ErrNotFound) {
		return fmt.Errorf("write %s: %w", o.Key, pipeline.ErrExists)
	}
	return m.Put(ctx, o, data)
}

// intake refuses to give away what hosts have uploaded, if there is an error.
type intake struct {
	memory
	denied error
}

// Get implements pipeline.Objects.
func (i intake) Get(ctx context.Context, o pipeline.Object, limit int64) ([]byte, error) {
	if o.Bucket == pipeline.Intake && i.denied != nil {
		return nil, i.denied
	}
	return i.memory.Get(ctx, o, limit)
}

// copied returns what is there now, to compare with later.
func (m memory) copied() memory { return maps.Clone(m) }

// diff says how the objects differ from those copied before. cmp alone would walk
// through megabytes one by one.
func (m memory) diff(before memory) string { return cmp.Diff(before, m, cmp.Comparer(bytes.Equal)) }

// Evidence as hosts upload it.

// log is a snapshot log of a host; change may spoil its lines.
func logOf(host string, change func(lines []string) []string) []byte {
	head := func(name string) string {
		return fmt.Sprintf(`{"name":%q,"hostIdentifier":%q,"unixTime":1795490000,`, name, host)
	}
	lines := []string{
		head("diffy_begin") + `"columns":{"format":"1","pack":"linux-triage","pack_version":"1","queries":"crontab,kernel_modules","osquery_version":"5.21.0","collector":"/run/diffy.x 7:8"}}`,
		head("crontab") + `"action":"snapshot","numerics":false,"snapshot":[{"event":"","minute":"17","hour":"*","day_of_month":"*","month":"*","day_of_week":"*","command":"root run-parts","path":"/etc/crontab"}]}`,
		head("kernel_modules") + `"action":"snapshot","numerics":false,"snapshot":[]}`,
		head("diffy_end") + `"columns":{"queries":"2","errors":"0"}}`,
	}
	if change != nil {
		lines = change(lines)
	}
	return zipped(strings.Join(lines, "\n") + "\n")
}

func zipped(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.Bytes()
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// reported is what a host that has uploaded data says on stdout.
func reported(data []byte) string {
	return fmt.Sprintf("diffy/1 sha256=%s size=%d rows=1 queries=2 errors=0 osquery=pinned version=5.21.0\n", digest(data), len(data))
}

// upload puts data where the host of a send has to, and has SSM vouch for it.
func (w *world) upload(b pipeline.Branch, send int, host string, data []byte) {
	s := b.Sends[send]
	key := pipeline.UploadKey(b.Run, b.Batch.Batch.Batch, s.Attempt, host, digest(data))
	w.objects["intake/"+key] = data
	w.answer(b, send, pipeline.Invocation{Host: host, Status: pipeline.Success, Stdout: reported(data)})
}

// answer sets what SSM says of one host of a send.
func (w *world) answer(b pipeline.Branch, send int, i pipeline.Invocation) {
	id := b.Sends[send].Command
	w.answers[id] = slices.DeleteFunc(w.answers[id], func(o pipeline.Invocation) bool { return o.Host == i.Host })
	w.answers[id] = append(w.answers[id], i)
}

// hosts makes candidates of one place.
func hosts(ids ...string) (out []pipeline.Candidate) {
	for _, id := range ids {
		out = append(out, pipeline.Candidate{Host: triage.Host{ID: id, Account: "1111", Region: "eu-west-1", Platform: "linux", State: "running"}})
	}
	return out
}

// branch is a branch of one batch after its first send.
func (w *world) branch(ids ...string) pipeline.Branch {
	w.Helper()
	b, err := w.collect().Handle(context.Background(), pipeline.Branch{
		Run: "run-1", Bundle: pipeline.Bundle{Key: "artifacts/bundles/b.tsv", SHA256: strings.Repeat("b", 64)},
		Batch: pipeline.Batch{Batch: triage.Batch{Batch: "0001", Account: "1111", Region: "eu-west-1", Platform: "linux", Hosts: ids}},
	})
	w.check(err)
	return b
}
