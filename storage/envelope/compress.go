package envelope

import (
	"bufio"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"

	"lifeboat/internal/zeros"
	"lifeboat/storage"
)

// maxWindow bounds the memory a decompressor may ask for: it is what zstd's own tool
// allows unless told otherwise, and twice what xz -9 uses.
const maxWindow = 128 << 20

func openGzip(_ *Opener, l *layer) error {
	in := bufio.NewReaderSize(l.below, bufferSize)
	r, err := gzip.NewReader(in)
	if err != nil {
		return headErr(err)
	}
	r.Multistream(false)
	l.r = &gzipReader{member: r, in: in}
	return nil
}

// gzipReader reads members one after the other. It looks at the mark of each itself:
// the decoder calls a few bytes of garbage a member that was cut.
type gzipReader struct {
	member *gzip.Reader
	in     *bufio.Reader
}

func (g *gzipReader) Read(p []byte) (int, error) {
	n, err := g.member.Read(p)
	if err != io.EOF {
		return n, err
	}
	mark, err := g.in.Peek(2)
	switch {
	case err != nil && err != io.EOF:
		return n, err
	case len(mark) == 0:
		return n, io.EOF
	case mark[0] == 0:
		return n, padding(g.in)
	case !strings.HasPrefix("\x1f\x8b", string(mark)):
		return n, fmt.Errorf("%w: what follows a member is not another one", storage.ErrCorrupt)
	}
	if err := g.member.Reset(g.in); err != nil {
		return n, headErr(err)
	}
	g.member.Multistream(false)
	return n, nil
}

// padding reads to the end of in and returns io.EOF if nothing but zeros is there: gzip
// and bzip2 open such files, too.
func padding(in *bufio.Reader) error {
	switch alone, err := zeros.Alone(in); {
	case err != nil:
		return err
	case !alone:
		return fmt.Errorf("%w: what follows is neither another part nor zeros alone", storage.ErrCorrupt)
	}
	return io.EOF
}

func openZstd(_ *Opener, l *layer) error {
	r, err := zstd.NewReader(l.below, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true), zstd.WithDecoderConcurrency(2))
	if err != nil {
		return headErr(err)
	}
	l.r, l.close = zstdReader{r}, r.Close
	return nil
}

// zstdReader says which of its errors are limits.
type zstdReader struct{ *zstd.Decoder }

func (z zstdReader) Read(p []byte) (int, error) {
	n, err := z.Decoder.Read(p)
	if errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		err = tooLarge("it asks for a window of more than 128 MiB")
	}
	return n, err
}

func openXz(_ *Opener, l *layer) error {
	in := &xzGuard{r: l.below}
	l.cause = func() error { return in.err }
	r, err := xz.NewReader(bufio.NewReaderSize(in, bufferSize))
	if err != nil {
		return headErr(err)
	}
	l.r = r
	return nil
}

func openLz4(_ *Opener, l *layer) error {
	l.r = lz4.NewReader(l.below)
	return nil
}

func openBzip2(_ *Opener, l *layer) error {
	in := &lastBytes{Reader: bufio.NewReaderSize(l.below, bufferSize)}
	l.r = &bzip2Reader{r: bzip2.NewReader(in), in: in}
	return nil
}

// noNextStream is what the decoder says of two bytes behind a stream that begin no
// other one. It has read no further then.
const noNextStream = bzip2.StructuralError("bad magic value in continuation file")

// bzip2Reader accepts zeros behind the last stream.
type bzip2Reader struct {
	r  io.Reader
	in *lastBytes
}

func (b *bzip2Reader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if errors.Is(err, noNextStream) && b.in.last == [2]byte{} {
		err = padding(b.in.Reader)
	}
	return n, err
}

// lastBytes remembers the two bytes read last.
type lastBytes struct {
	*bufio.Reader
	last [2]byte
}

// ReadByte implements io.ByteReader, by which alone the decoder reads.
func (l *lastBytes) ReadByte() (byte, error) {
	b, err := l.Reader.ReadByte()
	if err == nil {
		l.last[0], l.last[1] = l.last[1], b
	}
	return b, err
}
