// Package archive reads the archives that pg_dump writes (custom, tar and directory
// format) in one pass and bounded memory: what they promise to hold, whether they
// are whole, and how many rows each table has. It restores nothing, and it trusts no
// length, offset or count it reads.
//
// What damage can be seen depends on the archive. zlib and gzip data carries a
// checksum, so that any change of it is found. pg_dump asks neither zstd nor lz4 for
// checksums, and plain data has none: there only damage to the structure is found,
// and a changed letter inside a row is not. The table of contents and the numbers of
// large objects have no checksum in any archive, and a large object in an uncompressed
// directory may lose its end unnoticed. Only a checksum of the whole dump shows these.
package archive

import (
	"context"
	"errors"
	"fmt"
	"io"

	"lifeboat/engine"
	"lifeboat/internal/units"
)

// fact wraps one of the sentinels of package engine with what was seen.
func fact(sentinel error, format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), sentinel)
}

// Source counts the bytes of a stream and remembers how it ended, so that a failure
// of the stream itself can be told from damage to what it carries.
type Source struct {
	R   io.Reader
	N   int64 // bytes read so far
	err error
}

// Read implements io.Reader.
func (s *Source) Read(p []byte) (int, error) {
	n, err := s.R.Read(p)
	s.N += int64(n)
	if err != nil {
		s.err = err
	}
	return n, err
}

// Ended reports whether the stream was read to its regular end.
func (s *Source) Ended() bool { return errors.Is(s.err, io.EOF) }

// Blame returns the stream's own error, if it had one, in place of err. Otherwise a
// stream that has ended while more was expected of it is truncated, and err, when it
// is not yet one of the facts of package engine, means damage.
func (s *Source) Blame(err error) error {
	switch {
	case err == nil:
		return nil
	case s.err != nil && !errors.Is(s.err, io.EOF):
		return s.err
	case errors.Is(err, engine.ErrTruncated), errors.Is(err, engine.ErrCorrupt), errors.Is(err, engine.ErrFormat):
		return err
	case s.Ended() && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)):
		return fact(engine.ErrTruncated, "ends after %s bytes", units.Count(s.N))
	}
	return fact(engine.ErrCorrupt, "at byte %d: %v", s.N, err)
}

// contextReader stops reading when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func withContext(ctx context.Context, r io.Reader) io.Reader { return contextReader{ctx, r} }

// Read implements io.Reader.
func (c contextReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}
