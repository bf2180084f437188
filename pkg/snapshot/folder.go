package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// folder reads a host's folder: files that hold a table each, named for its
// query. A file of another kind is an error of that query.
func (r *reading) folder(name, path string, files []string) {
	h := r.host([]byte(name), path)
	for _, file := range files {
		query := stem(file)
		a := h.answer(query)
		if a == nil {
			h.fail(query, fmt.Sprintf("%s: a query beyond the limit of %d queries of one host: left out", file, maxQueries))
			continue
		}
		r.table(h, a, file)
	}
}

// table reads a file with an array of rows.
func (r *reading) table(h *host, a *answer, file string) {
	if a.from != fromNothing {
		h.fail(a.query, file+": expected one file of this query: the last one counts")
	}
	data, ending := r.content(file, r.limits.HostBytes-h.Bytes)
	h.Bytes += int64(len(data))
	t := &r.line.rows
	t.reset()
	s := scanner{data: data}
	f := t.array(&s, &r.limits)
	if f == nil && s.next() != 0 {
		f = s.fault("the end of the file")
	}
	if f != nil {
		h.fail(a.query, fmt.Sprintf("%s: byte %d: %s", file, f.at, f.text(ending)))
	}
	if f == nil || t.n > 0 {
		table := t.table("", &r.limits)
		table.Cut = f != nil || t.notes.lossy()
		a.replace(table, 0)
	}
	t.notes.each(&r.limits, func(at int, text string) {
		h.fail(a.query, fmt.Sprintf("%s: byte %d: %s", file, at, text))
	})
}

// content returns the content of a file, gzip undone, up to a limit, and says what
// is at its end. It stays good until the next call.
func (r *reading) content(path string, limit int64) (data []byte, ending string) {
	from, err := os.Open(path)
	if err != nil {
		return nil, "a file that cannot be opened: " + cause(err)
	}
	defer from.Close()
	r.file, err = readAll(from, r.file[:0], limit)
	data = r.file
	if bytes.HasPrefix(data, gzipMagic) {
		var in *input
		if in, err = newInput(io.MultiReader(bytes.NewReader(bytes.Clone(data)), from), &r.limits, &r.budget); err == nil {
			r.file, err = readAll(in, r.file[:0], limit)
			data = r.file
		}
	}
	data = bytes.TrimPrefix(data, byteOrder)
	switch {
	case err == nil && space(data, 0) == len(data):
		return data, "an empty file"
	case err == nil:
		return data, "the end of the file"
	}
	return data, "the place where " + cause(err)
}

// readAll appends what comes from r to buf. Beyond the limit it ends with an
// error.
func readAll(r io.Reader, buf []byte, limit int64) ([]byte, error) {
	for {
		if len(buf) == cap(buf) {
			buf = slices.Grow(buf, max(len(buf), 64<<10))
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case int64(len(buf)) > limit:
			return buf[:max(0, limit)], fmt.Errorf("the limit of %d bytes for one host is reached", limit)
		case errors.Is(err, io.EOF):
			return buf, nil
		case err != nil:
			return buf, err
		}
	}
}

// cause is an error's text without the path, which is said before it.
func cause(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}
