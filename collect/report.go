package collect

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Report is what the script says on stdout: what it has uploaded, or why there is
// nothing.
type Report struct {
	SHA256  string // of the uploaded object, hex: SSM vouches that this host said so
	Size    int64  // bytes, compressed
	Rows    int
	Queries int
	Errors  int    // queries that failed
	Osquery Mode   // Pinned or Host
	Version string // of osquery
	Failed  string // the reason, in a few words; then all else is zero
}

var (
	done = regexp.MustCompile(`^diffy/1 sha256=([0-9a-f]{64}) size=([1-9][0-9]{0,11})` +
		` rows=([0-9]{1,9}) queries=([0-9]{1,6}) errors=([0-9]{1,6})` +
		` osquery=(pinned|host) version=([A-Za-z0-9._+-]{1,32})$`)
	failed = regexp.MustCompile(`^diffy/1 failed=([A-Za-z0-9][A-Za-z0-9 ._-]{0,99})$`)
)

// ErrNoReport: stdout has no line of the script's. It was cut off, or killed.
var ErrNoReport = errors.New("no report on stdout")

// ParseReport reads stdout of one host. The agent may add lines of its own around
// the script's; two of the script's, or one that is not exactly as it prints
// them, are an error. Errors hold nothing of what the host sent.
func ParseReport(stdout string) (Report, error) {
	var found []string
	for line := range strings.Lines(stdout) {
		if strings.HasPrefix(line, "diffy/") {
			found = append(found, strings.TrimRight(line, "\r\n"))
		}
	}
	switch len(found) {
	case 0:
		return Report{}, ErrNoReport
	case 1:
		return parseLine(found[0])
	}
	return Report{}, fmt.Errorf("read report: %d lines where one was expected", len(found))
}

func parseLine(line string) (Report, error) {
	if m := failed.FindStringSubmatch(line); m != nil {
		return Report{Failed: m[1]}, nil
	}
	m := done.FindStringSubmatch(line)
	if m == nil {
		return Report{}, errors.New("read report: a line that the script does not print")
	}
	// The patterns let through nothing that overflows.
	size, _ := strconv.ParseInt(m[2], 10, 64)
	rows, _ := strconv.Atoi(m[3])
	queries, _ := strconv.Atoi(m[4])
	failures, _ := strconv.Atoi(m[5])
	return Report{
		SHA256: m[1], Size: size, Rows: rows, Queries: queries, Errors: failures,
		Osquery: Mode(m[6]), Version: m[7],
	}, nil
}
