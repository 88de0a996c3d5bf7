package archive

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"lifeboat/engine"
	"lifeboat/engine/postgres/sqltext"
)

// maxWindow bounds the memory of the zstd decoder; it is what pg_dump's long-distance
// matching (--compress=zstd:long) asks for.
const maxWindow = 128 << 20

// Rows is what was counted in the data of one entry. Data that may be COPY text as well
// as INSERT statements is counted as both, for the table of contents, which may come
// later, to decide.
type Rows struct {
	copied   int64
	closed   bool // the COPY text has its closing line
	inserted int64
	parsed   bool // all of it is INSERT statements, the last one complete
	first    string
}

// First is the beginning of the first INSERT statement, if the data has any.
func (r Rows) First() string { return r.first }

// Count returns the rows of data loaded by the given COPY statement, or by INSERT
// statements where that is empty. It fails with ErrTruncated when the data does not
// end as it must; the rows seen come with the error.
func (r Rows) Count(copyStmt string) (int64, error) {
	switch {
	case copyStmt != "" && !r.closed:
		return r.copied, fact(engine.ErrTruncated, "rows end without a closing line after %d", r.copied)
	case copyStmt != "":
		return r.copied, nil
	case !r.parsed:
		return r.inserted, fact(engine.ErrTruncated, "INSERT statements end too early after %d rows", r.inserted)
	}
	return r.inserted, nil
}

// counter inflates and counts data. It is used by one goroutine at a time and keeps its
// decoders for the next entry.
type counter struct {
	zlib   io.ReadCloser
	gzip   *gzip.Reader
	zstd   *zstd.Decoder
	lz4    *lz4.Reader
	buf    []byte
	Escape bool // backslashes escape in the strings of this dump
}

func newCounter() *counter { return &counter{buf: make([]byte, 256<<10)} }

// close frees the decoders.
func (c *counter) close() {
	if c.zstd != nil {
		c.zstd.Close()
	}
}

// What the compressions are called here. The head of an archive knows gzip, which in
// a custom archive means zlib streams.
const (
	none     = "none"
	zlibData = "zlib"
	gzipData = "gzip"
	lz4Data  = "lz4"
	zstdData = "zstd"
)

// inflate returns a reader of the plain bytes of r.
func (c *counter) inflate(r io.Reader, compression string) (io.Reader, error) {
	switch compression {
	case none:
		return r, nil
	case zlibData:
		if c.zlib == nil {
			z, err := zlib.NewReader(r)
			c.zlib = z
			return z, err
		}
		return c.zlib, c.zlib.(zlib.Resetter).Reset(r, nil)
	case gzipData:
		if c.gzip == nil {
			c.gzip = new(gzip.Reader)
		}
		return c.gzip, c.gzip.Reset(r)
	case lz4Data:
		if c.lz4 == nil {
			c.lz4 = lz4.NewReader(r)
		}
		c.lz4.Reset(r)
		return c.lz4, nil
	case zstdData:
		if c.zstd == nil {
			z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
				zstd.WithDecoderMaxWindow(maxWindow))
			if err != nil {
				return nil, err
			}
			c.zstd = z
		}
		return c.zstd, c.zstd.Reset(r)
	}
	return nil, fact(engine.ErrFormat, "uses the unknown compression %q", compression)
}

// open is inflate for data that may be empty altogether, which lz4 and zstd make of
// nothing: then the reader is nil. finish is to be called at the end of the plain bytes,
// and finds what follows the stream.
func (c *counter) open(r io.Reader, compression string) (plain io.Reader, finish func() error, err error) {
	finish = func() error { return nil }
	if compression == none {
		return r, finish, nil
	}
	br := bufio.NewReaderSize(r, 64<<10)
	if _, err := br.Peek(1); err != nil {
		if compression == lz4Data || compression == zstdData {
			return nil, finish, atEnd(err)
		}
		return nil, finish, unexpected(err)
	}
	plain, err = c.inflate(br, compression)
	return plain, func() error {
		if _, err := br.ReadByte(); err != nil {
			return atEnd(err)
		}
		return fact(engine.ErrCorrupt, "compressed data is followed by something else")
	}, err
}

// drain inflates r to its end, which checks what checksums it has, and counts nothing.
func (c *counter) drain(r io.Reader, compression string) error {
	plain, finish, err := c.open(r, compression)
	if plain == nil || err != nil {
		return err
	}
	if err := c.each(plain, func([]byte) {}); err != nil {
		return err
	}
	return finish()
}

// rows inflates r to its end and counts its rows. Where it stops early, the rows so far
// come with the error.
func (c *counter) rows(r io.Reader, compression string) (Rows, error) {
	plain, finish, err := c.open(r, compression)
	if plain == nil || err != nil {
		return Rows{}, err
	}
	head := bufio.NewReaderSize(plain, 16) // larger reads go past this buffer
	begin, err := head.Peek(len(insertHead))
	if err != nil && !errors.Is(err, io.EOF) {
		return Rows{}, err
	}
	var rows Rows
	if bytes.Equal(begin, insertHead) || len(bytes.TrimSpace(begin)) == 0 {
		rows, err = c.either(head)
	} else {
		rows, err = c.copied(head)
	}
	if err != nil {
		return rows, err
	}
	return rows, finish()
}

var insertHead = []byte("INSERT INTO ")

// copied counts COPY text.
func (c *counter) copied(r io.Reader) (Rows, error) {
	var t copyText
	err := c.each(r, t.feed)
	if err == nil && t.more {
		err = fact(engine.ErrCorrupt, "rows go on after their closing line")
	}
	return Rows{copied: t.Rows, closed: t.whole()}, err
}

// copyText counts the COPY text of one entry, which ends in the closing line and two
// empty ones.
type copyText struct {
	sqltext.CopyRows
	empty int  // lines after the closing one
	more  bool // something else follows
}

func (t *copyText) feed(b []byte) {
	if n := t.Feed(b); n < len(b) {
		lines := bytes.Count(b[n:], []byte{'\n'})
		t.empty += lines
		t.more = t.more || lines < len(b)-n
	}
}

// whole reports whether it ended as it must.
func (t *copyText) whole() bool { return t.Done && t.empty >= 2 && !t.more }

// Write implements io.Writer.
func (t *copyText) Write(b []byte) (int, error) {
	t.feed(b)
	return len(b), nil
}

// either counts data that begins like INSERT statements, which the first row of COPY
// text might do as well.
func (c *counter) either(r io.Reader) (Rows, error) {
	var t copyText
	var end lastBytes
	tee := io.TeeReader(r, io.MultiWriter(&t, &end))
	s := sqltext.NewScanner(tee)
	s.Escapes = c.Escape
	var rows Rows
	only := true // INSERT statements
	for {
		kind, err := s.Next()
		if kind == sqltext.Statement && err == nil {
			n, ok := s.Tuples()
			if rows.first == "" {
				rows.first = string(s.Text())
			}
			rows.inserted += n
			only = only && ok
			continue
		}
		if err == nil {
			only = false // comments and psql commands do not occur in such data
			continue
		}
		var open *sqltext.OpenError
		if !errors.Is(err, io.EOF) && !errors.As(err, &open) {
			return rows, err
		}
		rows.parsed = only && open == nil && end.blank(rows.inserted > 0)
		break
	}
	rows.copied, rows.closed = t.Rows, t.whole()
	return rows, nil
}

// lastBytes remembers how a stream ends.
type lastBytes [3]byte

// Write implements io.Writer.
func (l *lastBytes) Write(b []byte) (int, error) {
	for _, c := range b[max(0, len(b)-len(l)):] {
		l[0], l[1], l[2] = l[1], l[2], c
	}
	return len(b), nil
}

// blank reports whether the stream ends in two empty lines, as INSERT statements do,
// the end of the last statement's line before them.
func (l *lastBytes) blank(statements bool) bool {
	return *l == lastBytes{'\n', '\n', '\n'} || !statements && *l == lastBytes{0, '\n', '\n'}
}

// each hands all bytes of r to f, a piece at a time.
func (c *counter) each(r io.Reader, f func([]byte)) error {
	for {
		n, err := r.Read(c.buf)
		f(c.buf[:n])
		if err != nil {
			return atEnd(err)
		}
	}
}

// atEnd turns the regular end of a stream into success.
func atEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
