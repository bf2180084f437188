package e2e

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"diffy/pkg/pack"
	"diffy/pkg/triage"
)

// fleet is the folder of the recorded hosts: one log of our own format for each.
const fleet = "testdata/shop-8-pack"

// truth is what is known of the fleet: which hosts are attacked, and what on
// others is as rare as an attack's rows and is none.
type truth struct {
	Attacked  []string `json:"attacked_hosts"`
	Tolerated []struct {
		Hosts []string
		Rows  []struct {
			Query string
			Kind  triage.Kind
			Match triage.Row
			Regex triage.Row `json:"match_regex"`
		}
	}
}

// tolerates reports whether a finding is one of those, on each of its hosts.
func (k truth) tolerates(f triage.Finding, hosts []string) bool {
	row := f.Row
	if f.Kind == triage.Missing {
		row = f.Expected
	}
	for _, tolerated := range k.Tolerated {
		for _, r := range tolerated.Rows {
			if slices.Equal(tolerated.Hosts, hosts) && r.Query == f.Query && matches(row, r.Match, r.Regex) {
				return true
			}
		}
	}
	return false
}

func matches(row, exact, patterns triage.Row) bool {
	for column, want := range exact {
		if row[column] != want {
			return false
		}
	}
	for column, pattern := range patterns {
		if !regexp.MustCompile("^(?:" + pattern + ")$").MatchString(row[column]) {
			return false
		}
	}
	return true
}

func readTruth(t *testing.T) truth {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, fleet, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	var known truth
	if err := json.Unmarshal(data, &known); err != nil {
		t.Fatal(err)
	}
	return known
}

// line is one line of a recorded log.
type line struct {
	Name     string            `json:"name"`
	Columns  map[string]string `json:"columns"`
	Snapshot []json.RawMessage `json:"snapshot"`
	Error    string            `json:"error"`
}

// recording is what one host answered, by query.
type recording struct {
	answers map[string][]json.RawMessage
	errors  map[string]string
}

// record reads what a host answered, without the rows of who recorded it: the host
// that plays it has a collector of its own.
func record(name string) (recording, error) {
	rec := recording{answers: map[string][]json.RawMessage{}, errors: map[string]string{}}
	f, err := os.Open(filepath.Join(root, fleet, name+".jsonl.gz"))
	if err != nil {
		return rec, err
	}
	defer func() { _ = f.Close() }()
	plain, err := gzip.NewReader(f)
	if err != nil {
		return rec, err
	}
	collector := ""
	lines := bufio.NewScanner(plain)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return rec, fmt.Errorf("read %s: %w", f.Name(), err)
		}
		switch {
		case l.Name == "diffy_begin":
			collector = l.Columns["collector"]
		case l.Name == "diffy_end":
		case l.Error != "":
			rec.errors[l.Name] = l.Error
		default:
			rec.answers[l.Name] = others(l.Snapshot, collector)
		}
	}
	return rec, lines.Err()
}

// others leaves out the rows of the recorder: its processes, "<pid>:<start>" after
// its folder, and its program.
func others(rows []json.RawMessage, collector string) []json.RawMessage {
	words := strings.Fields(collector)
	if len(words) == 0 {
		return rows
	}
	own := map[string]bool{}
	for _, process := range words[1:] {
		own[process] = true
	}
	kept := []json.RawMessage{}
	for _, raw := range rows {
		var row map[string]string
		if json.Unmarshal(raw, &row) == nil && (own[row["pid"]+":"+row["start_time"]] || row["path"] == words[0]+"/osqueryi") {
			continue
		}
		kept = append(kept, raw)
	}
	return kept
}

// write puts the answers where the stand-in of osquery finds them: a file for each
// statement of the bundle, named after its digest, as osqueryi prints rows.
func (r recording) write(dir string, p *pack.Pack) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, l := range strings.Split(strings.TrimSpace(string(p.Bundle([]string{pack.TierExt}, nil))), "\n") {
		name, sql, _ := strings.Cut(l, "\t")
		sum := sha256.Sum256([]byte(sql))
		path := filepath.Join(dir, hex.EncodeToString(sum[:]))
		text, answer := r.errors[name], printed(r.answers[name])
		if _, ok := r.answers[name]; !ok && text == "" {
			text = "Error: nothing was recorded for " + name
		}
		if text != "" {
			path, answer = path+".error", text
		}
		if err := os.WriteFile(path, []byte(answer), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// printed is rows as osqueryi prints them: a list, one row a line.
func printed(rows []json.RawMessage) string {
	var b strings.Builder
	b.WriteString("[\n")
	for i, row := range rows {
		if i > 0 {
			b.WriteString(",\n")
		}
		b.WriteString("  ")
		b.Write(row)
	}
	b.WriteString("\n]\n")
	return b.String()
}
