package collect

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
)

// signature stands for what must not be seen outside the two secret parameters.
const signature = "X-Amz-Signature=5ec4e7"

// bucket plays S3: presigned GETs and one presigned POST form.
type bucket struct {
	t      *testing.T
	url    string
	refuse int // status for a POST, 0: take it

	mu      sync.Mutex
	objects map[string][]byte
	asked   []string // paths of the GETs
	posts   []post
}

// post is one upload as it came.
type post struct {
	fields []string // "name=value" in order
	file   []byte
}

func newBucket(t *testing.T) *bucket {
	t.Helper()
	b := &bucket{t: t, objects: map[string][]byte{}}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	b.url = server.URL
	return b
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.Method == http.MethodPost {
		b.post(w, r)
		return
	}
	b.asked = append(b.asked, r.URL.Path)
	data, ok := b.objects[r.URL.Path]
	if !ok || r.URL.RawQuery != signature {
		http.Error(w, "<Error><Code>AccessDenied</Code></Error>", http.StatusForbidden)
		return
	}
	_, _ = w.Write(data)
}

func (b *bucket) post(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength <= 0 {
		b.t.Error("upload has no Content-Length, which S3 asks for")
	}
	parts, err := r.MultipartReader()
	if err != nil {
		b.t.Errorf("upload is not multipart: %v", err)
		return
	}
	var p post
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			b.t.Errorf("read upload: %v", err)
			return
		}
		data, _ := io.ReadAll(part)
		if p.file != nil {
			b.t.Errorf("field %q comes after the file, where S3 ignores it", part.FormName())
		}
		if part.FormName() == "file" {
			p.file = data
		} else {
			p.fields = append(p.fields, part.FormName()+"="+string(data))
		}
	}
	b.posts = append(b.posts, p)
	if b.refuse != 0 {
		w.Header().Set("Location", b.url+"/elsewhere") // counts for redirects
		w.WriteHeader(b.refuse)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// put stores an object and returns how to download it.
func (b *bucket) put(path string, data []byte) Artifact {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.objects[path] = data
	return Artifact{URL: b.url + path + "?" + signature, SHA256: hash(data)}
}

// parameters are those of a run that goes well.
func (b *bucket) parameters(bundle string) Parameters {
	return Parameters{
		Run: "web-1", Batch: "0001", Attempt: "a1", Pack: "linux-triage", PackVersion: "3", Osquery: Pinned,
		Upload: Upload{
			URL:    b.url + "/",
			Prefix: "intake/web-1/0001/a1/",
			Fields: map[string]string{"policy": "eyJ9==", "X-Amz-Signature": "5ec4e7", "x-amz-meta-odd": `a=b "c" %s \n`},
		},
		Download: Download{
			Bundle:  b.put("/artifacts/bundle", []byte(bundle)),
			Osquery: map[string]Artifact{"x86_64": b.put("/artifacts/osquery.tar.gz", tarball(b.t, "./opt/osquery/bin/osqueryd"))},
		},
	}
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// tarball packs the stand-in under a name, a lens, and what nobody needs.
func tarball(t *testing.T, name string) []byte {
	t.Helper()
	program, err := os.ReadFile("testdata/osqueryi")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	pack := tar.NewWriter(zip)
	files := []struct {
		name string
		data []byte
	}{
		{"./etc/osquery/osquery.conf", []byte("{}")},
		{name, program},
		{"./opt/osquery/share/osquery/lenses/sshd.aug", []byte("lens")},
	}
	for _, f := range files {
		if err := pack.WriteHeader(&tar.Header{Name: f.name, Mode: 0o755, Size: int64(len(f.data))}); err != nil {
			t.Fatal(err)
		}
		if _, err := pack.Write(f.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(pack.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// unzip returns the lines of an uploaded snapshot.
func unzip(t *testing.T, data []byte) []string {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(zip)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range bytes.Lines(text) {
		lines = append(lines, string(bytes.TrimSuffix(line, []byte("\n"))))
	}
	return lines
}
