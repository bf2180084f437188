// Package snapshot reads osquery evidence, whatever form it has, into tables of
// raw rows, one host at a time.
//
// In go folders, files and streams that somebody else wrote; out come hosts
// with their tables, and every problem met on the way with its file and place.
// Every byte is under an attacker's control: limits bound what one host, one
// query and one value may cost, bad input is a problem of that query of that
// host and stops nothing else, and nothing is dropped without a word. The
// package never interprets a row: that is for facts.
//
// The forms, told apart by content alone, each plain or gzip:
//
//   - a folder named for its host with a file <query>.json for each query, an
//     array of rows as osqueryi --json prints it;
//   - our own snapshot logs, from diffy_begin to diffy_end;
//   - osqueryd's snapshot logs, a table a line or a row a line;
//   - osqueryd's differential logs, an event or a batch a line, replayed to the
//     last state;
//   - Fleet's live-query answers, a host a line, in a file named for the query.
//
// Of several snapshots of one query in a log the latest counts. Lines of
// osqueryd about itself (its status log) are no evidence and are passed over.
//
// What is bad: the rows before the place where a table breaks off are kept and
// the table is marked Cut; a value of a wrong type is left out and reads as
// absent; a limit keeps what came before it. All of it is in Host.Errors. A
// broken line that names no host is an error of every host of its log, as it
// may be of any.
//
// A host's name that could act as a path or on a terminal is shown encoded
// (a/b becomes a%2Fb), one longer than 200 bytes is cut and ends with a digest;
// both are said in Host.Errors. Two names stay two names.
package snapshot

import "diffy/pkg/triage"

// Host is the evidence of one host.
type Host struct {
	Name   string  // hostIdentifier, or the folder's name in the folder form
	Source string  // the file it was read from; the folder where it is several files
	Time   int64   // Unix seconds by the host's clock, the latest line's; 0 if the form has none
	Begin  *Begin  // our own log's first line; nil in other forms
	Cut    bool    // begin without end, end without begin, or a stream that broke off: not whole
	Tables []Table // in the order of the evidence, one per query that answered
	Errors []triage.QueryError
	Bytes  int64 // decompressed size of what was read
}

// Begin is what the first line of our own log says.
type Begin struct {
	Pack, PackVersion string
	Queries           []string // the queries that were to run
	OsqueryVersion    string
	Collector         Collector
}

// Collector tells our own doing on the host apart from everything else.
type Collector struct {
	Dir       string            // where the collector ran
	Processes map[string]string // pid → start time, as osquery prints them
}

// Table is what one query returned on one host. Cells holds the rows one after
// the other, len(Columns) cells each.
type Table struct {
	Query   string   // without a pack prefix
	Columns []string // in order of first appearance
	Cells   []string // raw values, JSON escapes resolved, invalid UTF-8 kept
	Cut     bool     // rows or values were lost, Host.Errors says why: what is not here may be on the host
	absent  []uint64 // a bit for each cell that was not there; nil: all were
	shared  bool
}

// Shared reports whether other hosts that the same Reader read have the very same
// cells, which then begin at the same place of memory.
func (t *Table) Shared() bool { return t.shared }

// Len returns the number of rows.
func (t *Table) Len() int {
	if len(t.Columns) == 0 {
		return 0
	}
	return len(t.Cells) / len(t.Columns)
}

// Row returns the cells of row i, in the order of Columns. The slice is the
// table's own.
func (t *Table) Row(i int) []string {
	return t.Cells[i*len(t.Columns) : (i+1)*len(t.Columns)]
}

// Has reports whether row i had column c at all; a cell that was not there
// reads as "".
func (t *Table) Has(i, c int) bool {
	cell := i*len(t.Columns) + c
	return t.absent == nil || t.absent[cell/64]&(1<<(cell%64)) == 0
}

// Raw returns row i as it was sent, by column.
func (t *Table) Raw(i int) triage.Row {
	row := make(triage.Row, len(t.Columns))
	for c, v := range t.Row(i) {
		if t.Has(i, c) {
			row[t.Columns[c]] = v
		}
	}
	return row
}
