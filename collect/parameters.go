package collect

import (
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Mode says whose osquery runs on a host.
type Mode string

// The modes.
const (
	Pinned Mode = "pinned" // the release that was chosen, nothing else
	Host   Mode = "host"   // the host's own; nothing is downloaded
	Auto   Mode = "auto"   // the pinned one, else the host's own
)

// Parameters is what one SendCommand says to the script.
type Parameters struct {
	Run, Batch, Attempt string // the last segments of Upload.Prefix
	Pack, PackVersion   string // written into the snapshot
	Osquery             Mode
	Limits              Limits // zero: DefaultLimits
	Upload              Upload
	Download            Download
}

// Limits bounds what the script costs a host.
type Limits struct {
	QuerySeconds int // for one query
	TotalSeconds int // from the start to the last query; the upload has 50 s more
	TotalBytes   int // of the snapshot before compression; one query has a quarter of it
}

// DefaultLimits are those of a run. They fit in the 300 s that the document has,
// and in MaxUpload even if nothing can be compressed.
var DefaultLimits = Limits{QuerySeconds: 20, TotalSeconds: 240, TotalBytes: MaxUpload - 1<<20}

// Upload is a presigned POST form. It is a secret.
type Upload struct {
	URL    string            // https, or http to 127.0.0.1
	Prefix string            // of the key, ends with "<run>/<batch>/<attempt>/"
	Fields map[string]string // policy, signature and the like; never "key" and "file", which the host adds
}

// Download is the presigned GETs. It is a secret.
type Download struct {
	Bundle  Artifact            // the queries, a line "name<TAB>SQL" each
	Osquery map[string]Artifact // by architecture ("x86_64", "aarch64"): a .tar.gz with opt/osquery/bin/osqueryd or osqueryi
}

// Artifact is something to download, and what it must be.
type Artifact struct {
	URL    string
	SHA256 string // hex
}

// parameters are those of the document. No pattern lets a character through that
// means anything to a shell, in quotes or out of them.
func parameters() map[string]parameter {
	const (
		word   = `^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`
		number = `^[1-9][0-9]{0,8}$`
		base   = `^[A-Za-z0-9+/]+={0,2}$`
	)
	secret := "Short-lived presigned requests, base64 of lines name=value: "
	return map[string]parameter{
		"Run":          text(word, "The run."),
		"Batch":        text(word, "The batch of the run."),
		"Attempt":      text(word, "The attempt at the batch."),
		"Pack":         text(word, "Name of the query pack."),
		"PackVersion":  text(word, "Version of the query pack."),
		"Osquery":      text(`^(pinned|host|auto)$`, "Whose osquery runs."),
		"QuerySeconds": text(number, "Seconds for one query."),
		"TotalSeconds": text(number, "Seconds for all queries and downloads."),
		"TotalBytes":   text(number, "Bytes of all answers before compression."),
		"Upload":       text(base, secret+"url, prefix, and field.NAME for each field of the form."),
		"Download":     text(base, secret+"bundle, bundle_sha256, osquery_ARCH, osquery_ARCH_sha256."),
	}
}

func text(pattern, description string) parameter {
	return parameter{Type: "String", Description: description, AllowedPattern: pattern, InterpolationType: "ENV_VAR"}
}

// Encode returns the parameters as SendCommand takes them. Those named Upload and
// Download hold the secrets.
func (p Parameters) Encode() map[string][]string {
	limits := p.Limits
	if limits == (Limits{}) {
		limits = DefaultLimits
	}
	return map[string][]string{
		"Run":          {p.Run},
		"Batch":        {p.Batch},
		"Attempt":      {p.Attempt},
		"Pack":         {p.Pack},
		"PackVersion":  {p.PackVersion},
		"Osquery":      {string(p.Osquery)},
		"QuerySeconds": {strconv.Itoa(limits.QuerySeconds)},
		"TotalSeconds": {strconv.Itoa(limits.TotalSeconds)},
		"TotalBytes":   {strconv.Itoa(limits.TotalBytes)},
		"Upload":       {p.Upload.encode()},
		"Download":     {p.Download.encode()},
	}
}

func (u Upload) encode() string {
	var l lines
	l.add("url", u.URL)
	l.add("prefix", u.Prefix)
	for _, name := range slices.Sorted(maps.Keys(u.Fields)) {
		l.add("field."+name, u.Fields[name])
	}
	return l.encode()
}

func (d Download) encode() string {
	var l lines
	l.add("bundle", d.Bundle.URL)
	l.add("bundle_sha256", d.Bundle.SHA256)
	for _, arch := range slices.Sorted(maps.Keys(d.Osquery)) {
		l.add("osquery_"+arch, d.Osquery[arch].URL)
		l.add("osquery_"+arch+"_sha256", d.Osquery[arch].SHA256)
	}
	return l.encode()
}

// lines is "name=value" lines: what a shell can take apart without a parser.
type lines struct{ b strings.Builder }

// breaks would let a value begin a line of its own. No URL and no field has one.
var breaks = strings.NewReplacer("\n", "", "\r", "")

func (l *lines) add(name, value string) {
	l.b.WriteString(breaks.Replace(name) + "=" + breaks.Replace(value) + "\n")
}

func (l *lines) encode() string {
	return base64.StdEncoding.EncodeToString([]byte(l.b.String()))
}
