package pipeline

import (
	"cmp"
	"slices"

	"diffy/pkg/triage"
)

// Record is how one host ended: an element of batches/<n>.json. Beyond the
// outcome it has what the manifest says of the evidence.
type Record struct {
	triage.Outcome
	Attempt  string `json:"attempt,omitempty"`
	Document string `json:"document,omitempty"`  // hash of the document that was sent
	HostTime int64  `json:"host_time,omitempty"` // Unix seconds by the host's clock
	Received string `json:"received,omitempty"`  // RFC 3339, UTC, by our clock: when the evidence was verified
	Osquery  string `json:"osquery,omitempty"`   // version, and whose: "5.21.0 pinned"
	Evidence string `json:"evidence,omitempty"`  // key in the evidence bucket
	Code     Code   `json:"code,omitempty"`      // an error that ends the run
}

func notExamined(host, reason string) Record {
	return Record{Outcome: triage.Outcome{Host: host, Status: triage.NotExamined, Reason: reason}}
}

func sortRecords(records []Record) {
	slices.SortFunc(records, func(a, b Record) int { return cmp.Compare(a.Host, b.Host) })
}

// tally counts records by status.
func tally(records []Record) (examined, partial, not int) {
	for _, r := range records {
		switch r.Status {
		case triage.Examined:
			examined++
		case triage.Partial:
			partial++
		default:
			not++
		}
	}
	return examined, partial, not
}
