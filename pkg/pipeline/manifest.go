package pipeline

import (
	"cmp"
	"slices"
	"strings"

	"diffy/pkg/triage"
)

// ManifestSchema names the format of Manifest.
const ManifestSchema = "diffy.manifest/1"

// Manifest lists the evidence of a run with its digests: manifest.json. Count is
// that of Objects, so that a line that was removed shows.
type Manifest struct {
	Schema      string             `json:"schema"`
	Run         string             `json:"run"`
	Incident    string             `json:"incident"`
	Trigger     *triage.Trigger    `json:"trigger"` // null: a person
	Pack        string             `json:"pack"`
	PackVersion string             `json:"pack_version"`
	Bundle      string             `json:"bundle"` // sha256 of the queries, hex
	Count       int                `json:"count"`
	Objects     []ManifestEvidence `json:"objects"` // by key
}

// ManifestEvidence is one object of the evidence bucket. Keys are below
// runs/<run>/ of the run that the object is of.
type ManifestEvidence struct {
	Key      string `json:"key"`
	Run      string `json:"run,omitempty"` // an earlier run, whose evidence was used
	Host     string `json:"host,omitempty"`
	SHA256   string `json:"sha256"` // hex
	Size     int64  `json:"size"`   // bytes
	Rows     int    `json:"rows"`
	HostTime int64  `json:"host_time,omitempty"` // Unix seconds by the host's clock
	Received string `json:"received,omitempty"`  // RFC 3339, UTC, by our clock
	Osquery  string `json:"osquery,omitempty"`
	Command  string `json:"command,omitempty"`  // of SSM
	Document string `json:"document,omitempty"` // hash of what was sent
}

// newManifest lists the request and the evidence of all hosts that have any.
func newManifest(plan Plan, request triage.Request, requestData []byte, records []Record) Manifest {
	m := Manifest{
		Schema: ManifestSchema, Run: plan.Run, Incident: request.Incident, Trigger: request.Trigger,
		Pack: request.Pack, PackVersion: plan.PackVersion, Bundle: plan.Bundle.SHA256,
		Objects: []ManifestEvidence{{Key: below(RequestKey(plan.Run)), SHA256: hexDigest(requestData), Size: int64(len(requestData))}},
	}
	for _, r := range records {
		if r.Evidence == "" {
			continue
		}
		e := ManifestEvidence{
			Key: below(r.Evidence), Host: r.Host, SHA256: r.SHA256, Size: r.Size, Rows: r.Rows, HostTime: r.HostTime,
			Received: r.Received, Osquery: r.Osquery, Command: r.Command, Document: r.Document,
		}
		if !strings.HasPrefix(r.Evidence, runKey(plan.Run, "")) {
			e.Run = strings.Split(r.Evidence, "/")[1]
		}
		m.Objects = append(m.Objects, e)
	}
	slices.SortFunc(m.Objects, func(a, b ManifestEvidence) int {
		return cmp.Or(cmp.Compare(a.Run, b.Run), cmp.Compare(a.Key, b.Key))
	})
	m.Count = len(m.Objects)
	return m
}

// below returns a key without its runs/<run>/.
func below(key string) string { return strings.SplitN(key, "/", 3)[2] }
