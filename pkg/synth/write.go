package synth

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"diffy/pkg/snapshot"
)

// WriteOptions says how a fleet is written.
type WriteOptions struct {
	Baseline int             // hosts of each baseline; 0: no baselines
	Plain    bool            // logs as they are; otherwise compressed
	Said     func(hosts int) // how many hosts are written; may be nil
}

// WriteTo writes a fleet into a folder as recorded fleets are kept: one log a
// host (<host>.jsonl.gz) in the pack's form, one folder a host of plain tables;
// baselines beside them, each named baseline-…, and truth.json.
func (f *Fleet) WriteTo(dir string, o WriteOptions) error {
	for i := range f.spec.Hosts {
		h := f.Host(i)
		if err := f.write(dir, h.Name, []*snapshot.Host{h}, o); err != nil {
			return err
		}
		if o.Said != nil {
			o.Said(i + 1)
		}
	}
	if o.Baseline > 0 {
		for _, b := range f.Baselines(o.Baseline) {
			if err := f.write(dir, b.Name, b.Hosts, o); err != nil {
				return err
			}
		}
	}
	return f.writeTruth(dir)
}

func (f *Fleet) write(dir, name string, hosts []*snapshot.Host, o WriteOptions) error {
	if f.spec.Form == Pack {
		suffix := map[bool]string{true: ".jsonl", false: ".jsonl.gz"}[o.Plain]
		return writeFile(filepath.Join(dir, name+suffix), func(w io.Writer) error { return writeLogs(w, hosts) })
	}
	for k, h := range hosts {
		folder := name
		if len(hosts) > 1 {
			folder = filepath.Join(name, strconv.Itoa(k+1))
		}
		for t := range h.Tables {
			path := filepath.Join(dir, folder, h.Tables[t].Query+".json")
			err := writeFile(path, func(w io.Writer) error { _, err := w.Write(rowsText(nil, &h.Tables[t])); return err })
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *Fleet) writeTruth(dir string) error {
	var truth any = f.Truth()
	if f.spec.Form == Plain {
		truth = f.Truth().plain()
	}
	text, err := json.MarshalIndent(truth, "", " ")
	if err != nil {
		return fmt.Errorf("write truth: %w", err)
	}
	return writeFile(filepath.Join(dir, "truth.json"), func(w io.Writer) error { _, err := w.Write(text); return err })
}

// writeFile makes a file and the folders above it; a name in .gz is compressed.
func writeFile(path string, fill func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write fleet: %w", err)
	}
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write fleet: %w", err)
	}
	defer file.Close()
	out := bufio.NewWriter(file)
	var pack *gzip.Writer
	var w io.Writer = out
	if strings.HasSuffix(path, ".gz") {
		pack = gzip.NewWriter(out)
		w = pack
	}
	if err := fill(w); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if pack != nil {
		if err := pack.Close(); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return file.Close()
}

// writeLogs writes hosts one after the other as the collector logs them.
func writeLogs(w io.Writer, hosts []*snapshot.Host) error {
	for _, h := range hosts {
		if _, err := w.Write(logText(h)); err != nil {
			return err
		}
	}
	return nil
}

// logText is a host's log: diffy_begin, a line a query, diffy_end; without the
// first and the last where another collector than ours wrote it.
func logText(h *snapshot.Host) []byte {
	out := linesText(beginText(h), h)
	if h.Cut || h.Begin == nil {
		return out
	}
	return append(lineHead(out, "diffy_end", h), fmt.Sprintf(",\"columns\":{\"queries\":\"%d\",\"errors\":\"%d\"}}\n", len(h.Begin.Queries), len(h.Errors))...)
}

func beginText(h *snapshot.Host) []byte {
	b := h.Begin
	if b == nil {
		return nil
	}
	out := lineHead(nil, "diffy_begin", h)
	collector := b.Collector.Dir
	for _, pid := range sortedKeys(b.Collector.Processes) {
		collector += " " + pid + ":" + b.Collector.Processes[pid]
	}
	out = append(out, `,"columns":{"format":"1","pack":`...)
	out = quoted(out, b.Pack)
	for _, f := range []setting{{"pack_version", b.PackVersion}, {"queries", strings.Join(b.Queries, ",")}, {"osquery_version", b.OsqueryVersion}, {"collector", collector}} {
		out = quoted(append(quoted(append(out, ','), f.key), ':'), f.value)
	}
	return append(out, "}}\n"...)
}

func linesText(out []byte, h *snapshot.Host) []byte {
	for i := range h.Tables {
		out = append(lineHead(out, h.Tables[i].Query, h), `,"action":"snapshot","numerics":false,"snapshot":`...)
		out = append(rowsText(out, &h.Tables[i]), "}\n"...)
	}
	for _, e := range h.Errors {
		out = append(lineHead(out, e.Query, h), `,"action":"snapshot","error":`...)
		out = append(quoted(out, e.Error), "}\n"...)
	}
	return out
}

func lineHead(out []byte, name string, h *snapshot.Host) []byte {
	out = quoted(append(out, `{"name":`...), name)
	out = quoted(append(out, `,"hostIdentifier":`...), h.Name)
	return strconv.AppendInt(append(out, `,"unixTime":`...), h.Time, 10)
}

// rowsText is a table as osqueryi --json prints it.
func rowsText(out []byte, t *snapshot.Table) []byte {
	out = append(out, '[')
	for i := range t.Len() {
		if i > 0 {
			out = append(out, ',')
		}
		for c, value := range t.Row(i) {
			sep := byte(',')
			if c == 0 {
				sep = '{'
			}
			out = quoted(append(quoted(append(out, sep), t.Columns[c]), ':'), value)
		}
		out = append(out, '}')
	}
	return append(out, ']')
}

// quoted appends a JSON string.
func quoted(out []byte, s string) []byte {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == '"' || s[i] == '\\' || s[i] >= 0x7f {
			text, _ := json.Marshal(s) // of a string it cannot fail
			return append(out, text...)
		}
	}
	return append(append(append(out, '"'), s...), '"')
}
