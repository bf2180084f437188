package snapshot

import "strings"

// listed is a file of a folder and what it seems to be.
type listed struct {
	path   string
	kind   form
	reason string // why it is no evidence
}

// contents takes the files of one folder. In a leaf, a folder without evidence
// in folders below, tables make it a host's folder; elsewhere, and where there
// are more logs than tables, it is a folder of hosts and tables in it are loose
// files.
func (f *finder) contents(dir string, paths []string, leaf bool) bool {
	if leaf && allTables(paths) {
		f.units = append(f.units, Unit{Path: dir, kind: formTable, files: paths})
		return true
	}
	files, count := make([]listed, len(paths)), [formAnswers + 1]int{}
	for i, path := range paths {
		kind, reason := sniff(path)
		files[i] = listed{path, kind, reason}
		count[kind]++
	}
	logs := count[formOwn] + count[formLog] + count[formAnswers]
	host := leaf && (count[formTable] > logs || logs == 0 && hasBroken(files))
	var tables []string
	for _, file := range files {
		if host && file.isTable() {
			tables = append(tables, file.path)
			continue
		}
		f.loose(file)
	}
	if host {
		f.units = append(f.units, Unit{Path: dir, kind: formTable, files: tables})
	}
	return host || logs > 0
}

// loose takes a file that is no table of a host's folder.
func (f *finder) loose(file listed) {
	switch {
	case file.kind == formLog:
		f.logs = append(f.logs, file.path)
	case file.kind == formAnswers:
		f.gather(formAnswers, file.path)
	case file.kind == formOwn || isLines(file.path) && file.kind != formTable:
		f.units = append(f.units, Unit{Path: file.path, kind: formOwn, files: []string{file.path}})
	case file.kind == formTable:
		f.skip(file.path, "a table outside of a host's folder")
	default:
		f.skip(file.path, file.reason)
	}
}

// isTable reports whether a file of a host's folder stands for a query: an array
// of rows, or a .json file that should have been one.
func (l *listed) isTable() bool {
	return l.kind == formTable || isJSON(l.path) && l.kind <= formEmpty
}

// hasBroken reports whether there is a .json file that is empty or text: what is
// left where every query of a host failed.
func hasBroken(files []listed) bool {
	for _, file := range files {
		if isJSON(file.path) && (file.kind == formEmpty || file.kind == formOther) {
			return true
		}
	}
	return false
}

// allTables reports whether the files of a folder all look like tables: by their
// names, and the first, middle and last by their content. Opening all of them
// would cost as much as reading them.
func allTables(paths []string) bool {
	for _, path := range paths {
		if !isJSON(path) {
			return false
		}
	}
	n := len(paths)
	if n < 4 {
		return false // they are looked at one by one
	}
	for _, i := range []int{0, n / 2, n - 1} {
		if kind, _ := sniff(paths[i]); kind != formTable {
			return false
		}
	}
	return true
}

func isJSON(path string) bool { return strings.HasSuffix(strings.TrimSuffix(path, ".gz"), ".json") }
