package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"diffy/pkg/cloud"
	"diffy/pkg/pipeline"
)

// bucket is an evidence bucket: what was written under each key, the latest last.
// A nil is a mark of deletion.
type bucket map[string][][]byte

var collected = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)

// EvidenceVersions implements archive, in no order.
func (b bucket) EvidenceVersions(_ context.Context, run string) (all []cloud.ObjectVersion, err error) {
	for key, written := range b {
		for i, data := range written {
			if len(key) > len("runs/"+run+"/") && key[:len("runs/"+run+"/")] == "runs/"+run+"/" {
				all = append(all, cloud.ObjectVersion{
					Key: key, ID: fmt.Sprint("v", i), Latest: i == len(written)-1, Deleted: data == nil, Modified: collected.Add(time.Duration(i) * time.Hour),
				})
			}
		}
	}
	return all, nil
}

// Hash implements archive.
func (b bucket) Hash(_ context.Context, v cloud.ObjectVersion, copy io.Writer) (cloud.Sealed, error) {
	var n int
	if _, err := fmt.Sscanf(v.ID, "v%d", &n); err != nil {
		return cloud.Sealed{}, err
	}
	data := b[v.Key][n]
	_, err := copy.Write(data)
	return cloud.Sealed{SHA256: sha(data), Size: int64(len(data)), Mode: "GOVERNANCE", Until: collected.AddDate(0, 0, 90)}, err
}

func sha(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// evidenceOf is a bucket with a run of two hosts, one of them by reference to an
// earlier run.
func evidenceOf(t *testing.T) bucket {
	t.Helper()
	request, one, two := []byte("request"), []byte("one"), []byte("two")
	listed := func(run, key string, data []byte) pipeline.ManifestEvidence {
		return pipeline.ManifestEvidence{Run: run, Key: key, SHA256: sha(data), Size: int64(len(data))}
	}
	manifest, err := json.Marshal(pipeline.Manifest{Run: "r2", Count: 3, Objects: []pipeline.ManifestEvidence{
		listed("", "evidence/1/r/i-1.jsonl.gz", one), listed("", "request.json", request), listed("r1", "evidence/1/r/i-2.jsonl.gz", two),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return bucket{
		"runs/r2/manifest.json": {manifest}, "runs/r2/request.json": {request},
		"runs/r2/evidence/1/r/i-1.jsonl.gz": {one}, "runs/r1/evidence/1/r/i-2.jsonl.gz": {two},
		"runs/r1/manifest.json": {[]byte("{}")}, "runs/r20/x": {[]byte("of a run whose id begins alike")},
	}
}

func TestVerifyArchive(t *testing.T) {
	const host, other = "runs/r2/evidence/1/r/i-1.jsonl.gz", "runs/r1/evidence/1/r/i-2.jsonl.gz"
	forged := []byte("six")
	tests := []struct {
		name     string
		change   func(bucket)
		verified int
		want     []problem
	}{
		{"as it was", func(bucket) {}, 3, []problem{}},
		{"changed", func(b bucket) { b[host][0] = forged }, 2, []problem{{
			host[8:], "its sha256 is " + sha(forged) + ", the manifest has " + sha([]byte("one")),
		}}},
		{"written over", func(b bucket) { b[host] = append(b[host], forged) }, 2, []problem{{
			host[8:], "its sha256 is " + sha(forged) + ", the manifest has " + sha([]byte("one")) + "; its version v0 is as it was",
		}}},
		{"written over and put back", func(b bucket) { b[host] = append(b[host], forged, []byte("one")) }, 2, []problem{{
			host[8:], "it has 3 versions, and evidence is written once; the latest is as in the manifest",
		}}},
		{"deleted", func(b bucket) { b[other] = append(b[other], nil) }, 2, []problem{{
			other[8:], "it was deleted on 2026-11-24T01:00:00Z; its version v0 is as it was",
		}}},
		{"gone", func(b bucket) { delete(b, other) }, 2, []problem{{other[8:], "it is missing"}}},
		{"slipped in", func(b bucket) { b["runs/r2/evidence/1/r/i-9.jsonl.gz"] = [][]byte{forged} }, 3, []problem{{
			"evidence/1/r/i-9.jsonl.gz", "it is not in the manifest",
		}}},
		{"another manifest", func(b bucket) { b["runs/r2/manifest.json"] = append(b["runs/r2/manifest.json"], []byte("{}")) }, 3, []problem{{
			"manifest.json", "it has 2 versions; the first one counts, v0 of 2026-11-24T00:00:00Z",
		}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := evidenceOf(t)
			test.change(b)
			v, err := verifyArchive(context.Background(), b, "r2", &progress{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, v.Problems); diff != "" || v.Verified != test.verified || v.Run != "r2" {
				t.Errorf("verified %d of %s, want %d; problems (-want +got):\n%s", v.Verified, v.Run, test.verified, diff)
			}
		})
	}
	if _, err := verifyArchive(context.Background(), bucket{}, "r2", &progress{}); !errors.Is(err, pipeline.ErrNotFound) {
		t.Errorf("a run without a manifest: %v", err)
	}
}

// The evidence of another run in a run's place is whole, and is not its own.
func TestVerifyAnotherRuns(t *testing.T) {
	b := bucket{}
	for key, versions := range evidenceOf(t) {
		b[strings.Replace(key, "runs/r2/", "runs/r3/", 1)] = versions
	}
	v, err := verifyArchive(context.Background(), b, "r3", &progress{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]problem{{"manifest.json", "it is of run r2"}}, v.Problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestLocks(t *testing.T) {
	until := func(day string) sealed { return sealed{Mode: "GOVERNANCE", Until: day + "T00:00:00Z"} }
	tests := []struct {
		name    string
		objects []sealed
		want    string
	}{
		{"all", []sealed{until("2027-02-22"), until("2027-02-21")}, "2 versions: 2 locked until 2027-02-21 00:00 UTC or later (GOVERNANCE)"},
		{"some", []sealed{until("2027-02-22"), {}}, "2 versions: 1 locked until 2027-02-22 00:00 UTC or later (GOVERNANCE), 1 not locked"},
		{"none", []sealed{{}}, "1 version: not locked"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := locks(test.objects); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}
