package facts

// Shape is a value with everything replaced that is made anew each time, names
// in scratch folders too. It is no identity: a name under /tmp is evidence. It
// tells that a name which no other host has is one of a kind that many have.
func Shape(value string) string {
	var t texter
	t.everywhere = true
	return t.template(value)
}
