package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"diffy/pkg/pack"
)

// What hosts do other than run the script. Most of these are quick: they make the
// log that the script would, and post it through the form that they were given.

// endAs is a host that SSM gives up on.
func endAs(status, details string) act {
	return func(*host, *command, func() (string, error)) (string, string, string) { return status, details, "" }
}

// say is a host whose command ends so, with this on stdout.
func say(status, stdout string) act {
	return func(*host, *command, func() (string, error)) (string, string, string) { return status, status, stdout }
}

// quick is a host that does what the script does, at once, with something changed
// about its log, what it says, or what it posts besides.
type quick struct {
	world  *world
	log    func(lines []string) []string
	pack   func(packed []byte) []byte
	report func(sha256 string) string                        // the digest that it reports
	upload func(f uploadForm, key string, data []byte) error // in place of the one upload
}

func (q quick) act(h *host, c *command, _ func() (string, error)) (status, details, stdout string) {
	stdout, err := q.collect(h, c)
	if err != nil {
		return "Failed", "Failed", "diffy/1 failed=S3 refused the upload\n"
	}
	return "Success", "Success", stdout
}

func (q quick) collect(h *host, c *command) (string, error) {
	rec, err := record(h.plays)
	if err != nil {
		return "", err
	}
	lines := rec.log(h.id, q.world.pack)
	if q.log != nil {
		lines = q.log(lines)
	}
	data := packed(strings.Join(lines, ""))
	if q.pack != nil {
		data = q.pack(data)
	}
	f := newUploadForm(plainText(c.Parameters["Upload"][0]))
	digest := hash(data)
	if q.report != nil {
		digest = q.report(digest)
	}
	upload := q.upload
	if upload == nil {
		upload = uploadForm.post
	}
	if err := upload(f, f.prefix+h.id+"/"+digest+".jsonl.gz", data); err != nil {
		return "", err
	}
	return fmt.Sprintf("diffy/1 sha256=%s size=%d rows=1 queries=%d errors=0 osquery=host version=5.21.0\n", digest, len(data), len(lines)-2), nil
}

// log is the lines that the script writes for the pack's core tier.
func (r recording) log(id string, p *pack.Pack) []string {
	var names []string
	var lines []string
	write := func(name, rest string) {
		lines = append(lines, `{"name":"`+name+`","hostIdentifier":"`+id+`","unixTime":1790000000,`+rest+"}\n")
	}
	for _, q := range p.Select(nil) {
		names = append(names, q.Name)
	}
	write("diffy_begin", `"columns":{"format":"1","pack":"`+p.Name+`","pack_version":"`+p.Version+`","queries":"`+
		strings.Join(names, ",")+`","osquery_version":"5.21.0","collector":"/run/diffy.quick 1:1"}`)
	for _, name := range names {
		rows, _ := json.Marshal(r.answers[name]) // raw JSON that was read as such
		write(name, `"action":"snapshot","numerics":false,"snapshot":`+string(rows))
	}
	write("diffy_end", `"columns":{"queries":"`+strconv.Itoa(len(names))+`","errors":"0"}`)
	return lines
}

func packed(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text)) // a buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

// uploadForm is the parameter Upload as a host reads it.
type uploadForm struct {
	url, prefix string
	fields      map[string]string
}

func newUploadForm(sheet string) uploadForm {
	f := uploadForm{fields: map[string]string{}}
	for line := range strings.Lines(sheet) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		switch field, ok := strings.CutPrefix(name, "field."); {
		case ok:
			f.fields[field] = value
		case name == "url":
			f.url = value
		case name == "prefix":
			f.prefix = value
		}
	}
	return f
}

// post uploads through the form.
func (f uploadForm) post(key string, data []byte) error {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	_ = w.WriteField("key", key) // a buffer takes everything
	for _, name := range slices.Sorted(maps.Keys(f.fields)) {
		_ = w.WriteField(name, f.fields[name])
	}
	file, _ := w.CreateFormFile("file", "snapshot")
	_, _ = file.Write(data)
	_ = w.Close()
	res, err := http.Post(f.url, w.FormDataContentType(), &body)
	if err != nil {
		return err
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusNoContent {
		return fmt.Errorf("upload: %s", res.Status)
	}
	return nil
}
