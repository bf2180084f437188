package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"

	"diffy/collect"
	"diffy/pkg/pipeline"
	"diffy/pkg/snapshot"
	"diffy/pkg/triage"
)

// groupTag is the tag by which a request asks for all the hosts at hand; its value
// names the group.
const groupTag = "diffy:local"

// place is where all local hosts are.
var place = pipeline.Place{Account: "local", Region: "local"}

// recorded is hosts whose snapshots are at hand. To collect from one of them is
// to upload what was recorded.
type recorded struct {
	intake Folder
	hosts  map[string]recordedHost
}

// recordedHost is what is known of a host's evidence, which lies under key.
type recordedHost struct {
	name   string
	source string
	key    string
	report collect.Report
}

// readRecorded reads the units once and lays the evidence of each host ready, in
// the form in which hosts upload it. Where a unit names no host, it says so.
func readRecorded(ctx context.Context, units []snapshot.Unit, intake Folder, run string, tell teller) (*recorded, error) {
	found := make([][]recordedHost, len(units))
	err := tell.each(ctx, "reading", len(units), processors(), func(i int) (err error) {
		found[i], err = readUnit(ctx, units[i], intake, run)
		var nobody *noHost
		if errors.As(err, &nobody) {
			tell.skipped(units[i].Path, nobody.Error())
			return nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	r := &recorded{intake: intake, hosts: map[string]recordedHost{}}
	for _, h := range slices.Concat(found...) {
		if other, twice := r.hosts[h.name]; twice {
			return nil, fmt.Errorf("host %q is in both %s and %s: name one of them", h.name, other.source, h.source)
		}
		r.hosts[h.name] = h
	}
	return r, nil
}

// noHost is a unit in which no host could be named.
type noHost struct{ error }

func readUnit(ctx context.Context, unit snapshot.Unit, intake Folder, run string) ([]recordedHost, error) {
	hosts, err := unit.Read(snapshot.DefaultLimits)
	if err != nil {
		return nil, &noHost{err}
	}
	var found []recordedHost
	for _, h := range hosts {
		data, err := packUnit(unit, h, len(hosts))
		if err != nil {
			return nil, err
		}
		r := recordedHost{name: h.Name, source: h.Source, key: "intake/" + run + "/recorded/" + pipeline.Segment(h.Name) + ".jsonl.gz", report: reportOf(h, data)}
		if err := intake.Put(ctx, pipeline.Object{Bucket: pipeline.Intake, Key: r.key}, data); err != nil {
			return nil, err
		}
		found = append(found, r)
	}
	return found, nil
}

// packUnit returns the evidence of a host: the very bytes where they are a log of
// this host alone, else a log made of what was read.
func packUnit(unit snapshot.Unit, h *snapshot.Host, hosts int) ([]byte, error) {
	info, err := os.Stat(unit.Path)
	if err != nil {
		return nil, err
	}
	if hosts > 1 || !info.Mode().IsRegular() {
		return packLog(h)
	}
	file, err := os.Open(unit.Path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // read only
	return packFile(file)
}

// wordless is what a version in a report cannot have.
var wordless = regexp.MustCompile(`[^A-Za-z0-9._+-]`)

func reportOf(h *snapshot.Host, data []byte) collect.Report {
	r := collect.Report{SHA256: digest(data), Size: int64(len(data)), Queries: len(h.Tables), Errors: len(h.Errors), Version: "unknown"}
	for i := range h.Tables {
		r.Rows += h.Tables[i].Len()
	}
	if h.Begin != nil {
		version := wordless.ReplaceAllString(h.Begin.OsqueryVersion, "")
		r.Version = cmp.Or(version[:min(len(version), 32)], r.Version)
	}
	return r
}

// Group implements pipeline.Fleet. Whatever the selector, the hosts at hand are
// the group: the selector names it. Instance ids choose among them unless they
// stand for their group.
func (r *recorded) Group(_ context.Context, t triage.Target, expand bool) (pipeline.Group, error) {
	key := pipeline.TargetKey(t)
	if name := t.Tags[groupTag]; name != "" {
		key = name
	}
	g := pipeline.Group{ID: key, Key: key}
	for id := range r.hosts {
		if len(t.InstanceIDs) == 0 || expand || slices.Contains(t.InstanceIDs, id) {
			g.Hosts = append(g.Hosts, pipeline.Candidate{Host: localHost(id)})
		}
	}
	for _, id := range t.InstanceIDs {
		if _, ok := r.hosts[id]; !ok {
			g.Hosts = append(g.Hosts, pipeline.Candidate{Host: localHost(id), Reason: "no snapshot of it is at hand"})
		}
	}
	slices.SortFunc(g.Hosts, func(a, b pipeline.Candidate) int { return cmp.Compare(a.ID, b.ID) })
	return g, nil
}

func localHost(id string) triage.Host {
	return triage.Host{ID: id, Account: place.Account, Region: place.Region, Platform: "linux", State: "recorded"}
}

// collect uploads what was recorded of a host.
func (r *recorded) collect(ctx context.Context, host string, o order) (collect.Report, error) {
	known, ok := r.hosts[host]
	if !ok {
		return collect.Report{}, errors.New("no snapshot of it is at hand")
	}
	data, err := r.intake.Get(ctx, pipeline.Object{Bucket: pipeline.Intake, Key: known.key}, 1<<40)
	if err != nil {
		return collect.Report{}, err
	}
	return known.report, r.intake.Put(ctx, o.upload(host, known.report.SHA256), data)
}
