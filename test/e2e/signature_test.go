package e2e

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What S3 checks of presigned requests and moto does not.

const amzTime = "20060102T150405Z"

// keys are the secrets by access key.
type keys map[string]string

// sign is the signature of a text in the scope of a credential,
// "KEY/20260101/REGION/s3/aws4_request".
func (k keys) sign(credential, text string) (string, error) {
	parts := strings.Split(credential, "/")
	if len(parts) != 5 || k[parts[0]] == "" {
		return "", errors.New("the access key does not exist")
	}
	key := []byte("AWS4" + k[parts[0]])
	for _, part := range parts[1:] {
		key = mac(key, part)
	}
	return hex.EncodeToString(mac(key, text)), nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// checkQuery checks a request whose signature is in its query: time, then the
// signature over method, path, query and signed headers.
func checkQuery(r *http.Request, k keys, now time.Time) error {
	q := r.URL.Query()
	signed, err := time.Parse(amzTime, q.Get("X-Amz-Date"))
	if err != nil {
		return fmt.Errorf("X-Amz-Date: %w", err)
	}
	seconds, err := strconv.Atoi(q.Get("X-Amz-Expires"))
	if err != nil {
		return fmt.Errorf("X-Amz-Expires: %w", err)
	}
	if now.After(signed.Add(time.Duration(seconds) * time.Second)) {
		return errors.New("request has expired")
	}
	given := q.Get("X-Amz-Signature")
	q.Del("X-Amz-Signature")
	canonical := strings.Join([]string{
		r.Method, r.URL.EscapedPath(), strings.ReplaceAll(q.Encode(), "+", "%20"),
		signedHeaders(r, q), q.Get("X-Amz-SignedHeaders"), "UNSIGNED-PAYLOAD",
	}, "\n")
	hash := sha256.Sum256([]byte(canonical))
	credential := q.Get("X-Amz-Credential")
	_, scope, _ := strings.Cut(credential, "/")
	want, err := k.sign(credential, "AWS4-HMAC-SHA256\n"+q.Get("X-Amz-Date")+"\n"+scope+"\n"+hex.EncodeToString(hash[:]))
	if err != nil {
		return err
	}
	return same(given, want)
}

func signedHeaders(r *http.Request, q url.Values) string {
	var b strings.Builder
	for _, name := range strings.Split(q.Get("X-Amz-SignedHeaders"), ";") {
		value := strings.Join(r.Header.Values(name), ",")
		if name == "host" {
			value = r.Host
		}
		b.WriteString(name + ":" + strings.TrimSpace(value) + "\n")
	}
	return b.String()
}

func same(given, want string) error {
	if !hmac.Equal([]byte(given), []byte(want)) {
		return errors.New("the signature does not match")
	}
	return nil
}

// form is a multipart upload: the fields before the file, and the file's size.
type form struct {
	fields map[string]string
	size   int
}

// checkForm checks an upload against the policy that comes with it: signature,
// time, and each condition. The body can be read again afterwards.
func checkForm(r *http.Request, k keys, now time.Time) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	f, err := readForm(r.Header.Get("Content-Type"), body)
	if err != nil {
		return err
	}
	want, err := k.sign(f.fields["x-amz-credential"], f.fields["policy"])
	if err != nil {
		return err
	}
	if err := same(f.fields["x-amz-signature"], want); err != nil {
		return err
	}
	p, err := readPolicy(f.fields["policy"])
	if err != nil {
		return err
	}
	return p.check(f, strings.Trim(r.URL.Path, "/"), now)
}

func readForm(contentType string, body []byte) (form, error) {
	f := form{fields: map[string]string{}}
	_, boundary, _ := strings.Cut(contentType, "boundary=")
	parts := multipart.NewReader(bytes.NewReader(body), strings.Trim(boundary, `"`))
	for {
		part, err := parts.NextPart()
		if err != nil {
			return f, fmt.Errorf("read form: %w", err)
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return f, fmt.Errorf("read form: %w", err)
		}
		if part.FormName() == "file" { // what comes after it counts for nothing
			f.size = len(value)
			return f, nil
		}
		f.fields[strings.ToLower(part.FormName())] = string(value)
	}
}

// policy is what a form may be used for.
type policy struct {
	Expiration time.Time         `json:"expiration"`
	Conditions []json.RawMessage `json:"conditions"`
}

func readPolicy(text string) (policy, error) {
	var p policy
	data, err := base64.StdEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(data, &p)
	}
	if err != nil {
		return p, fmt.Errorf("read policy: %w", err)
	}
	return p, nil
}

// check holds a form against each condition, and lets no field through that none
// of them names.
func (p policy) check(f form, bucket string, now time.Time) error {
	if now.After(p.Expiration) {
		return errors.New("policy expired")
	}
	values := map[string]string{"bucket": bucket}
	for name, value := range f.fields {
		values[name] = value
	}
	covered := []string{"x-amz-signature", "policy"}
	for _, c := range p.Conditions {
		name, err := checkCondition(c, values, f.size)
		if err != nil {
			return err
		}
		covered = append(covered, name)
	}
	for name := range f.fields {
		if !slices.Contains(covered, name) {
			return fmt.Errorf("extra input fields: %s", name)
		}
	}
	return nil
}

// checkCondition checks {"name":"value"}, ["eq"|"starts-with","$name","value"] or
// ["content-length-range",from,to], and returns the name.
func checkCondition(c json.RawMessage, values map[string]string, size int) (string, error) {
	var exact map[string]string
	if json.Unmarshal(c, &exact) == nil {
		for name, value := range exact {
			name = strings.ToLower(name)
			return name, hold(values[name] == value, c)
		}
	}
	var list []any
	if err := json.Unmarshal(c, &list); err != nil || len(list) != 3 {
		return "", fmt.Errorf("read policy: no condition: %s", c)
	}
	if list[0] == "content-length-range" {
		from, _ := list[1].(float64)
		to, _ := list[2].(float64)
		return "", hold(float64(size) >= from && float64(size) <= to, c)
	}
	name := strings.ToLower(strings.TrimPrefix(fmt.Sprint(list[1]), "$"))
	value := fmt.Sprint(list[2])
	if list[0] == "starts-with" {
		return name, hold(strings.HasPrefix(values[name], value), c)
	}
	return name, hold(list[0] == "eq" && values[name] == value, c)
}

func hold(ok bool, c json.RawMessage) error {
	if !ok {
		return fmt.Errorf("policy condition failed: %s", c)
	}
	return nil
}
