package snapshot

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// input is a stream of JSON: gzip is undone, a byte order mark left out, and
// the limits of a unit are held.
type input struct {
	r        io.Reader
	packed   *counter // the compressed stream; nil where it is plain
	limits   *Limits
	budget   *int64 // bytes that the unit may still have
	produced int64
}

// counter counts the bytes read through it.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

var (
	gzipMagic = []byte{0x1F, 0x8B}
	byteOrder = []byte{0xEF, 0xBB, 0xBF} // mark of UTF-8
)

// newInput detects whether r is gzip. What it reads counts against budget.
func newInput(r io.Reader, l *Limits, budget *int64) (*input, error) {
	raw := bufio.NewReaderSize(r, 32<<10)
	in := &input{r: raw, limits: l, budget: budget}
	if head, _ := raw.Peek(2); bytes.Equal(head, gzipMagic) {
		in.packed = &counter{r: raw}
		// With a ByteReader gzip reads no further than it needs.
		unpacked, err := gzip.NewReader(bufio.NewReaderSize(in.packed, 32<<10))
		if err != nil {
			return nil, fmt.Errorf("gzip header: %w", noEOF(err))
		}
		raw = bufio.NewReaderSize(unpacked, 64<<10)
		in.r = raw
	}
	if head, _ := raw.Peek(3); bytes.Equal(head, byteOrder) {
		_, _ = raw.Discard(3)
	}
	return in, nil
}

// Read ends with an error that says why, where it is not the end of the data.
func (in *input) Read(p []byte) (int, error) {
	n, err := in.r.Read(p)
	in.produced += int64(n)
	*in.budget -= int64(n)
	switch {
	case *in.budget < 0:
		return n + int(max(*in.budget, int64(-n))), fmt.Errorf("the limit of %d bytes for all hosts of one log is reached", in.limits.LogBytes)
	case in.packed != nil && in.produced > gzipFree && in.produced/in.limits.GzipRatio > in.packed.n:
		return 0, fmt.Errorf("the limit of %d bytes for each compressed one is reached", in.limits.GzipRatio)
	case err != nil && !errors.Is(err, io.EOF):
		return n, readError(err)
	}
	return n, err
}

// readError puts an error of compress/gzip or of the file system into words.
func readError(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the gzip data are cut")
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader):
		return errors.New("the gzip data are damaged")
	}
	return err
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// lines cuts an input into lines.
type lines struct {
	in    io.Reader
	buf   []byte // read and not yet passed
	start int    // of what has not been passed
	err   error  // why nothing more comes
	max   int    // bytes that a line may have; the rest of it is passed over
	n     int    // number of the line last returned, from 1
	size  int64  // of that line, with its end and what was passed over
	whole bool   // that line ended with a line feed and was not too long
}

// next returns the next line without its end; it stays good until the next
// call. At the end of the input it returns false, and l.err says why.
func (l *lines) next() ([]byte, bool) {
	l.size, l.whole = 0, true
	searched := l.start
	for {
		if i := bytes.IndexByte(l.buf[searched:], '\n'); i >= 0 {
			line := l.buf[l.start : searched+i]
			l.start = searched + i + 1
			if extra := len(line) - l.max; extra > 0 {
				l.whole, l.size, line = false, int64(extra), line[:l.max]
			}
			return l.line(line, 1), true
		}
		searched = len(l.buf)
		if l.err != nil {
			line := l.buf[l.start:]
			if len(line) == 0 {
				return nil, false
			}
			l.start = len(l.buf)
			l.whole = false
			return l.line(line, 0), true
		}
		if len(l.buf)-l.start > l.max {
			return l.tooLong(), true
		}
		searched -= l.more()
	}
}

func (l *lines) line(line []byte, end int) []byte {
	l.n++
	l.size += int64(len(line) + end)
	return line
}

// more reads on, and returns by how much what was read moved to the front.
func (l *lines) more() (moved int) {
	if l.start > 0 {
		moved = l.start
		l.buf = l.buf[:copy(l.buf, l.buf[l.start:])]
		l.start = 0
	}
	if len(l.buf) == cap(l.buf) {
		grown := make([]byte, len(l.buf), max(256<<10, 2*cap(l.buf)))
		copy(grown, l.buf)
		l.buf = grown
	}
	var n int
	n, l.err = l.in.Read(l.buf[len(l.buf):cap(l.buf)])
	l.buf = l.buf[:len(l.buf)+n]
	return moved
}

// tooLong returns the beginning of a line and passes over the rest of it.
func (l *lines) tooLong() []byte {
	line := bytes.Clone(l.buf[l.start : l.start+l.max])
	l.whole = false
	l.size = -int64(len(line))
	for {
		rest := l.buf[l.start:]
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			l.size += int64(i) + 1
			l.start += i + 1
			break
		}
		l.size += int64(len(rest))
		l.buf, l.start = l.buf[:0], 0
		if l.err != nil {
			break
		}
		l.more()
	}
	return l.line(line, 0)
}
