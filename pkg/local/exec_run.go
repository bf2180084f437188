package local

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
)

// afterwards is how long a program that was killed, or has ended, may keep its
// output open through others that it has started.
const afterwards = 5 * time.Second

// errTimeUp: a host got the time that it may have.
var errTimeUp = errors.New("out of time")

// Program is the path of the program, if it can be started. Where diffy is called
// never counts: evidence may lie there.
func (e Exec) Program() (string, error) {
	if len(e.Command) == 0 || e.Command[0] == "" {
		return "", errors.New("run a program to collect: no program is named")
	}
	name := e.Command[0]
	if filepath.Base(name) != name && !filepath.IsAbs(name) {
		return "", fmt.Errorf("run %s to collect: expected a whole path, or a name on PATH", name)
	}
	path, err := exec.LookPath(name)
	var bad *fs.PathError
	switch {
	case errors.As(err, &bad): // which names it again
		return "", fmt.Errorf("run %s to collect: %w", name, bad.Err)
	case err != nil:
		return "", fmt.Errorf("run %s to collect: %w", name, errors.Unwrap(err))
	}
	return path, nil
}

// call runs the program once and returns what it has printed, compressed, between
// a first and a last line. It works in a folder of its own, which is gone
// afterwards.
func (p *program) call(ctx context.Context, ask ExecRequest) ([]byte, error) {
	request, err := json.Marshal(ask)
	if err != nil {
		return nil, fmt.Errorf("write request: %w", err)
	}
	dir, err := os.MkdirTemp("", "diffy-exec-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // what is left is empty, or the program's own
	ctx, stop := context.WithTimeoutCause(ctx, p.Timeout, errTimeUp)
	defer stop()
	ctx, kill := context.WithCancelCause(ctx)
	defer kill(nil)
	out := &printed{first: first(ask, p.now()), left: ask.MaxBytes, full: func() {
		kill(fmt.Errorf("it printed more than %d bytes", ask.MaxBytes))
	}}
	said := &tail{}
	cmd := exec.CommandContext(ctx, p.Command[0], p.Command[1:]...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = dir, bytes.NewReader(append(request, '\n')), out, said, afterwards
	alone(cmd)
	err = cmd.Run()
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err != nil {
		return nil, fault(err, p.Timeout, said.String())
	}
	if out.size == 0 {
		return nil, fault(errors.New("it printed nothing"), p.Timeout, said.String())
	}
	p.said.add(ask.Host, said.String())
	return out.end(last(ask, p.now()))
}

// fault is why there is nothing of a host, with the last words of the program.
func fault(err error, after time.Duration, said string) error {
	if errors.Is(err, errTimeUp) {
		err = fmt.Errorf("%w after %s", err, after)
	}
	if said != "" {
		return fmt.Errorf("collecting program: %w: %s", err, said)
	}
	return fmt.Errorf("collecting program: %w", err)
}

// printed takes what a program prints, up to a limit. What it begins with says
// whether it writes the first and the last line of a snapshot itself.
type printed struct {
	first []byte // ours
	left  int
	full  func() // called when there is more than was left

	begun  bool
	framed bool // by us
	head   []byte
	size   int
	ended  bool // with a line end
	packed bytes.Buffer
	zip    *gzip.Writer
}

// sniffed is how much of the first line tells whose it is.
const sniffed = 4 << 10

// Write implements io.Writer.
func (w *printed) Write(b []byte) (int, error) {
	if len(b) > w.left {
		w.full()
		return 0, io.ErrShortWrite
	}
	w.left -= len(b)
	w.size += len(b)
	w.ended = len(b) > 0 && b[len(b)-1] == '\n'
	if w.begun {
		return w.zip.Write(b)
	}
	w.head = append(w.head, b...)
	if bytes.IndexByte(w.head, '\n') < 0 && len(w.head) < sniffed {
		return len(b), nil
	}
	return len(b), w.begin()
}

func (w *printed) begin() error {
	w.begun, w.zip = true, gzip.NewWriter(&w.packed)
	line, _, _ := bytes.Cut(w.head, []byte("\n"))
	w.framed = !bytes.Contains(line, []byte(`"diffy_begin"`))
	var err error
	if w.framed {
		_, err = w.zip.Write(w.first)
	}
	_, err2 := w.zip.Write(w.head)
	w.head = nil
	return errors.Join(err, err2)
}

// end returns all of it with the last line.
func (w *printed) end(last []byte) ([]byte, error) {
	if !w.begun {
		if err := w.begin(); err != nil {
			return nil, err
		}
	}
	if w.framed {
		if !w.ended {
			last = append([]byte("\n"), last...)
		}
		if _, err := w.zip.Write(last); err != nil {
			return nil, err
		}
	}
	err := w.zip.Close()
	return w.packed.Bytes(), err
}

// tail keeps the last of what a program says.
type tail struct{ text []byte }

// lastWords is how many bytes of it are kept.
const lastWords = 400

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.text = append(t.text, b[max(0, len(b)-lastWords):]...)
	t.text = t.text[max(0, len(t.text)-lastWords):]
	return len(b), nil
}

// String is one line in which nothing acts on a reader.
func (t *tail) String() string {
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(string(t.text), "?"), func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
}

// sayings is what the program has said of hosts that it has examined all the same.
type sayings struct {
	mu   sync.Mutex
	list []string
}

func (s *sayings) add(host, text string) {
	if text == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, host+": "+text)
}

// mostSayings is how many of them are told.
const mostSayings = 10

// tellSayings tells the first of them by host, and how many are left out.
func (r *runner) tellSayings() {
	if r.sayings == nil || r.Said == nil {
		return
	}
	list := slices.Sorted(slices.Values(r.sayings.list))
	for i, text := range list {
		if i == mostSayings {
			r.Said(fmt.Sprintf("the collecting program has said something of %d more hosts", len(list)-i))
			return
		}
		r.Said("collecting " + text)
	}
}
