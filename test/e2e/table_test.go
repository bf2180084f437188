package e2e

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of docs/reliability.md anew")

// fateRow is a line of the table: how one host, or several alike, ended in a case.
type fateRow struct {
	run   string
	hosts string // what the host is called, or how many there are
	count int    // of hosts that are called nothing
	fate  fate
}

// made is what is made up anew each time: digests of what was packed, ids.
var made = regexp.MustCompile(`\b([0-9a-f]{64}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|i-[0-9a-f]{17})\b`)

// tell adds a host to the table. Those that are called nothing and end alike are
// one line.
func (w *world) tell(run, host string, f fate) {
	f.reason = made.ReplaceAllString(f.reason, "…")
	name := w.called[host]
	for i, r := range w.fates {
		if name == "" && r.hosts == "" && r.run == run && r.fate == f {
			w.fates[i].count++
			return
		}
	}
	w.fates = append(w.fates, fateRow{run: run, hosts: name, count: 1, fate: f})
}

// tellRun adds a run that has no result: it failed as a whole.
func (w *world) tellRun(e execution, reason string) {
	w.fates = append(w.fates, fateRow{run: e.Name, hosts: "the run", fate: fate{"failed", reason}})
}

// rows is the case's part of the table.
func (w *world) rows() string {
	var b strings.Builder
	for _, r := range w.fates {
		hosts := r.hosts
		switch {
		case hosts == "" && r.count == 1:
			hosts = "1 host"
		case hosts == "":
			hosts = fmt.Sprintf("%d hosts", r.count)
		}
		if len(w.left) > 1 {
			hosts = fmt.Sprintf("run %d: %s", w.ordinal(r.run), hosts)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", filepath.Base(w.Name()), hosts, r.fate.status, strings.ReplaceAll(r.fate.reason, "|", "\\|"))
	}
	return b.String()
}

func (w *world) ordinal(run string) int {
	for i, e := range w.left {
		if e.Name == run {
			return i + 1
		}
	}
	return 0
}

const (
	tableHead  = "| case | host | state | reason |\n| --- | --- | --- | --- |\n"
	tableBegin = "<!-- the table of `make e2e` -->\n"
	tableEnd   = "<!-- end of the table -->\n"
)

// checkTable prints the table and holds it against the one in docs/reliability.md:
// all of it, or the rows of one case.
func checkTable(t *testing.T, rows string, whole bool) {
	t.Helper()
	fmt.Print("\n", tableHead, rows, "\n")
	path := filepath.Join(root, "docs/reliability.md")
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := bytes.Cut(doc, []byte(tableBegin))
	old, tail, ok2 := bytes.Cut(rest, []byte(tableEnd))
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for the table", path)
	}
	if *update && whole {
		doc = bytes.Join([][]byte{head, []byte(tableBegin + "\n" + tableHead + rows + "\n" + tableEnd), tail}, nil)
		if err := os.WriteFile(path, doc, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if whole && string(old) != "\n"+tableHead+rows+"\n" || !bytes.Contains(old, []byte(rows)) {
		t.Errorf("docs/reliability.md has another table: go test ./test/e2e -update writes it")
	}
}

func readFileJSON(path string, v any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}
