package snapshot

import (
	"bytes"
	"io"
	"os"
)

// form is what a file holds, told by how it begins.
type form int

const (
	formOther   form = iota // no output of osquery
	formObject              // neither, but JSON
	formEmpty               // nothing but white space
	formTable               // an array of rows: the answer to one query on one host
	formOwn                 // our own log
	formLog                 // a log of osqueryd
	formAnswers             // answers to a live query, a host a line
)

// headBytes is how much of a file is read to tell its form; headLines how many
// lines of it are tried: a log may begin in the middle of a line, or with text.
const (
	headBytes = 64 << 10
	headLines = 20
)

// sniff tells the form of a file. Of a file that is no output of osquery it
// says why.
func sniff(path string) (form, string) {
	head, err := readHead(path)
	kind := formOf(head)
	switch {
	case wrapped(head) != "":
		return formOther, "expected output of osquery, found " + wrapped(head)
	case kind > formEmpty:
		return kind, ""
	case err != nil:
		return formOther, "cannot be read: " + cause(err)
	case kind == formEmpty:
		return kind, "expected output of osquery, found an empty file"
	}
	return kind, "expected output of osquery (an array of rows, or lines of a log), found " + kindOf(head[space(head, 0)])
}

// wrapped says what evidence may have been put in that is not read: logs in it look
// like a log that is broken.
func wrapped(head []byte) string {
	const tarMagic = 257 // where it stands
	switch {
	case len(head) > tarMagic+5 && string(head[tarMagic:tarMagic+5]) == "ustar":
		return "a tar archive: unpack it"
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return "a zip archive: unpack it"
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}), bytes.HasPrefix(head, []byte{0xFE, 0xFF}):
		return "text in UTF-16: write it in UTF-8"
	case arrayOfLines(head):
		return "lines of a log in an array: write one a line, as jq -c '.[]' does"
	}
	return ""
}

// arrayOfLines reports whether what looks like a table is a log.
func arrayOfLines(head []byte) bool {
	at := space(head, 0)
	if at == len(head) || head[at] != '[' {
		return false
	}
	limits := DefaultLimits
	var l line
	_ = l.parse(head[at+1:], &limits) // what came before a fault says enough
	return l.has(fieldHostIdentifier)
}

func readHead(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var head []byte
	for _, size := range []int{512, 4 << 10, headBytes} {
		rest, bad := atMost(file, size-len(head))
		if head, err = append(head, rest...), bad; err != nil || len(head) < size {
			break
		}
		if kind := formOf(head); kind > formEmpty { // it takes no more
			return head, nil
		}
	}
	if err != nil || !bytes.HasPrefix(head, gzipMagic) {
		return bytes.TrimPrefix(head, byteOrder), err
	}
	limits := DefaultLimits
	budget := limits.LogBytes
	in, err := newInput(bytes.NewReader(head), &limits, &budget)
	if err != nil {
		return nil, err
	}
	return atMost(in, headBytes)
}

// atMost reads n bytes or as many as there are.
func atMost(r io.Reader, n int) ([]byte, error) {
	head := make([]byte, n)
	n, err := io.ReadFull(r, head)
	if err == io.EOF || err == io.ErrUnexpectedEOF { // of ReadFull itself, never wrapped
		err = nil
	}
	return head[:n], err
}

// formOf tells the form of data from its beginning.
func formOf(head []byte) form {
	at := space(head, 0)
	if at == len(head) {
		return formEmpty
	}
	began := head[at]
	if began == '[' {
		if first := space(head, at+1); first == len(head) || head[first] == '{' || head[first] == ']' {
			return formTable
		}
		return formOther
	}
	limits := DefaultLimits
	var l line
	for range headLines {
		text, rest, more := bytes.Cut(head, []byte("\n"))
		_ = l.parse(text, &limits) // what came before a fault says enough
		if kind := l.form(); kind != formOther {
			return kind
		}
		if !more {
			break
		}
		head = rest
	}
	if began == '{' {
		return formObject
	}
	return formOther
}

// form tells the form of the log that has such a line.
func (l *line) form() form {
	name := string(l.name())
	switch {
	case name == beginLine || name == endLine:
		return formOwn
	case l.isFleet():
		return formAnswers
	case l.members[fieldSnapshot].given, l.members[fieldColumns].given, l.members[fieldDiffResults].given:
		return formLog
	case l.has(fieldHostIdentifier) && (l.has(fieldName) || l.has(fieldMessage)):
		return formLog
	}
	return formOther
}
