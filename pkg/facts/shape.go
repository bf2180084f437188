package facts

import "regexp"

// counters are numbers that programs give their files: process ids, counts. One
// that could be an ephemeral port is one of them here.
var counters = regexp.MustCompile(`[0-9]{4,}|` + tokenEph)

// Shape is a value with everything replaced that is made anew each time, names
// in scratch folders too. It is no identity: a name under /tmp is evidence. It
// tells that a name which no other host has is one of a kind that many have.
func Shape(value string) string {
	return counters.ReplaceAllString(texter{everywhere: true}.template(value), tokenNum)
}

// Canonical is what a value becomes in a column of that template class, on a
// host whose name and addresses it does not hold.
func Canonical(class, value string) string { return template(class, value, nil) }
