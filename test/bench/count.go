package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// answer is one line of a log, as far as the peers read it.
type answer struct {
	Name           string              `json:"name"`
	HostIdentifier string              `json:"hostIdentifier"`
	Snapshot       []map[string]string `json:"snapshot"`
}

// count is the peer that uses encoding/json: one goroutine, as plain as one would
// write it. It prints the number of groups and the sum of their hosts.
func count(dir, keysPath string) error {
	text, err := os.ReadFile(keysPath)
	if err != nil {
		return err
	}
	var keys map[string][]string
	if err := json.Unmarshal(text, &keys); err != nil {
		return err
	}
	logs, err := logsIn(dir)
	if err != nil {
		return err
	}
	groups := map[string]map[string]bool{}
	for _, log := range logs {
		text, err := os.ReadFile(log)
		if err != nil {
			return err
		}
		if err := countLog(text, keys, groups); err != nil {
			return fmt.Errorf("count %s: %w", log, err)
		}
	}
	sum := 0
	for _, hosts := range groups {
		sum += len(hosts)
	}
	fmt.Println(len(groups), sum)
	return nil
}

func countLog(text []byte, keys map[string][]string, groups map[string]map[string]bool) error {
	lines := json.NewDecoder(bytes.NewReader(text))
	for lines.More() {
		var a answer
		if err := lines.Decode(&a); err != nil {
			return err
		}
		columns, known := keys[a.Name]
		if !known {
			continue
		}
		for _, row := range a.Snapshot {
			parts := []string{a.Name}
			for _, c := range columns {
				parts = append(parts, row[c])
			}
			group := strings.Join(parts, "\x1f")
			if groups[group] == nil {
				groups[group] = map[string]bool{}
			}
			groups[group][a.HostIdentifier] = true
		}
	}
	return nil
}
