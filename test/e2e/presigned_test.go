package e2e

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"diffy/pkg/cloud"
	"diffy/pkg/pipeline"
)

// What hosts are given allows what it must and nothing else.
func TestUploadForm(t *testing.T) {
	w := newWorld(t)
	c, err := cloud.New(t.Context(), w.cfg)
	w.must(err)
	const prefix, limit = "intake/run/0001/1-a/", 100
	signed, err := c.Presigner.PostForm(t.Context(), pipeline.Object{Bucket: pipeline.Intake, Key: prefix}, limit, 10*time.Minute)
	w.must(err)
	tests := []struct {
		name    string
		key     string
		size    int
		field   string // that is changed
		late    time.Duration
		allowed bool
	}{
		{"one upload", prefix + "i-1/a", 50, "", 0, true},
		{"another host's", prefix + "i-2/a", 50, "", 0, true},
		{"largest", prefix + "i-1/b", limit, "", 9 * time.Minute, true},
		{"too large", prefix + "i-1/c", limit + 1, "", 0, false},
		{"empty", prefix + "i-1/d", 0, "", 0, false},
		{"outside of the prefix", "intake/run/0002/1-a/i-1/a", 50, "", 0, false},
		{"evidence", "runs/run/evidence/1/r/i-1.jsonl.gz", 50, "", 0, false},
		{"too late", prefix + "i-1/e", 50, "", 11 * time.Minute, false},
		{"another policy", prefix + "i-1/f", 50, "policy", 0, false},
		{"another signature", prefix + "i-1/g", 50, "X-Amz-Signature", 0, false},
		{"a field that nobody allowed", prefix + "i-1/h", 50, "acl", 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w.later.Store(int64(test.late))
			f := uploadForm{url: signed.URL, fields: maps.Clone(signed.Fields)}
			if test.field != "" {
				f.fields[test.field] = "x" + f.fields[test.field]
			}
			err := f.post(test.key, []byte(strings.Repeat("x", test.size)))
			if (err == nil) != test.allowed {
				t.Errorf("upload of %d bytes to %s: %v, allowed: %v", test.size, test.key, err, test.allowed)
			}
			got, err := c.Objects.Get(t.Context(), pipeline.Object{Bucket: pipeline.Intake, Key: test.key}, limit)
			if (err == nil) != test.allowed || len(got) != test.size && test.allowed {
				t.Errorf("afterwards there are %d bytes: %v", len(got), err)
			}
		})
	}
}

func TestDownload(t *testing.T) {
	w := newWorld(t)
	c, err := cloud.New(t.Context(), w.cfg)
	w.must(err)
	bundle := pipeline.Object{Bucket: pipeline.Intake, Key: "artifacts/bundles/a b.tsv"}
	w.must(c.Objects.Put(t.Context(), bundle, []byte("queries")))
	signed, err := c.Presigner.Get(t.Context(), bundle, 10*time.Minute)
	w.must(err)
	tests := []struct {
		name     string
		from, to string // in the URL
		late     time.Duration
		status   int
	}{
		{"the object", "", "", 9 * time.Minute, http.StatusOK},
		{"another object", "bundles", "osquery", 0, http.StatusForbidden},
		{"for longer", "X-Amz-Expires=600", "X-Amz-Expires=6000", 0, http.StatusForbidden},
		{"too late", "", "", 11 * time.Minute, http.StatusForbidden},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w.later.Store(int64(test.late))
			res, err := http.Get(strings.Replace(signed, test.from, test.to, 1))
			w.must(err)
			w.must(res.Body.Close())
			if res.StatusCode != test.status {
				t.Errorf("answers %s, want %d", res.Status, test.status)
			}
		})
	}
}
