package snapshot

import "cmp"

// Limits bound what evidence may cost. A field that is zero has the value of
// DefaultLimits. A limit that is met is an error of the query and host it was
// met in; what came before it is kept.
type Limits struct {
	HostBytes  int64 // JSON of one host, decompressed; the line that crosses it is the last; at most 2 GiB
	LogBytes   int64 // JSON of one unit, all its hosts together, decompressed
	GzipRatio  int64 // decompressed : compressed, once 16 MiB have come out
	Hosts      int   // hosts in one unit
	QueryRows  int   // rows of one query; the first ones are kept
	QueryCells int   // rows times columns of one query; the first rows are kept
	ValueBytes int   // bytes of one value; its beginning is kept
}

// DefaultLimits let a loaded host pass (0.3 to 3 MB are usual) and keep the
// memory for the worst one below a gigabyte.
var DefaultLimits = Limits{
	HostBytes:  128 << 20,
	LogBytes:   4 << 30,
	GzipRatio:  300,    // snapshots reach 5 to 40, the format ends at 1,032
	Hosts:      20_000, // with rows of their own they cost their square; LogBytes holds as many of usual size
	QueryRows:  200_000,
	QueryCells: 8 << 20,
	ValueBytes: 1 << 20,
}

// What nobody needs to choose.
const (
	maxHostBytes  = 1<<31 - 1 // offsets into a table's text have 32 bits
	maxColumns    = 2000      // SQLite's limit for the columns of a result
	maxColumnName = 1 << 10   // bytes
	maxQueries    = 10_000    // of one host
	maxTables     = 1_000_000 // of one unit
	maxDepth      = 64        // of nested JSON that is passed over
	maxSameErrors = 3         // of one query on one host; the rest is counted
	maxErrorText  = 1 << 10   // bytes of an error text that a host sends
	gzipFree      = 16 << 20  // bytes that may come out of gzip before its ratio counts
)

func (l Limits) orDefault() Limits {
	return Limits{
		HostBytes:  min(cmp.Or(l.HostBytes, DefaultLimits.HostBytes), maxHostBytes),
		LogBytes:   cmp.Or(l.LogBytes, DefaultLimits.LogBytes),
		GzipRatio:  cmp.Or(l.GzipRatio, DefaultLimits.GzipRatio),
		Hosts:      cmp.Or(l.Hosts, DefaultLimits.Hosts),
		QueryRows:  cmp.Or(l.QueryRows, DefaultLimits.QueryRows),
		QueryCells: cmp.Or(l.QueryCells, DefaultLimits.QueryCells),
		ValueBytes: cmp.Or(l.ValueBytes, DefaultLimits.ValueBytes),
	}
}
