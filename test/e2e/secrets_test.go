package e2e

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"diffy/collect"
)

// noSecrets checks that presigned requests stand in the parameters Upload and
// Download of commands and nowhere else, and that each allows what it should.
func (w *world) noSecrets() {
	w.Helper()
	secrets := []string{"X-Amz-", session, secretKey}
	for _, line := range bytes.Split(bytes.TrimSpace(w.read("ssm.jsonl")), []byte("\n")) {
		secrets = append(secrets, w.checkCommand(line)...)
	}
	left := slices.DeleteFunc(w.files("."), func(name string) bool { return name == "ssm.jsonl" })
	for _, name := range left {
		text := plain(w.read(name))
		for _, s := range secrets {
			if bytes.Contains(text, []byte(s)) {
				w.Errorf("%s holds a secret: %.20s…", name, s)
			}
		}
	}
}

// plain unpacks what is packed.
func plain(data []byte) []byte {
	unpacked, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return data
	}
	text, err := io.ReadAll(unpacked)
	if err != nil {
		return data
	}
	return text
}

// checkCommand checks one SendCommand and returns the secrets in it.
func (w *world) checkCommand(line []byte) []string {
	w.Helper()
	var sent sendCommand
	w.must(json.Unmarshal(line, &sent))
	values := sent.Parameters
	upload, download := w.sheet(values["Upload"]), w.sheet(values["Download"])
	secrets := []string{upload["field.X-Amz-Signature"], upload["field.policy"], values["Upload"][0], values["Download"][0]}
	for name, value := range values {
		if name != "Upload" && name != "Download" && strings.Contains(plainText(value[0]), "X-Amz-") {
			w.Errorf("parameter %s holds a secret", name)
		}
	}
	prefix := "intake/" + values["Run"][0] + "/" + values["Batch"][0] + "/" + values["Attempt"][0] + "/"
	w.checkPolicy(upload["field.policy"], prefix)
	for name, value := range download {
		if !strings.HasSuffix(name, "_sha256") {
			u, err := url.Parse(value)
			w.must(err)
			secrets = append(secrets, u.Query().Get("X-Amz-Signature"))
			if u.Query().Get("X-Amz-Expires") != "600" || !strings.Contains(u.Path, "/artifacts/") {
				w.Errorf("download %s is of %s for %s seconds", name, u.Path, u.Query().Get("X-Amz-Expires"))
			}
		}
	}
	return secrets
}

// checkPolicy checks that a form writes below one prefix only, no more than
// allowed, and for ten minutes.
func (w *world) checkPolicy(text, prefix string) {
	w.Helper()
	p, err := readPolicy(text)
	w.must(err)
	if left := p.Expiration.Sub(w.now()); left > 10*time.Minute {
		w.Errorf("the form for %s is good for %s more", prefix, left)
	}
	f := form{fields: map[string]string{"x-amz-algorithm": "AWS4-HMAC-SHA256"}}
	for _, tried := range []struct {
		key     string
		size    int
		allowed bool
	}{
		{prefix + "i-1/x", 1, true},
		{prefix + "i-1/x", collect.MaxUpload, true},
		{prefix + "i-1/x", 0, false},
		{prefix + "i-1/x", collect.MaxUpload + 1, false},
		{strings.TrimSuffix(prefix, "/") + "x/y", 1, false},
		{"runs/x", 1, false},
	} {
		f.fields["key"], f.size = tried.key, tried.size
		if err := p.limits(f); (err == nil) != tried.allowed {
			w.Errorf("the form for %s: %d bytes to %s: %v", prefix, tried.size, tried.key, err)
		}
	}
}

// limits checks the conditions on key and size alone.
func (p policy) limits(f form) error {
	for _, c := range p.Conditions {
		if bytes.HasPrefix(bytes.TrimSpace(c), []byte("[")) {
			if _, err := checkCondition(c, f.fields, f.size); err != nil {
				return err
			}
		}
	}
	return nil
}

// sheet reads a parameter of "name=value" lines in base64.
func (w *world) sheet(value []string) map[string]string {
	w.Helper()
	lines := map[string]string{}
	for line := range strings.Lines(plainText(value[0])) {
		name, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		lines[name] = rest
	}
	return lines
}

// plainText decodes base64, where it is some.
func plainText(value string) string {
	if text, err := base64.StdEncoding.DecodeString(value); err == nil {
		return string(text)
	}
	return value
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
