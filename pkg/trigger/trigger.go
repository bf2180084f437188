// Package trigger reads what starts a run: a request, an event that EventBridge
// delivers, or a bare GuardDuty finding.
//
// In goes JSON that somebody else wrote; out comes a request, or the reason why
// there is none. The package asks nobody: it knows neither which hosts exist nor
// which runs are under way, has no clock, and starts nothing.
package trigger

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"diffy/pkg/triage"
)

// Decision is what an input would start.
type Decision struct {
	Request  *triage.Request  // nil: nothing
	More     []triage.Request // for the hosts that the finding names in other accounts and regions
	Reason   string           // why nothing, or what Request leaves to More
	Sample   *triage.Request  // what a sample finding would have started, had it been real
	Updated  string           // when GuardDuty last changed the finding, RFC 3339
	Foreign  bool             // an event that is no finding of GuardDuty's
	Hostless bool             // a finding that names no host
}

// ErrUnknown says that an input is neither an event nor a finding.
var ErrUnknown = errors.New("neither an EventBridge event nor a GuardDuty finding")

// envelope is what all inputs are told apart by.
type envelope struct {
	Source     *string         `json:"source"`
	DetailType *string         `json:"detail-type"`
	Detail     json.RawMessage `json:"detail"`
	Time       string          `json:"time"`

	Type     *string         `json:"type"`
	Resource json.RawMessage `json:"resource"`
	Service  json.RawMessage `json:"service"`

	Findings []json.RawMessage `json:"findings"` // what GetFindings answers
}

func (e *envelope) event() bool { return e.DetailType != nil && e.Source != nil && e.Detail != nil }

func (e *envelope) finding() bool {
	return e.Type != nil && (isObject(e.Resource) || isObject(e.Service))
}

func isObject(data json.RawMessage) bool { return len(data) > 0 && data[0] == '{' }

// Parse reads any input of a run: a request as well as what ParseEvent reads.
func Parse(data []byte) (Decision, error) {
	d, err := ParseEvent(data)
	if !errors.Is(err, ErrUnknown) {
		return d, err
	}
	r, err := ParseRequest(data)
	return Decision{Request: &r}, err
}

// ParseEvent reads an event in its envelope, or a bare finding. An event that
// starts nothing is a decision with its reason; ErrUnknown is for what is neither.
func ParseEvent(data []byte) (Decision, error) {
	var e envelope
	if err := json.Unmarshal(data, &e); err != nil {
		return Decision{}, fmt.Errorf("read event: %w", plainJSON(err))
	}
	switch {
	case e.event() && (*e.Source != "aws.guardduty" || *e.DetailType != "GuardDuty Finding"):
		return Decision{Reason: e.foreign(), Foreign: true}, nil
	case e.event():
		return decide(e.Detail, e.Time)
	case e.finding():
		return decide(data, "")
	case len(e.Findings) == 1:
		return decide(e.Findings[0], "")
	case len(e.Findings) > 1:
		return Decision{}, fmt.Errorf("read event: %w: a list of %d findings; expected one", ErrUnknown, len(e.Findings))
	}
	return Decision{}, fmt.Errorf("read event: %w", ErrUnknown)
}

// foreign says why an event of others starts nothing.
func (e *envelope) foreign() string {
	reason := fmt.Sprintf("%.100q from %.100q is no GuardDuty finding", *e.DetailType, *e.Source)
	if *e.Source == "aws.securityhub" {
		reason += ": what Security Hub has imported from GuardDuty comes as GuardDuty's own event too, and that one counts"
	}
	return reason
}

func decide(data []byte, sent string) (Decision, error) {
	var f finding
	var odd *json.UnmarshalTypeError // one field that is not what it was starts a run all the same
	if err := json.Unmarshal(data, &f); err != nil && !errors.As(err, &odd) {
		return Decision{}, fmt.Errorf("read finding: %w", err)
	}
	d := Decision{Updated: f.UpdatedAt}
	if f.Service.Archived {
		d.Reason = "the finding is archived"
		return d, nil
	}
	targets := f.targets()
	if len(targets) == 0 {
		d.Hostless, d.Reason = true, "no host in this finding"
		return d, nil
	}
	d.Request = f.request(targets[0], sent)
	var elsewhere []string
	for _, t := range targets[1:] {
		d.More = append(d.More, *f.request(t, sent))
		elsewhere = append(elsewhere, fmt.Sprintf("%s in %s/%s", strings.Join(t.InstanceIDs, ", "), t.Account, t.Region))
	}
	if len(elsewhere) > 0 {
		d.Reason = "a run is in one account and region; others would start for " + strings.Join(elsewhere, "; ")
	}
	if f.sample() {
		d.Sample, d.Request, d.More, d.Reason = d.Request, nil, nil, "sample finding"
	}
	return d, nil
}

func (f *finding) request(target triage.Target, sent string) *triage.Request {
	r := &triage.Request{
		Target: target, Suspects: target.InstanceIDs, Pivots: f.pivots(),
		Trigger: &triage.Trigger{
			Source: "guardduty", ID: f.ID, Type: f.Type, Severity: f.Severity,
			Time: orElse(f.Service.EventLastSeen, orElse(f.UpdatedAt, sent)),
		},
	}
	if len(target.InstanceIDs) > 0 {
		group := true
		r.Expand = &group
	}
	withDefaults(r)
	return r
}
