package pack

import (
	"maps"
	"slices"
	"strings"
)

// role is what a column's name alone suggests.
type role int

const (
	compared role = iota // the default: a value that may mean something
	identity
	volatile
)

// The last word of a column's name tells its role: parent_path is a path,
// port_count a count. Some words tell it only where they are the whole name.
var (
	volatileWords = []string{
		"pid", "ppid", "tid", "fd", "inode", "time", "date", "timestamp", "atime", "mtime", "ctime", "btime", "uptime",
		"seconds", "minutes", "hours", "days", "created", "at", "seen", "size", "count", "counter", "total", "bytes",
		"packets", "blocks", "inodes", "free", "available", "percent", "usage", "namespace", "uuid", "hostname",
		"threads", "eid", "ipackets", "opackets", "ibytes", "obytes", "refs", "read", "written",
	}
	volatileNames = []string{
		"parent", "pgroup", "socket", "start", "end", "offset", "tty", "serial", "age", "last", "used", "load", "average",
		"mount_namespace_id", "pid_with_namespace", "instance_id", "vm_id",
	}
	identityWords = []string{
		"path", "name", "id", "key", "username", "user", "groupname", "address", "port", "command", "cmdline",
		"label", "module", "package", "service", "interface", "protocol", "identifier", "domain", "url", "uri",
		"device", "target", "source", "host", "destination", "file", "filename", "scope", "program", "binary",
	}
)

// infer makes a rule from the names of columns. Rows without a column that names
// something are identified by all that is not volatile.
func infer(name string, columns []string) *Query {
	q := &Query{Name: name, Tier: TierCore, Mode: ModeCohort, Cost: CostFast, Privacy: PrivacySecret, Columns: columns}
	for _, c := range columns {
		switch guess(c) {
		case volatile:
			q.Volatile = append(q.Volatile, c)
		case identity:
			q.Key = append(q.Key, c)
		case compared:
			q.Compare = append(q.Compare, c)
		}
	}
	if len(q.Key) == 0 {
		q.Key, q.Compare = q.Compare, nil
	}
	q.Template = inferTemplates(columns)
	return q
}

// extend gives the columns that a table's rule does not know a role, never that
// of identity: a joined hash is compared, a joined time is not.
func extend(q *Query, columns []string) *Query {
	more, rest := q.widen(columns, func(c string) bool { return guess(c) == volatile })
	if more != q {
		more.Compare = slices.Concat(q.Compare, rest)
		more.Template = inferTemplates(rest)
		maps.Copy(more.Template, q.Template)
	}
	return more
}

// complete does the same for an entry of the pack over rows with more columns:
// the pack says what of them is compared, the rest is shown at most.
func (p *Pack) complete(q *Query, columns []string) *Query {
	table := p.tables[q.Name]
	more, rest := q.widen(columns, func(c string) bool {
		return guess(c) == volatile || table != nil && slices.Contains(table.Volatile, c)
	})
	if more != q {
		more.Shown = slices.Concat(q.Shown, rest)
	}
	return more
}

// widen returns the rule if it knows all columns, else a copy that knows the
// volatile ones among the others, and the rest of them.
func (q *Query) widen(columns []string, isVolatile func(string) bool) (more *Query, rest []string) {
	unknown := slices.DeleteFunc(slices.Clone(columns), q.has)
	if len(unknown) == 0 {
		return q, nil
	}
	wide := *q
	wide.Columns = slices.Concat(q.Columns, unknown)
	wide.Volatile = slices.Clone(q.Volatile)
	for _, c := range unknown {
		if isVolatile(c) {
			wide.Volatile = append(wide.Volatile, c)
		} else {
			rest = append(rest, c)
		}
	}
	return &wide, rest
}

func guess(column string) role {
	lower := strings.ToLower(column)
	last := lower[strings.LastIndexByte(lower, '_')+1:]
	switch {
	case slices.Contains(volatileNames, lower), slices.Contains(volatileWords, last):
		return volatile
	case slices.Contains(identityWords, last):
		return identity
	}
	return compared
}

// isDigest reports whether a value stands for contents, and must not be touched.
func isDigest(column string) bool {
	lower := strings.ToLower(column)
	return slices.ContainsFunc([]string{"sha1", "sha256", "md5", "hash", "version", "checksum", "digest"},
		func(w string) bool { return strings.Contains(lower, w) })
}

func inferTemplates(columns []string) map[string]string {
	templates := make(map[string]string, len(columns))
	for _, c := range columns {
		if class := inferTemplate(strings.ToLower(c)); class != "" && guess(c) != volatile {
			templates[c] = class
		}
	}
	return templates
}

func inferTemplate(column string) string {
	is := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool {
			return column == w || strings.HasSuffix(column, "_"+w)
		})
	}
	switch {
	case isDigest(column), is("uid", "gid", "mode", "type", "protocol", "family"):
		return ""
	case is("path", "directory", "file", "filename", "cwd", "root"):
		return TemplatePath
	case is("address", "ip", "mac", "gateway"):
		return TemplateAddress
	case is("port"):
		return TemplatePort
	}
	return TemplateText
}
