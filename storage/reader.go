package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// ReadOptions tune NewReader. The zero value is right for most.
type ReadOptions struct {
	Streams    int   // requests at a time; 4 when zero
	ChunkBytes int64 // bytes of one request; 4 MiB when zero
	// Progress is told how many more bytes a Read has just delivered. It is called
	// by the goroutine that reads.
	Progress func(n int64)
}

const (
	defaultStreams    = 4
	defaultChunkBytes = 4 << 20
	// headBytes is what the first request asks for: enough to recognise a dump, and
	// all of a small one. Nothing more is requested until half of it has been read.
	headBytes = 512 << 10
	// stallTimeout is how long a stream may give no byte before it counts as broken.
	stallTimeout = 30 * time.Second
	// maxTries is how often in a row a request may bring nothing before we give up.
	maxTries     = 8
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = 10 * time.Second
	// closeTimeout bounds the wait of Close for a source that ignores cancellation,
	// such as a network file system that hangs.
	closeTimeout = 5 * time.Second
)

var (
	errStalled = fmt.Errorf("no byte came for %s", stallTimeout)
	errClosed  = errors.New("reader is closed")
	errShort   = errors.New("stream ended early")
)

// NewReader reads parts one after another as one stream. Ranges are requested in
// parallel ahead of the reader and delivered in order; a broken range is resumed at
// the byte where it broke. At most Streams times ChunkBytes are held in memory.
//
// Read ends with ErrNotFound, ErrChanged or ErrArchived as the source reports them,
// ErrChanged also for a part shorter than it was listed, and ErrUnreachable when a
// range made no progress in several tries. The stream stops when ctx ends. Close
// stops everything; it may be called at any time and more than once.
func NewReader(ctx context.Context, src Source, parts []Object, o ReadOptions) io.ReadCloser {
	if o.Streams <= 0 {
		o.Streams = defaultStreams
	}
	if o.ChunkBytes <= 0 {
		o.ChunkBytes = defaultChunkBytes
	}
	ctx, cancel := context.WithCancelCause(ctx)
	r := &reader{ctx: ctx, cancel: cancel, src: src, parts: parts, opts: o}
	r.cond.L = &r.mu
	r.unhook = context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.cond.Broadcast()
	})
	return r
}

// reader keeps a window of chunks in flight. Only Read adds to the window and takes
// from it; one goroutine per chunk fills it. mu guards each chunk's filled, done and
// err; the bytes of a buffer below filled are never written again, so Read copies
// them without the lock.
type reader struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	unhook func() bool
	src    Source
	parts  []Object
	opts   ReadOptions

	mu     sync.Mutex
	cond   sync.Cond
	closed bool

	window  []*chunk // in order of delivery
	part    int      // where the next chunk begins
	offset  int64
	started bool     // the first chunk has been requested
	wide    bool     // the reader wants more than a head
	spare   [][]byte // buffers to use again
	err     error    // what Read ended with

	fillers sync.WaitGroup
}

// chunk is a range of one part on its way.
type chunk struct {
	object Object
	offset int64
	buf    []byte // as long as the range
	read   int    // delivered to the reader
	filled int    // arrived
	done   bool
	err    error
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if err := r.widen(); err != nil {
			return 0, r.end(err)
		}
		if len(r.window) == 0 {
			return 0, r.end(io.EOF)
		}
		head := r.window[0]
		avail, err := r.await(head)
		if n := copy(p, head.buf[head.read:avail]); n > 0 {
			head.read += n
			if r.opts.Progress != nil {
				r.opts.Progress(int64(n))
			}
			return n, nil
		}
		if err != nil {
			return 0, r.end(err)
		}
		r.window = r.window[1:] // read to its end
		r.spare = append(r.spare, head.buf)
		r.wide = true
	}
}

// end makes err the answer to every further Read and stops what is in flight.
func (r *reader) end(err error) error {
	r.err = err
	r.cancel(err)
	return err
}

// await waits until c holds bytes not yet read, is complete, or has failed, and
// returns how far it is filled. An error comes only when nothing is left to read.
func (r *reader) await(c *chunk) (filled int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c.filled == c.read && !c.done && r.ctx.Err() == nil {
		r.cond.Wait()
	}
	switch {
	case r.closed:
		return c.read, errClosed
	case c.filled > c.read:
		return c.filled, nil
	case c.err != nil:
		return c.filled, c.err
	case !c.done:
		return c.filled, context.Cause(r.ctx)
	}
	return c.filled, nil
}

// widen requests chunks until the window is full.
func (r *reader) widen() error {
	if err := context.Cause(r.ctx); err != nil {
		return err
	}
	if len(r.window) > 0 && 2*r.window[0].read >= len(r.window[0].buf) {
		r.wide = true
	}
	for len(r.window) < r.opts.Streams && (r.wide || !r.started) {
		c := r.next()
		if c == nil {
			return nil
		}
		if !r.start(c) {
			return errClosed
		}
		r.window = append(r.window, c)
		r.started = true
	}
	return nil
}

// start fills c in the background, unless the reader was closed meanwhile.
func (r *reader) start(c *chunk) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	r.fillers.Go(func() {
		err := r.fill(c)
		r.mu.Lock()
		defer r.mu.Unlock()
		c.done, c.err = true, err
		r.cond.Broadcast()
	})
	return true
}

// next cuts the next chunk off the parts, and is nil after the last.
func (r *reader) next() *chunk {
	for r.part < len(r.parts) && r.offset >= r.parts[r.part].Size {
		r.part, r.offset = r.part+1, 0
	}
	if r.part == len(r.parts) {
		return nil
	}
	size := r.opts.ChunkBytes
	if !r.started {
		size = min(size, headBytes)
	}
	c := &chunk{object: r.parts[r.part], offset: r.offset}
	c.buf = r.buffer(min(size, c.object.Size-r.offset))
	r.offset += int64(len(c.buf))
	return c
}

// buffer returns size bytes, out of a used buffer where one is large enough.
func (r *reader) buffer(size int64) []byte {
	for len(r.spare) > 0 {
		b := r.spare[len(r.spare)-1]
		r.spare = r.spare[:len(r.spare)-1]
		if int64(cap(b)) >= size {
			return b[:size]
		}
	}
	return make([]byte, size)
}

// Close implements io.Closer.
func (r *reader) Close() error {
	r.mu.Lock()
	r.closed = true
	r.cond.Broadcast()
	r.mu.Unlock()
	r.cancel(errClosed)
	r.unhook()
	gone := make(chan struct{})
	go func() { r.fillers.Wait(); close(gone) }()
	timer := time.NewTimer(closeTimeout)
	defer timer.Stop()
	select {
	case <-gone:
	case <-timer.C:
	}
	return nil
}
