package postgres

import (
	"context"
	"errors"
	"io"
	"sync"
)

// A stream is handed on in chunks of chunkSize, at most chunks of them at a time, so
// that reading, scanning and sending overlap in bounded memory.
const (
	chunkSize = 256 << 10
	chunks    = 12
)

// errNotTaken ends a writer whose reader stopped. The reader's own error says why.
var errNotTaken = errors.New("reader stopped early")

// chunk is a piece of a stream with the number of branches that still need it.
type chunk struct {
	data []byte
	mu   *sync.Mutex
	left int
}

// fanOut reads src once and lets every consumer read all of it. It returns when all
// of them have; the first to return an error ends the rest. An error of src itself
// is returned before any other, and the consumers see it, too.
func fanOut(ctx context.Context, src io.Reader, consume ...func(io.Reader) error) error {
	f := &fan{stop: make(chan struct{}), free: make(chan *chunk, chunks)}
	for range chunks {
		f.free <- &chunk{data: make([]byte, chunkSize), mu: new(sync.Mutex)}
	}
	var wg sync.WaitGroup
	for _, c := range consume {
		b := &branch{fan: f, in: make(chan *chunk, chunks)}
		f.branches = append(f.branches, b)
		wg.Go(func() {
			err := c(b)
			if err == nil {
				_, err = io.Copy(io.Discard, b)
			}
			if !b.broken { // else the others are to read as far as there is something, too
				f.end(err)
			}
		})
	}
	f.pump(ctx, src)
	wg.Wait()
	if f.ended != nil && !errors.Is(f.ended, io.EOF) && !errors.Is(f.ended, errNotTaken) {
		return f.ended
	}
	return f.err
}

// fan is one stream being handed to several branches.
type fan struct {
	branches []*branch
	free     chan *chunk
	stop     chan struct{} // closed once err is set: a branch gave up

	once  sync.Once
	err   error // first error of a branch
	ended error // how src ended, set before the branches' channels are closed
}

// end records the first error and stops everything else.
func (f *fan) end(err error) {
	if err == nil {
		return
	}
	f.once.Do(func() {
		f.err = err
		close(f.stop)
	})
}

// pump reads src to its end, or until a branch gives up.
func (f *fan) pump(ctx context.Context, src io.Reader) {
	defer func() {
		for _, b := range f.branches {
			close(b.in)
		}
	}()
	for {
		var c *chunk
		select {
		case c = <-f.free:
		case <-f.stop:
			f.ended = errNotTaken
			return
		}
		n, err := fill(src, c.data[:chunkSize])
		if n > 0 {
			c.data, c.left = c.data[:n], len(f.branches)
			for _, b := range f.branches {
				b.in <- c // never blocks: it has room for all chunks there are
			}
		}
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			f.ended = err // io.EOF or worse; branches get it after all that came before
			return
		}
	}
}

// fill reads until p is full or src ends. Unlike io.ReadFull it keeps src's own error.
func fill(src io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = src.Read(p[n:])
		n += m
	}
	return n, err
}

// branch is one consumer's view of the stream.
type branch struct {
	fan    *fan
	in     chan *chunk
	now    *chunk
	off    int
	broken bool // it has seen an error of src
}

// Read implements io.Reader.
func (b *branch) Read(p []byte) (int, error) {
	if b.now == nil {
		select {
		case <-b.fan.stop:
			return 0, b.fan.err
		default:
		}
		c, ok := <-b.in
		if !ok {
			b.broken = !errors.Is(b.fan.ended, io.EOF) && !errors.Is(b.fan.ended, errNotTaken)
			return 0, b.fan.ended
		}
		b.now, b.off = c, 0
	}
	n := copy(p, b.now.data[b.off:])
	b.off += n
	if b.off == len(b.now.data) {
		b.fan.release(b.now)
		b.now = nil
	}
	return n, nil
}

// release gives c back when the last branch is done with it.
func (f *fan) release(c *chunk) {
	c.mu.Lock()
	c.left--
	last := c.left == 0
	c.mu.Unlock()
	if last {
		c.data = c.data[:chunkSize]
		f.free <- c
	}
}
