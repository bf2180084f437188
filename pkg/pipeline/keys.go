package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// The layout of the buckets. Everything of a run is below runs/<run>/ in the
// evidence and work buckets and below intake/<run>/ in the intake buckets. A name
// that comes from outside becomes one harmless segment, see Segment.

// RequestKey is the completed request, in the evidence bucket.
func RequestKey(run string) string { return runKey(run, "request.json") }

// ManifestKey is the list of the evidence with its digests, in the evidence bucket.
func ManifestKey(run string) string { return runKey(run, "manifest.json") }

// EvidenceKey is the snapshot of one host, in the evidence bucket.
func EvidenceKey(run string, p Place, host string) string {
	return runKey(run, "evidence", Segment(p.Account), Segment(p.Region), Segment(host)+".jsonl.gz")
}

// PlanKey is what resolve has found out about the group, in the work bucket.
func PlanKey(run string) string { return runKey(run, "plan.json") }

// HostsKey is the batches: the items of the map, in the work bucket.
func HostsKey(run string) string { return runKey(run, "hosts.json") }

// OutcomesKey is how the hosts of a batch ended, in the work bucket. Batch "0000"
// is the hosts that were never sent to.
func OutcomesKey(run, batch string) string { return runKey(run, "batches", batch+".json") }

// HostOutcomeKey is how one host ended, where its batch was done host by host.
func HostOutcomeKey(run, batch, host string) string {
	return runKey(run, "batches", batch, Segment(host)+".json")
}

// EarlierKey is how the hosts of a batch ended in the earlier run whose evidence
// is used for them, in the work bucket.
func EarlierKey(run, batch string) string { return runKey(run, "earlier", batch+".json") }

// FactsKey is the facts of a batch, in the work bucket.
func FactsKey(run, batch string) string { return runKey(run, "facts", batch+".gob.gz") }

// HostFactsKey is the facts of one host, where its batch was done host by host.
func HostFactsKey(run, batch, host string) string {
	return runKey(run, "facts", batch, Segment(host)+".gob.gz")
}

// GoodKey is the facts of a good run, all of them, in the work bucket.
func GoodKey(run string) string { return runKey(run, "facts", "good.gob.gz") }

// The results of a run, in the work bucket.
func ResultKey(run string) string   { return runKey(run, "result.json") }
func ReportKey(run string) string   { return runKey(run, "report.html") }
func FindingsKey(run string) string { return runKey(run, "findings.csv") }
func TimelineKey(run string) string { return runKey(run, "timeline.jsonl") }

// BundleKey is a query bundle, in the intake bucket of each place.
func BundleKey(digest string) string { return "artifacts/bundles/" + digest + ".tsv" }

// OsqueryKey is a pinned release of osquery, in the intake bucket of each place.
func OsqueryKey(digest string) string { return "artifacts/osquery/" + digest + ".tar.gz" }

// uploadPrefix is what the keys of one send start with, in the intake bucket.
func uploadPrefix(run, batch, attempt string) string {
	return fmt.Sprintf("intake/%s/%s/%s/", run, batch, attempt)
}

// UploadKey is where a host has put its snapshot, in the intake bucket.
func UploadKey(run, batch, attempt, host, digest string) string {
	return uploadPrefix(run, batch, attempt) + Segment(host) + "/" + digest + ".jsonl.gz"
}

func runKey(run string, parts ...string) string {
	return "runs/" + run + "/" + strings.Join(parts, "/")
}

// segmentLength leaves room for an extension in a file name of 255 bytes.
const segmentLength = 200

// Segment makes one segment of a key or path from any name, different ones from
// different names: letters, digits, ".", "_" and "-" stay, a leading dot and
// every other byte become %XX, and the end of a long one its digest.
func Segment(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		plain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.' && i > 0
		if plain {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	s := b.String()
	if len(s) <= segmentLength && s != "" {
		return s
	}
	sum := sha256.Sum256([]byte(name))
	return s[:min(len(s), segmentLength-65)] + "%" + hex.EncodeToString(sum[:])
}
