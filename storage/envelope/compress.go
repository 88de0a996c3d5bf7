package envelope

import (
	"bufio"
	"compress/bzip2"
	"errors"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
)

// maxWindow bounds the memory a decompressor may ask for: it is what zstd's own tool
// allows unless told otherwise, and twice what xz -9 uses.
const maxWindow = 128 << 20

func openGzip(_ *Opener, l *layer) error {
	r, err := gzip.NewReader(l.below)
	if err != nil {
		return headErr(err)
	}
	l.r = r
	return nil
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
	l.r = bzip2.NewReader(l.below)
	return nil
}
