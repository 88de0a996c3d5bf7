package envelope

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"lifeboat/storage"
)

const bufferSize = 64 << 10

// layer is one opened layer. Its decoder's errors are turned into the facts that
// package storage names.
type layer struct {
	name  string
	r     io.Reader // the decoder
	below *tap      // what the decoder reads
	left  int64     // bytes it may still yield
	// cause is what the layer knows better than its decoder's error, nil for nothing.
	cause func() error
	// unproven is true for decryption that cannot tell a wrong key from a right one.
	unproven bool
	close    func() // frees what the decoder holds; may be nil
	err      error
}

// Read implements io.Reader.
func (l *layer) Read(p []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	if int64(len(p)) > l.left+1 { // one byte more than allowed tells that there is more
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		n, l.left = n-1, 0
		err = fmt.Errorf("%w: the limit of the opened bytes is reached", storage.ErrTooLarge)
	}
	if err != nil {
		l.err = l.explain(err)
	}
	return n, l.err
}

// explain says what an error of the decoder means. What the stream below said is
// passed on as it is: it is not this layer's fault.
func (l *layer) explain(err error) error {
	if below := l.below.failure(); below != nil {
		return below
	}
	if l.cause != nil {
		if cause := l.cause(); cause != nil {
			return fmt.Errorf("%s: %w", l.name, cause)
		}
	}
	switch {
	case err == io.EOF:
		return io.EOF
	case isFact(err):
		return fmt.Errorf("%s: %w", l.name, err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s: %w", l.name, storage.ErrTruncated)
	}
	return fmt.Errorf("%s: %w: %w", l.name, storage.ErrCorrupt, err)
}

// isFact reports whether err already says what it means.
func isFact(err error) bool {
	for _, fact := range []error{storage.ErrTruncated, storage.ErrCorrupt, storage.ErrDecrypt, storage.ErrKeyMissing, storage.ErrTooLarge} {
		if errors.Is(err, fact) {
			return true
		}
	}
	return false
}

// headErr turns a clean end of input into a truncation: a layer that was recognised
// has to have the rest of its header.
func headErr(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// tap passes reads through and remembers how the stream ended. A decoder may read
// from a goroutine of its own.
type tap struct {
	r   io.Reader
	mu  sync.Mutex
	err error
}

// Read implements io.Reader.
func (t *tap) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	if err != nil {
		t.mu.Lock()
		t.err = err
		t.mu.Unlock()
	}
	return n, err
}

// failure is the error that broke the stream, nil while it is sound or came to its end.
func (t *tap) failure() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == io.EOF {
		return nil
	}
	return t.err
}

// ended reports whether the stream was read to its end.
func (t *tap) ended() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err == io.EOF
}
