package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync/atomic"

	"lifeboat/engine"
)

// Files is a dump held in memory: its files by name, or one stream without a name.
type Files map[string][]byte

// One is a dump that is a single stream.
func One(b []byte) Files { return Files{"": b} }

// Files implements engine.Dump.
func (f Files) Files() []engine.File {
	var list []engine.File
	for _, name := range slices.Sorted(maps.Keys(f)) {
		list = append(list, engine.File{Name: name, Size: int64(len(f[name]))})
	}
	return list
}

// Open implements engine.Dump.
func (f Files) Open(_ context.Context, name string) (io.ReadCloser, error) {
	b, ok := f[name]
	if !ok {
		return nil, errors.New("no such file: " + name)
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

// largest names the file with most bytes; what damages a dump damages it.
func (f Files) largest() string {
	var name string
	for n, b := range f {
		if _, ok := f[name]; !ok || len(b) > len(f[name]) {
			name = n
		}
	}
	return name
}

// with returns a copy in which one file is another.
func (f Files) with(name string, content []byte) Files {
	changed := maps.Clone(f)
	changed[name] = content
	return changed
}

// size is how many bytes all files have.
func (f Files) size() int64 {
	var n int64
	for _, b := range f {
		n += int64(len(b))
	}
	return n
}

// altered is a dump whose streams are changed on the way and watched.
type altered struct {
	dump  Files
	alter func(name string, r io.Reader) io.Reader
	read  atomic.Int64 // bytes, over all streams
	open  atomic.Int64 // streams that are not closed
}

// Files implements engine.Dump.
func (a *altered) Files() []engine.File { return a.dump.Files() }

// Open implements engine.Dump.
func (a *altered) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	r, err := a.dump.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	a.open.Add(1)
	return &watched{r: a.alter(name, r), in: a}, nil
}

// watched is one stream of an altered dump.
type watched struct {
	r      io.Reader
	in     *altered
	closed atomic.Bool
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	w.in.read.Add(int64(n))
	return n, err
}

// Close implements io.Closer.
func (w *watched) Close() error {
	if !w.closed.Swap(true) {
		w.in.open.Add(-1)
	}
	return nil
}

// errLost is how a stream of storage or of an envelope may end. An engine that takes it
// for the end of the dump would call the backup broken.
var errLost = fmt.Errorf("connection lost: %w", io.ErrUnexpectedEOF)

// breaks is a stream that ends in an error after n bytes.
func breaks(r io.Reader, n int, err error) io.Reader {
	return io.MultiReader(io.LimitReader(r, int64(n)), readFunc(func([]byte) (int, error) { return 0, err }))
}

// readFunc is a stream made of a function.
type readFunc func(p []byte) (int, error)

// Read implements io.Reader.
func (f readFunc) Read(p []byte) (int, error) { return f(p) }
