package pack

import (
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
	var extra []string
	for _, c := range columns {
		if !slices.Contains(q.Columns, c) {
			extra = append(extra, c)
		}
	}
	if len(extra) == 0 {
		return q
	}
	more := *q
	more.Columns = slices.Concat(q.Columns, extra)
	for _, c := range extra {
		if guess(c) == volatile {
			more.Volatile = append(slices.Clip(more.Volatile), c)
		} else {
			more.Compare = append(slices.Clip(more.Compare), c)
		}
	}
	more.Template = inferTemplates(extra)
	for c, class := range q.Template {
		more.Template[c] = class
	}
	return &more
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
