package archive

import (
	"bufio"
	"errors"
	"io"

	"lifeboat/engine"
)

// maxKept bounds how much of one string is kept. The longest ones are definitions of
// views and functions, of which only the beginning is of interest.
const maxKept = 1 << 20

// decoder reads the archiver's basic values. The first error sticks, so that callers
// check once for a group of values.
type decoder struct {
	r       *bufio.Reader
	intSize int
	offSize int
	err     error
}

// fail makes err stick, unless it is nil or another one came first.
func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// byte reads one byte; at the end of the stream it fails with io.ErrUnexpectedEOF.
func (d *decoder) byte() int {
	if d.err != nil {
		return 0
	}
	b, err := d.r.ReadByte()
	if err != nil {
		d.fail(unexpected(err))
		return 0
	}
	return int(b)
}

// int reads a sign byte and a little-endian magnitude of the archive's integer size.
func (d *decoder) int() int64 {
	sign := d.byte()
	v := d.magnitude(d.intSize)
	if sign > 1 {
		d.fail(fact(engine.ErrCorrupt, "a number has the sign byte %d", sign))
	}
	if sign == 1 {
		return -v
	}
	return v
}

// magnitude reads an unsigned little-endian number that must fit an int64.
func (d *decoder) magnitude(size int) int64 {
	var v uint64
	for i := range size {
		b := d.byte()
		switch {
		case i < 8:
			v |= uint64(b) << (8 * i)
		case b != 0:
			d.fail(fact(engine.ErrCorrupt, "a number of %d bytes is out of range", size))
		}
	}
	if v > 1<<63-1 {
		d.fail(fact(engine.ErrCorrupt, "a number of %d bytes is out of range", size))
		return 0
	}
	return int64(v)
}

// text reads a string; a missing one is empty and not ok. At most maxKept bytes
// are kept, and memory grows only with bytes that are really there.
func (d *decoder) text() (s string, ok bool) {
	n := d.length()
	if d.err != nil || n < 0 {
		return "", false
	}
	keep := min(n, maxKept)
	var b []byte
	for int64(len(b)) < keep && d.err == nil {
		step := min(keep-int64(len(b)), int64(d.r.Size()))
		chunk, err := d.r.Peek(int(step))
		b = append(b, chunk...)
		if err != nil {
			d.fail(unexpected(err))
		}
		_, _ = d.r.Discard(len(chunk)) // just peeked
	}
	d.discard(n - keep)
	return string(b), d.err == nil
}

// skipText passes over a string and reports whether it was there.
func (d *decoder) skipText() bool {
	n := d.length()
	if n > 0 {
		d.discard(n)
	}
	return n >= 0 && d.err == nil
}

// length reads the length of a string, -1 for a missing one.
func (d *decoder) length() int64 {
	n := d.int()
	if n < -1 || n > 1<<31 {
		d.fail(fact(engine.ErrCorrupt, "a string is said to have %d bytes", n))
	}
	return n
}

func (d *decoder) discard(n int64) {
	for n > 0 && d.err == nil {
		done, err := d.r.Discard(int(min(n, 1<<20)))
		n -= int64(done)
		if err != nil {
			d.fail(unexpected(err))
		}
	}
}

// unexpected says that the end of a stream came too early.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
