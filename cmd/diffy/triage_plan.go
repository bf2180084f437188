package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"diffy/collect"
	"diffy/pkg/cost"
	"diffy/pkg/pack"
	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

// planned is what a run would do.
type planned struct {
	Request  triage.Request    `json:"request"`
	Group    string            `json:"group"`
	Hosts    []plannedHost     `json:"hosts"`
	Batches  []pipeline.Batch  `json:"batches"`
	Asked    int               `json:"asked"`     // hosts that get a command
	Document []plannedDocument `json:"documents"` // one in each place
	Queries  []string          `json:"queries"`
	Bytes    int               `json:"bundle_bytes"`
	SHA256   string            `json:"bundle_sha256"`
	Upload   int64             `json:"most_upload_bytes"` // of one host
	Usual    int               `json:"usual_seconds"`
	Most     int               `json:"most_seconds"`
	Dollars  float64           `json:"dollars"`
	Notes    []string          `json:"notes"`
}

// plannedDocument is what would be sent to the hosts of a place.
type plannedDocument struct {
	pipeline.Place
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	Problem string `json:"problem,omitempty"`
}

// plannedHost is one host and what would become of it.
type plannedHost struct {
	triage.Host
	Batch   string `json:"batch,omitempty"`   // that it would be asked in
	Earlier string `json:"earlier,omitempty"` // the run whose evidence would be used
	Reason  string `json:"reason,omitempty"`  // why it would not be examined
}

// showPlan says what a run would do, by the run's own first state. Nothing is
// written and no host is asked.
func (a *app) showPlan(ctx context.Context, in *account, q ask) error {
	if q.format != "text" && q.format != "json" {
		return usage("--format text or --format json", "a plan has no format %q", q.format)
	}
	p, err := a.planOf(ctx, in, q.request)
	if err != nil {
		return err
	}
	if q.format == "json" {
		return a.json(p)
	}
	return a.writePlan(p)
}

func (a *app) planOf(ctx context.Context, in *account, r triage.Request) (planned, error) {
	queries, err := pack.Load()
	if err != nil {
		return planned{}, failed(err)
	}
	rates, err := cost.Default()
	if err != nil {
		return planned{}, failed(err)
	}
	input, err := json.Marshal(r)
	if err != nil {
		return planned{}, failed(err)
	}
	resolve := pipeline.Resolve{Fleet: in.fleet, Objects: in.objects, Pack: queries, Home: in.home, Now: now, Log: slog.New(slog.DiscardHandler)}
	// The name of a run that will not be.
	seen, err := resolve.Preview(ctx, pipeline.ResolveIn{Run: pipeline.RunID(pipeline.TargetKey(r.Target), now(), "plan"), Input: input})
	switch pipeline.CodeOf(err) {
	case pipeline.NoHosts, pipeline.BadRequest:
		return planned{}, usage(whatToDo[string(pipeline.NoHosts)], "%w", err)
	}
	if other := r.Target.Account; err != nil && other != "" && other != in.home.Account {
		return planned{}, &exit{
			code: exitFailed, err: &plainly{err},
			hint: "hosts of account " + other + " are found by diffy's functions, which people need not be able to: leave out --plan to start the run",
		}
	}
	if err != nil {
		return planned{}, failedInAWS(err)
	}
	p := planned{
		Request: seen.Request, Group: seen.Plan.Key, Hosts: hostsOf(seen), Batches: seen.Batches,
		Queries: namesOf(queries, seen), Bytes: len(seen.Queries), SHA256: seen.Plan.Bundle.SHA256, Upload: collect.MaxUpload, Notes: seen.Plan.Notes,
	}
	p.Request.Incident = r.Incident // the run would give its own
	run := cost.Run{Pinned: true}
	for _, b := range p.asked() {
		run.Hosts, run.Batches = run.Hosts+len(b.Hosts), run.Batches+1
	}
	p.Document = documents(ctx, in, p.asked())
	times := rates.Times(run, pipeline.Batching{}.AtOnce())
	p.Asked, p.Usual, p.Most, p.Dollars = run.Hosts, int(times.Usual.Seconds()), int(times.Most.Seconds()), rates.Once(run).Dollars
	return p, nil
}

// asked are the batches that a command would be sent to.
func (p planned) asked() []pipeline.Batch {
	return slices.DeleteFunc(slices.Clone(p.Batches), func(b pipeline.Batch) bool { return b.Earlier != "" })
}

// documents reads the document of each place, and says what is wrong with it. Not to
// be allowed to read it in another account is no fault of the run's.
func documents(ctx context.Context, in *account, batches []pipeline.Batch) []plannedDocument {
	out := []plannedDocument{}
	for _, p := range batchPlaces(batches) {
		d := plannedDocument{Place: p, Name: in.document}
		doc, err := in.commands.Document(ctx, p)
		switch {
		case err != nil:
			d.Problem = "it cannot be read from here: " + (&plainly{err}).Error()
		case !collect.SameDocument(doc.Content):
			d.Version, d.Problem = doc.Version, "it is not the one that this diffy brings: a run would end with DocumentChanged"
		default:
			d.Version = doc.Version
		}
		out = append(out, d)
	}
	return out
}

// hostsOf lists every host of the group in the order of places and ids.
func hostsOf(p pipeline.Preview) []plannedHost {
	known := map[string]*plannedHost{}
	out := make([]plannedHost, len(p.Plan.Hosts))
	for i, c := range p.Plan.Hosts {
		out[i] = plannedHost{Host: c.Host}
		known[c.ID] = &out[i]
	}
	for _, b := range p.Batches {
		for _, host := range b.Hosts {
			known[host].Batch, known[host].Earlier = b.Batch.Batch, b.Earlier
		}
	}
	for _, r := range p.Left {
		known[r.Host].Reason = r.Reason
	}
	slices.SortFunc(out, func(a, b plannedHost) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// namesOf lists the queries of the bundle.
func namesOf(p *pack.Pack, seen pipeline.Preview) []string {
	names := []string{}
	for _, q := range p.Select(seen.Request.Tiers) {
		names = append(names, q.Name)
	}
	for _, q := range p.PivotQueries(seen.Request.Pivots...) {
		names = append(names, q.Name)
	}
	return names
}

// writePlan writes the hosts first, so that the sum of it stays in sight.
func (a *app) writePlan(p planned) error {
	rows := make([][]string, len(p.Hosts))
	for i, h := range p.Hosts {
		rows[i] = []string{h.ID, h.Account + "/" + h.Region, h.Image, h.State, minute(h.Launched), h.would()}
	}
	if err := a.grid([]string{"HOST", "PLACE", "IMAGE", "STATE", "LAUNCHED", "WOULD BE"}, rows); err != nil {
		return err
	}
	fmt.Fprintln(a.out)
	sum := [][2]string{
		{"group", p.Group},
		{"hosts", p.counts()},
		{"batches", p.inBatches()},
		{"sent", fmt.Sprintf("%s of %s, tiers %s: %d bytes, sha256 %s",
			plural(len(p.Queries), "query", "queries"), p.Request.Pack, strings.Join(p.Request.Tiers, ", "), p.Bytes, p.SHA256)},
		{"received", fmt.Sprintf("a snapshot from each host, at most %d MiB", p.Upload>>20)},
		{"time", "about " + roughly(p.Usual) + ", at most " + roughly(p.Most) + " when hosts do not answer"},
		{"cost", "about " + dollars(p.Dollars) + " US dollars: diffy cost --hosts " + fmt.Sprint(max(1, p.Asked))},
	}
	if p.Asked == 0 {
		sum = sum[:3] // nobody is asked
	}
	for _, d := range p.Document {
		sum = append(sum, [2]string{"document", d.text()})
	}
	for _, note := range p.Notes {
		sum = append(sum, [2]string{"note", note})
	}
	if err := a.fields(sum...); err != nil {
		return err
	}
	a.say("nothing was sent or written; leave out --plan to start it")
	return nil
}

func (h plannedHost) would() string {
	switch {
	case h.Reason != "":
		return "not examined: " + h.Reason
	case h.Earlier != "":
		return "taken from run " + h.Earlier
	}
	return "asked in batch " + h.Batch
}

// counts sums the hosts up by what would become of them.
func (p planned) counts() string {
	why := map[string]int{}
	taken, not := 0, 0
	for _, h := range p.Hosts {
		switch {
		case h.Reason != "":
			not++
			why[h.Reason]++
		case h.Earlier != "":
			taken++
		}
	}
	text := fmt.Sprintf("%d, of which %d would be asked", len(p.Hosts), p.Asked)
	if taken > 0 {
		text += fmt.Sprintf(", %d taken from an earlier run", taken)
	}
	if not > 0 {
		text += fmt.Sprintf(", %d not examined (%s)", not, reasons(why))
	}
	return text
}

func (p planned) inBatches() string {
	asked, largest := p.asked(), 0
	for _, b := range asked {
		largest = max(largest, len(b.Hosts))
	}
	if len(asked) == 0 {
		return "none"
	}
	var places []string
	for _, at := range batchPlaces(asked) {
		places = append(places, at.Account+"/"+at.Region)
	}
	return fmt.Sprintf("%d of at most %s, %d at once, in %s", len(asked), plural(largest, "host", "hosts"),
		min(len(asked), pipeline.Batching{}.AtOnce()), strings.Join(places, ", "))
}

func (d plannedDocument) text() string {
	text := d.Name
	if d.Version != "" {
		text += " version " + d.Version
	}
	text += " in " + d.Account + "/" + d.Region
	if d.Problem != "" {
		text += ": " + d.Problem
	}
	return text
}

// roughly puts a time that is an estimate.
func roughly(seconds int) string {
	d := time.Duration(seconds) * time.Second
	if d < 2*time.Minute {
		return plural(max(1, int((d+5*time.Second)/(10*time.Second)))*10, "second", "seconds")
	}
	return plural(int((d+time.Minute-1)/time.Minute), "minute", "minutes")
}
