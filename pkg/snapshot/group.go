package snapshot

import (
	"bytes"
	"cmp"
	"os"
	"slices"
	"strconv"
)

// seen is what a log shows without being read as JSON.
type seen struct {
	path  string
	hosts [][]byte
	first int64 // time of its first line, Unix seconds; 0: unknown
}

// groupLogs puts logs of osqueryd that tell of the same hosts into one unit, in
// the order in which they were written: rotated logs, results and snapshots of
// one host, days of a fleet.
func groupLogs(dir string, paths []string) []Unit {
	if len(paths) == 1 {
		return []Unit{{Path: paths[0], kind: formLog, files: paths}}
	}
	var groups [][]seen
	of := make(map[string]int) // host → group
	named := claimsOf(paths)
	for _, path := range paths {
		log := look(path)
		into := len(groups)
		groups = append(groups, []seen{log})
		for _, host := range log.hosts {
			if _, liar := named.of(path, string(host)); liar {
				continue
			}
			if other, ok := of[string(host)]; ok && other != into {
				groups[into], groups[other] = append(groups[other], groups[into]...), nil
				for name, group := range of {
					if group == other {
						of[name] = into
					}
				}
			}
			of[string(host)] = into
		}
	}
	var units []Unit
	for _, group := range groups {
		if len(group) > 0 {
			units = append(units, unitOf(dir, group))
		}
	}
	return units
}

func unitOf(dir string, logs []seen) Unit {
	if len(logs) == 1 {
		return Unit{Path: logs[0].path, kind: formLog, files: []string{logs[0].path}}
	}
	slices.SortFunc(logs, func(a, b seen) int {
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.path, b.path))
	})
	u := Unit{Path: dir, kind: formLog}
	for _, log := range logs {
		u.files = append(u.files, log.path)
	}
	return u
}

// look reads a log for the hosts in it and its first time. What cannot be read
// is an error when the unit is read, not here.
func look(path string) seen {
	log := seen{path: path}
	file, err := os.Open(path)
	if err != nil {
		return log
	}
	defer file.Close()
	limits := DefaultLimits
	budget := limits.LogBytes
	in, err := newInput(file, &limits, &budget)
	if err != nil {
		return log
	}
	known := make(map[string]struct{})
	lines := lines{in: in, max: int(limits.HostBytes)}
	for data, ok := lines.next(); ok; data, ok = lines.next() {
		log.line(data, known)
	}
	return log
}

// line looks for hosts and time in one line. A quote inside of a value is
// escaped, so what is found is a member, if perhaps one of a row: then logs are
// put together that need not be.
func (s *seen) line(data []byte, known map[string]struct{}) {
	for _, key := range []string{`"hostIdentifier"`, `"hostname"`} {
		found := false
		for host := range members(data, key) {
			found = true
			if _, ok := known[string(host)]; !ok && len(known) < DefaultLimits.Hosts {
				known[string(host)] = struct{}{}
				s.hosts = append(s.hosts, bytes.Clone(host))
			}
		}
		if found {
			break
		}
	}
	if s.first == 0 {
		for value := range members(data, `"unixTime"`) {
			s.first, _ = strconv.ParseInt(string(value), 10, 64)
		}
	}
}

// members yields the values of all members with that key, at any depth.
func members(data []byte, key string) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for s := (scanner{data: data}); ; {
			i := bytes.Index(data[s.at:], []byte(key))
			if i < 0 {
				return
			}
			s.at += i + len(key)
			if s.next() != ':' {
				continue
			}
			s.at++
			if value, f := s.text(); f == nil && len(value) > 0 && !yield(value) {
				return
			}
		}
	}
}
