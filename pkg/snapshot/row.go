package snapshot

// row reads one object into t. A row that breaks off is not kept.
func (t *rows) row(s *scanner, l *Limits) *fault {
	begin, late := len(t.spans), len(t.late)
	start := s.at
	if f := t.members(s, l, begin); f != nil {
		t.spans, t.late = t.spans[:begin], t.late[:late]
		return f
	}
	if len(t.spans) == begin && len(t.late) == late {
		t.notes.add(emptyRow, start)
		return nil
	}
	t.pad(begin)
	t.n++
	return nil
}

// members reads the members of an object. Rows have their columns in the same
// order nearly always, so the next key is guessed and only compared.
func (t *rows) members(s *scanner, l *Limits, begin int) *fault {
	s.at++
	if s.next() == '}' {
		s.at++
		return nil
	}
	data := s.data
	for guess := 0; ; guess++ {
		at := space(data, s.at)
		key, column := at, guess
		if guess < len(t.heads) && hasPrefix(data[at:], t.heads[guess]) {
			at = space(data, at+len(t.heads[guess]))
		} else {
			var f *fault
			if column, f = t.key(s); f != nil {
				return f
			}
			at = s.at
		}
		if column != guess {
			t.pad(begin)
		}
		var v span
		if end := plainEnd(data, at); end > 0 && end-at <= l.ValueBytes {
			v = t.keep(data[at+1:end], begin, column)
			at = space(data, end+1)
		} else {
			var f *fault
			s.at = at
			if v, f = t.value(s, l); f != nil {
				return f
			}
			at = space(data, s.at)
		}
		if column >= 0 {
			t.put(begin, column, v, key)
		}
		guess = column
		s.at = at + 1
		switch {
		case at < len(data) && data[at] == ',':
		case at < len(data) && data[at] == '}':
			return nil
		default:
			return faultAt(data, at, ", or } after a value")
		}
	}
}

func hasPrefix(data []byte, head string) bool {
	return len(data) >= len(head) && string(data[:len(head)]) == head
}

// plainEnd returns the place of the closing quote of a string that begins at at
// and has no escapes, 0 if it is anything else.
func plainEnd(data []byte, at int) int {
	if at < len(data) && data[at] == '"' {
		if end := stringEnd(data, at+1); end < len(data) && data[end] == '"' {
			return end
		}
	}
	return 0
}

// key reads a key and its colon and returns the number of its column, -1 if
// there is no room for it. It ends at the value.
func (t *rows) key(s *scanner) (column int, f *fault) {
	if s.next() != '"' {
		return 0, s.fault("a column's name")
	}
	start := s.at
	name, f := s.text()
	if f != nil {
		return 0, f
	}
	if s.next() != ':' {
		return 0, s.fault(": after a column's name")
	}
	s.at++
	column, ok := t.index[string(name)]
	if !ok && len(name) > maxColumnName {
		t.notes.add(longColumn, start)
		column = -1
	} else if !ok {
		column = t.column(string(name), string(s.data[start:s.at]), start)
	}
	s.next()
	return column, nil
}

// value reads any value into the text. null is no value, and so is what cannot
// be one.
func (t *rows) value(s *scanner, l *Limits) (span, *fault) {
	start := len(t.text)
	switch c := s.next(); {
	case c == '"':
		first := s.at + 1
		if f := s.skipString(); f != nil {
			return absent, f
		}
		t.string(s.data[first:s.at-1], first, l)
	case isBare(c):
		first := s.at
		s.at = bareEnd(s.data, s.at)
		if string(s.data[first:s.at]) == "null" {
			return absent, nil
		}
		t.text = append(t.text, s.data[first:s.at]...)
		t.trim(start, first, l)
	case c == '{' || c == '[':
		t.notes.add(wrongValue, s.at)
		return absent, s.skip()
	default:
		return absent, s.fault("a value")
	}
	return span{uint32(start), uint32(len(t.text))}, nil
}

// string appends a string's value to the text, up to the limit.
func (t *rows) string(raw []byte, at int, l *Limits) {
	start := len(t.text)
	var ok bool
	if t.text, ok = unescape(t.text, raw); !ok {
		t.notes.add(badEscape, at)
	}
	t.trim(start, at, l)
}

// trim holds the value that begins at start of the text to its limit.
func (t *rows) trim(start, at int, l *Limits) {
	if len(t.text)-start > l.ValueBytes {
		t.notes.add(longValue, at)
		t.text = t.text[:start+l.ValueBytes]
	}
}
