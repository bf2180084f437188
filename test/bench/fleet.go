package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"diffy/pkg/pack"
	"diffy/pkg/synth"
)

// fleet is a folder of logs, one a host.
type fleet struct {
	dir      string
	about    string
	shuffled bool
	size     int64 // bytes
	hosts    int
}

// keysFile says what peers group by: for each query of the pack its key columns.
const keysFile = "keys.json"

func writeKeys(path string) error {
	p, err := pack.Load()
	if err != nil {
		return err
	}
	keys := map[string][]string{}
	for _, q := range p.Queries {
		keys[q.Name] = append([]string{}, q.Key...)
	}
	text, err := json.Marshal(keys)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

// fleets makes the fleet, or finds it as it was made before: with rows and
// columns in another order on each host, and in the order in which osquery prints
// them.
func (o options) fleets() ([]fleet, error) {
	name := fmt.Sprintf("fleet-%d-%d", o.hosts, o.bytes)
	none := fleet{dir: filepath.Join(o.dir, name+"-shuffled"), about: "rows and columns in another order on each host", shuffled: true}
	same := fleet{dir: filepath.Join(o.dir, name), about: "rows and columns in osquery's order"}
	spec := synth.Spec{Seed: 1, Hosts: o.hosts, Scene: synth.Attacked, Bytes: o.bytes}
	err := once(none.dir, func(dir string) error {
		return synth.New(spec).WriteTo(dir, synth.WriteOptions{Plain: true})
	})
	if err != nil {
		return nil, err
	}
	if err := once(same.dir, func(dir string) error { return sortLogs(dir, none.dir) }); err != nil {
		return nil, err
	}
	fleets := []fleet{same, none}
	for i := range fleets {
		if err := fleets[i].weigh(); err != nil {
			return nil, err
		}
	}
	return fleets, nil
}

// once fills a folder if it is not there; half a folder does not stay.
func once(dir string, fill func(dir string) error) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	fmt.Fprintln(os.Stderr, "writing", dir)
	half := dir + ".half"
	if err := os.RemoveAll(half); err != nil {
		return err
	}
	if err := fill(half); err != nil {
		return err
	}
	return os.Rename(half, dir)
}

// weigh counts the fleet's logs and their bytes.
func (f *fleet) weigh() error {
	logs, err := logsIn(f.dir)
	if err != nil {
		return err
	}
	for _, log := range logs {
		info, err := os.Stat(log)
		if err != nil {
			return err
		}
		f.size += info.Size()
		f.hosts++
	}
	return nil
}

func logsIn(dir string) ([]string, error) { return filepath.Glob(filepath.Join(dir, "*.jsonl")) }

// sortLogs writes the logs of one folder into another with their rows and columns
// sorted.
func sortLogs(to, from string) error {
	logs, err := logsIn(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, log := range logs {
		text, err := os.ReadFile(log)
		if err != nil {
			return err
		}
		sorted, err := sortLog(text)
		if err != nil {
			return fmt.Errorf("sort %s: %w", log, err)
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(log)), sorted, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func sortLog(text []byte) ([]byte, error) {
	var out bytes.Buffer
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, len(text)+1)
	for lines.Scan() {
		head, rows, found := bytes.Cut(lines.Bytes(), []byte(`"snapshot":`))
		out.Write(head)
		if found {
			sorted, err := sortRows(bytes.TrimSuffix(rows, []byte("}")))
			if err != nil {
				return nil, err
			}
			out.WriteString(`"snapshot":`)
			out.Write(sorted)
			out.WriteByte('}')
		}
		out.WriteByte('\n')
	}
	return out.Bytes(), lines.Err()
}

func sortRows(text []byte) ([]byte, error) {
	var rows []map[string]string
	if err := json.Unmarshal(text, &rows); err != nil {
		return nil, err
	}
	sorted := make([]json.RawMessage, len(rows))
	for i, row := range rows {
		one, err := json.Marshal(row) // columns by name
		if err != nil {
			return nil, err
		}
		sorted[i] = one
	}
	slices.SortFunc(sorted, func(a, b json.RawMessage) int { return bytes.Compare(a, b) })
	return json.Marshal(sorted)
}
