// Package envelope opens the layers of encryption and compression around a dump
// while it streams by. It holds no more than buffers, writes nothing anywhere, and
// never guesses: a layer is recognised by its first bytes, and every way in which
// it can be broken has an error of its own.
package envelope

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"lifeboat/storage"
)

// maxLayers bounds how deep envelopes may be nested. People use two; a file made to
// hurt uses thousands.
const maxLayers = 8

// DefaultBytes is how many bytes a layer may open to where Limits does not say.
const DefaultBytes = 1 << 40

// Limits bound what opening may cost.
type Limits struct {
	Bytes int64 // each layer may open to this many bytes; 0 means DefaultBytes
}

// Opener opens envelopes. It is safe for concurrent use.
type Opener struct {
	keys  *Keys // behind a pointer, so that printing an Opener prints no key
	limit int64
}

var _ storage.Opener = (*Opener)(nil)

// New returns an opener that decrypts with k and stops at l.
func New(k Keys, l Limits) *Opener {
	o := &Opener{keys: &k, limit: l.Bytes}
	if o.limit <= 0 {
		o.limit = DefaultBytes
	}
	return o
}

// Open implements storage.Opener. Of a file of a directory dump the suffix of each
// layer is taken off, from the right, until the name is one that the directory
// format itself knows; what is then left is part of the dump. The heads of all
// layers are read here, so a wrong key usually shows at once. Closing the stream
// frees what the layers hold; r remains the caller's to close.
func (o *Opener) Open(r io.Reader, name string) (storage.Opened, error) {
	s := &stream{top: bufio.NewReaderSize(r, bufferSize)}
	if err := o.open(s, name); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Inner implements storage.Opener.
func (o *Opener) Inner(name string) string {
	for !isDumpFile(name) {
		stripped := name
		for _, k := range kinds {
			if stripped = k.stripSuffix(name); stripped != name {
				break
			}
		}
		if stripped == name {
			break
		}
		name = stripped
	}
	return name
}

// open adds layers to s until none is recognised.
func (o *Opener) open(s *stream, name string) error {
	for !isDumpFile(name) {
		head, err := s.top.Peek(headSize)
		if err != nil && err != io.EOF {
			return err
		}
		k, known := recognise(head)
		if !known {
			return s.doubt(head)
		}
		if len(s.layers) == maxLayers {
			return fmt.Errorf("%w: more than %d layers are nested", storage.ErrTooLarge, maxLayers)
		}
		if err := s.push(o, k); err != nil {
			return err
		}
		name = k.stripSuffix(name)
	}
	return nil
}

// stream is an envelope being opened.
type stream struct {
	top    *bufio.Reader // reads the innermost layer
	layers []*layer      // outermost first
	closed bool
}

// push opens one more layer on top of s.
func (s *stream) push(o *Opener, k kind) error {
	l := &layer{name: k.name, below: &tap{r: s.top}, left: o.limit}
	s.layers = append(s.layers, l)
	if err := k.open(o, l); err != nil {
		return l.explain(err)
	}
	s.top = bufio.NewReaderSize(l, bufferSize)
	return nil
}

// doubt reports a wrong key where the innermost layer cannot tell by itself: what it
// decrypts to then looks like noise.
func (s *stream) doubt(head []byte) error {
	if len(s.layers) == 0 {
		return nil
	}
	l := s.layers[len(s.layers)-1]
	if !l.unproven || plausible(head) {
		return nil
	}
	return fmt.Errorf("%s: %w: it opens to nothing but noise, so the key, the password or a parameter is wrong", l.name, storage.ErrDecrypt)
}

// Read implements io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	if s.closed {
		return 0, errClosed
	}
	return s.top.Read(p)
}

// WriteTo lets io.Copy use the buffer that is there.
func (s *stream) WriteTo(w io.Writer) (int64, error) {
	if s.closed {
		return 0, errClosed
	}
	return s.top.WriteTo(w)
}

var errClosed = errors.New("read of a closed envelope")

// Close implements io.Closer. It may be called twice.
func (s *stream) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	for i := len(s.layers) - 1; i >= 0; i-- {
		if l := s.layers[i]; l.close != nil {
			l.close()
		}
	}
	return nil
}

// Layers implements storage.Opened.
func (s *stream) Layers() []string {
	names := make([]string, len(s.layers))
	for i, l := range s.layers {
		names[i] = l.name
	}
	return names
}
