package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"diffy/collect"
	"diffy/pkg/facts"
	"diffy/pkg/snapshot"
	"diffy/pkg/triage"
)

// source is one place where the evidence of a host lies, and the digest that
// somebody vouches for: SSM for what it heard from the host, an earlier run for
// what it has verified.
type source struct {
	object Object
	kept   bool // evidence of an earlier run, not to be written again
	record Record
}

// keptSource is evidence that was verified and stored before. Until it has been read
// again, its host is not examined.
func keptSource(r Record) source {
	r.Status = triage.NotExamined
	return source{object: evidence(r.Evidence), kept: true, record: r}
}

// unusable is a source that gives no evidence. It costs this host only.
type unusable struct{ reason string }

func (u *unusable) Error() string { return u.reason }

// uploaded says what SSM knows of one host of one send.
func uploaded(b Branch, s Send, i Invocation) end {
	report, err := collect.ParseReport(i.Stdout)
	switch {
	case err == nil && report.Failed != "":
		return end{reason: "the host says: " + report.Failed}
	case i.Status == Success && err != nil:
		return end{reason: "the host's report cannot be read: " + err.Error()}
	case i.Status == Cancelled && s.Command == b.GivenUp: // by ourselves
		return end{reason: noAnswer}
	case i.Reason != "":
		return end{reason: i.Reason}
	case i.Status != Success:
		return end{reason: statusReason(i)}
	}
	return end{sources: []source{{
		object: intake(b.Batch.place(), UploadKey(b.Run, b.Batch.number(), s.Attempt, i.Host, report.SHA256)),
		record: Record{
			Outcome: triage.Outcome{Host: i.Host, Status: triage.NotExamined, Command: s.Command, SHA256: report.SHA256, Size: report.Size},
			Attempt: s.Attempt, Document: s.Document, Osquery: strings.TrimSpace(report.Version + " " + string(report.Osquery)),
		},
	}}}
}

// noAnswer is the reason of a host that was waited for until the deadline.
var noAnswer = fmt.Sprintf("no answer within %.0f minutes", batchTime.Minutes())

// statusReason puts SSM's words for a command that did not succeed.
func statusReason(i Invocation) string {
	if !i.Status.Final() {
		return noAnswer
	}
	if i.Details == "" || i.Details == string(i.Status) {
		return "SSM: " + string(i.Status)
	}
	return "SSM: " + string(i.Status) + ", " + i.Details
}

// earlier says for each host of a batch where the earlier run has its evidence.
func (h Extract) earlier(ctx context.Context, b Branch) (map[string]end, error) {
	var records []Record
	if err := getJSON(ctx, h.Objects, work(EarlierKey(b.Run, b.Batch.number())), &records); err != nil {
		return nil, err
	}
	out := map[string]end{}
	for _, r := range records {
		out[r.Host] = end{sources: []source{keptSource(r)}}
	}
	return out, nil
}

// keep reads the evidence of a source, holds it against its digest and stores it.
// Evidence is written once: where an earlier call has stored that of another
// source, which somebody vouches for just as well, that source is the right one.
func (h Extract) keep(ctx context.Context, b Branch, host string, s source, all []source) (Record, []byte, error) {
	r := s.record
	data, err := h.Objects.Get(ctx, s.object, collect.MaxUpload)
	switch {
	case errors.Is(err, ErrNotFound) && s.kept:
		return r, nil, &unusable{"its evidence is not there any more: " + s.object.Key}
	case errors.Is(err, ErrNotFound):
		return r, nil, &unusable{"what the host says it has uploaded is not there"}
	case errors.Is(err, ErrTooLarge):
		return r, nil, &unusable{"the upload is larger than allowed"}
	case err != nil:
		return r, nil, fmt.Errorf("read evidence: %w", err)
	}
	digest := hexDigest(data)
	switch {
	case digest != r.SHA256 && s.kept:
		return r, nil, &unusable{"its evidence was changed: the sha256 is " + digest + ", it was " + r.SHA256}
	case digest != r.SHA256:
		return r, nil, &unusable{"the upload is not what the host reported: its sha256 is " + digest + ", reported was " + r.SHA256}
	}
	r.Size = int64(len(data))
	if s.kept {
		return r, data, nil
	}
	r.Evidence = EvidenceKey(b.Run, b.Batch.place(), host)
	err = h.Objects.PutOnce(ctx, evidence(r.Evidence), data)
	if !errors.Is(err, ErrExists) {
		return r, data, err
	}
	return h.stored(ctx, r, data, all)
}

// stored goes on with evidence that was there before.
func (h Extract) stored(ctx context.Context, r Record, data []byte, all []source) (Record, []byte, error) {
	old, err := h.Objects.Get(ctx, evidence(r.Evidence), collect.MaxUpload)
	if err != nil {
		return r, nil, fmt.Errorf("read evidence: %w", err)
	}
	if bytes.Equal(old, data) {
		return r, data, nil
	}
	digest := hexDigest(old)
	for _, other := range all {
		if other.record.SHA256 == digest {
			key := r.Evidence
			r = other.record
			r.Evidence, r.Size = key, int64(len(old))
			return r, old, nil
		}
	}
	r.Evidence = ""
	return r, nil, &unusable{"evidence of this host is stored already, with the sha256 " + digest}
}

// read makes facts of evidence and says how much of the host was seen.
func (h Extract) read(r Record, data []byte, set *facts.Set) Record {
	// Errors name this source: the same words wherever the evidence lies.
	hosts, err := snapshot.ReadLog(bytes.NewReader(data), r.Host+".jsonl.gz", hostLimits)
	if err != nil {
		r.Reason = "the evidence cannot be read: " + err.Error()
		return r
	}
	one := oneHost(hosts, r.Host)
	if one == nil || len(one.Tables) == 0 {
		r.Reason = "no query answered" + others(hosts, one)
		return r
	}
	set.Add(one)
	r.HostTime, r.Rows = one.Time, rows(one)
	var fault string
	if r.Status, fault = whole(one); fault != "" {
		r.Reason = fault
	}
	return r
}

// oneHost picks what the host says of itself and gives it the name by which we
// know it. What else a log holds is named and left out: a host speaks for itself.
func oneHost(hosts []*snapshot.Host, name string) *snapshot.Host {
	var one *snapshot.Host
	for _, h := range hosts {
		if one == nil || better(h, one, name) {
			one = h
		}
	}
	if one == nil {
		return nil
	}
	if one.Name != name {
		one.Errors = append(one.Errors, triage.QueryError{Error: fmt.Sprintf("the evidence names its host %.200q", one.Name)})
		one.Name = name
	}
	if n := len(hosts) - 1; n > 0 {
		one.Errors = append(one.Errors, triage.QueryError{Error: fmt.Sprintf("the evidence speaks of other hosts too: %d are left out", n)})
	}
	return one
}

// others names who else answered, where the host itself did not.
func others(hosts []*snapshot.Host, one *snapshot.Host) string {
	for _, h := range hosts {
		if h != one && len(h.Tables) > 0 {
			return fmt.Sprintf(": the evidence names its host %.200q", h.Name)
		}
	}
	return ""
}

// better reports whether a is rather the host of that name than b: by name, and
// else by being our own collector's.
func better(a, b *snapshot.Host, name string) bool {
	if (a.Name == name) != (b.Name == name) {
		return a.Name == name
	}
	return a.Begin != nil && b.Begin == nil
}

// whole says whether a host was seen whole, and if not, why.
func whole(h *snapshot.Host) (triage.Status, string) {
	failed := map[string]bool{}
	for _, e := range h.Errors {
		if e.Query != "" {
			failed[e.Query] = true
		}
	}
	switch {
	case h.Cut:
		return triage.Partial, "the evidence is cut"
	case len(failed) == 1:
		return triage.Partial, "1 query failed"
	case len(failed) > 1:
		return triage.Partial, fmt.Sprintf("%d queries failed", len(failed))
	case len(h.Errors) > 0:
		return triage.Partial, "the evidence has faults"
	}
	return triage.Examined, ""
}

func rows(h *snapshot.Host) (n int) {
	for i := range h.Tables {
		n += h.Tables[i].Len()
	}
	return n
}
