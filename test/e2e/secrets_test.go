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
	for line := range bytes.Lines(w.read("ssm.jsonl")) {
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
	ends := w.checkPolicy(upload["field.policy"], prefix)
	if signed, err := time.Parse(amzTime, upload["field.X-Amz-Date"]); err != nil || !ends.Equal(signed.Add(formTime)) {
		w.Errorf("the form signed at %s is good until %s, want ten minutes: %v", upload["field.X-Amz-Date"], ends, err)
	}
	for name, value := range download {
		if !strings.HasSuffix(name, "_sha256") {
			u, err := url.Parse(value)
			w.must(err)
			secrets = append(secrets, u.Query().Get("X-Amz-Signature"))
			if !strings.Contains(u.Path, "/artifacts/") {
				w.Errorf("download %s is of %s", name, u.Path)
			}
			signed, err := time.Parse(amzTime, u.Query().Get("X-Amz-Date"))
			w.must(err)
			lasts, err := time.ParseDuration(u.Query().Get("X-Amz-Expires") + "s")
			if late := signed.Add(lasts).Sub(ends); err != nil || late.Abs() > time.Minute {
				w.Errorf("download %s ends %s after the form, which it should end with: %v", name, late, err)
			}
		}
	}
	return secrets
}

// formTime is how long a form is good.
const formTime = 10 * time.Minute

// checkPolicy checks that a form writes below one prefix only and no more than
// allowed, and returns when it ends.
func (w *world) checkPolicy(text, prefix string) time.Time {
	w.Helper()
	p, err := readPolicy(text)
	w.must(err)
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
	return p.Expiration
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
