package local

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"diffy/pkg/snapshot"
)

// packLog writes evidence of any form as a snapshot log, compressed: one line for
// each query that answered or failed. It has a first and a last line of our own
// only where the evidence had. Values go through byte for byte. The same evidence
// gives the same bytes.
func packLog(h *snapshot.Host) ([]byte, error) {
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	l := &logWriter{Writer: bufio.NewWriter(zip), host: h}
	if h.Begin != nil {
		l.begin(h.Begin)
	}
	for i := range h.Tables {
		l.table(&h.Tables[i])
	}
	for _, e := range h.Errors {
		l.head(cmp.Or(e.Query, "diffy_read"))
		l.text(`"action":"snapshot","numerics":false,"error":`)
		l.value(e.Error)
		l.text("}\n")
	}
	if h.Begin != nil && !h.Cut {
		l.head("diffy_end")
		l.text(fmt.Sprintf(`"columns":{"queries":"%d","errors":"%d"}}`+"\n", len(h.Begin.Queries), len(h.Errors)))
	}
	if err := errors.Join(l.Flush(), zip.Close()); err != nil {
		return nil, fmt.Errorf("pack evidence of %q: %w", h.Name, err)
	}
	return packed.Bytes(), nil
}

// packFile compresses a log as it is, or returns it when it is compressed already.
func packFile(r io.Reader) ([]byte, error) {
	in := bufio.NewReader(r)
	if head, _ := in.Peek(2); bytes.Equal(head, []byte{0x1F, 0x8B}) {
		return io.ReadAll(in)
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, err := io.Copy(zip, in)
	err = errors.Join(err, zip.Close()) // which writes the end
	return packed.Bytes(), err
}

// logWriter writes lines. Errors of writing stay in the bufio.Writer.
type logWriter struct {
	*bufio.Writer
	host *snapshot.Host
}

func (l *logWriter) text(s string) { _, _ = l.WriteString(s) }

func (l *logWriter) head(name string) {
	l.text(`{"name":`)
	l.value(name)
	l.text(`,"hostIdentifier":`)
	l.value(l.host.Name)
	l.text(`,"unixTime":` + strconv.FormatInt(l.host.Time, 10) + `,`)
}

func (l *logWriter) begin(b *snapshot.Begin) {
	collector := b.Collector.Dir
	for _, pid := range slices.Sorted(maps.Keys(b.Collector.Processes)) {
		collector += " " + pid + ":" + b.Collector.Processes[pid]
	}
	l.head("diffy_begin")
	l.text(`"columns":{"format":"1"`)
	for _, c := range [][2]string{
		{"pack", b.Pack},
		{"pack_version", b.PackVersion},
		{"queries", strings.Join(b.Queries, ",")},
		{"osquery_version", b.OsqueryVersion},
		{"collector", collector},
	} {
		l.text(`,"` + c[0] + `":`)
		l.value(c[1])
	}
	l.text("}}\n")
}

func (l *logWriter) table(t *snapshot.Table) {
	l.head(t.Query)
	l.text(`"action":"snapshot","numerics":false,"snapshot":[`)
	for r := range t.Len() {
		if r > 0 {
			l.text(",")
		}
		l.row(t, r)
	}
	l.text("]}\n")
}

func (l *logWriter) row(t *snapshot.Table, r int) {
	l.text("{")
	first := true
	for c, value := range t.Row(r) {
		if !t.Has(r, c) {
			continue
		}
		if !first {
			l.text(",")
		}
		first = false
		l.value(t.Columns[c])
		l.text(":")
		l.value(value)
	}
	l.text("}")
}

// value writes a JSON string. Bytes that are no UTF-8 go through: encoding/json
// would replace them.
func (l *logWriter) value(s string) {
	l.text(`"`)
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			l.text(`\` + string(c))
		case c < ' ':
			l.text(fmt.Sprintf(`\u%04x`, c))
		default:
			_ = l.WriteByte(c)
		}
	}
	l.text(`"`)
}
