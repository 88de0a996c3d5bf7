package envelope

import (
	"fmt"
	"io"
	"math/bits"

	"lifeboat/storage"
)

// maxXzBlocks bounds the index that a decoder keeps of a stream's blocks. At xz's own
// block sizes this many hold 80 TiB; a file made of tiny blocks reaches it.
const maxXzBlocks = 1 << 22

func tooLarge(why string) error { return fmt.Errorf("%w: %s", storage.ErrTooLarge, why) }

// xzGuard reads along with the decoder and stops it before it allocates the dictionary
// that a block's header asks for, which may be 4 GiB. It checks nothing else: what it
// does not understand it leaves to the decoder.
type xzGuard struct {
	r      io.Reader
	err    error
	off    bool         // the stream is none that can be followed
	skip   int64        // bytes to pass over
	buf    []byte       // bytes of the part being collected
	need   int          // how many it consists of
	part   func([]byte) // what to do with it; nil before the first
	check  int64        // bytes of check after each block of this stream
	blocks int          // seen in all
	packed int64        // bytes of the block's data so far
	index  int64        // bytes of the index so far
	left   uint64       // numbers of the index still to come
	shift  uint         // bits of the present number
	number uint64
}

// Read implements io.Reader.
func (g *xzGuard) Read(p []byte) (int, error) {
	if g.err != nil {
		return 0, g.err
	}
	n, err := g.r.Read(p)
	if g.follow(p[:n]); g.err != nil {
		return 0, g.err
	}
	return n, err
}

// follow walks over the next bytes.
func (g *xzGuard) follow(p []byte) {
	if g.part == nil {
		g.want(4, g.magic)
	}
	for len(p) > 0 && !g.off && g.err == nil {
		if g.skip > 0 {
			n := min(g.skip, int64(len(p)))
			g.skip -= n
			p = p[n:]
			continue
		}
		n := min(g.need-len(g.buf), len(p))
		g.buf = append(g.buf, p[:n]...)
		if p = p[n:]; len(g.buf) == g.need {
			part := g.buf
			g.buf = g.buf[len(g.buf):] // the part stays intact while it is looked at
			g.part(part)
		}
	}
}

// want asks for the next n bytes.
func (g *xzGuard) want(n int, part func([]byte)) {
	g.need, g.part, g.buf = n, part, make([]byte, 0, n)
}

func (g *xzGuard) magic(b []byte) {
	switch string(b) {
	case "\x00\x00\x00\x00": // padding between streams
		g.want(4, g.magic)
	case "\xfd7zX":
		g.want(8, g.flags)
	default:
		g.err = fmt.Errorf("%w: what follows a stream is not another one", storage.ErrCorrupt)
	}
}

// flags reads the rest of the stream header; the kind of check gives its size.
func (g *xzGuard) flags(b []byte) {
	g.check = [16]int64{0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64}[b[3]&0x0f]
	g.want(1, g.blockStart)
}

// blockStart reads the size of a block's header, or the mark of the index.
func (g *xzGuard) blockStart(b []byte) {
	if b[0] == 0 {
		g.index, g.left, g.shift, g.number = 1, 0, 0, 0
		g.want(1, g.indexCount)
		return
	}
	if g.blocks++; g.blocks > maxXzBlocks {
		g.err = tooLarge("it consists of too many blocks")
		return
	}
	g.want(int(b[0])*4+3, g.blockHeader)
}

// blockHeader finds the dictionary size in a block's header.
func (g *xzGuard) blockHeader(b []byte) {
	rest := b[1:]
	for _, bit := range []byte{0x40, 0x80} { // packed and plain size, where they are given
		if b[0]&bit != 0 {
			_, rest = varint(rest)
		}
	}
	id, rest := varint(rest)
	size, rest := varint(rest)
	if b[0]&0x3f != 0 || id != 0x21 || size != 1 || len(rest) == 0 || rest[0] > 40 {
		g.off = true // not LZMA2 alone: the decoder refuses it
		return
	}
	if exp := rest[0]; (2|uint64(exp&1))<<(exp/2+11) > maxWindow {
		g.err = tooLarge("it asks for a dictionary of more than 128 MiB")
		return
	}
	g.packed = 0
	g.want(1, g.chunk)
}

// chunk reads the control byte of a chunk of LZMA2.
func (g *xzGuard) chunk(b []byte) {
	switch c := b[0]; {
	case c == 0:
		g.packed++
		g.skip = -g.packed&3 + g.check
		g.want(1, g.blockStart)
	case c <= 2:
		g.want(2, func(b []byte) { g.chunkBody(3, b) })
	case c >= 0xc0:
		g.want(5, func(b []byte) { g.chunkBody(6, b[2:4]) })
	case c >= 0x80:
		g.want(4, func(b []byte) { g.chunkBody(5, b[2:4]) })
	default:
		g.off = true
	}
}

func (g *xzGuard) chunkBody(header int64, size []byte) {
	g.skip = int64(size[0])<<8 + int64(size[1]) + 1
	g.packed += header + g.skip
	g.want(1, g.chunk)
}

// indexCount and indexNumber pass over the index, which has two numbers per block.
func (g *xzGuard) indexCount(b []byte) {
	if !g.digit(b[0]) {
		return
	}
	if g.number > maxXzBlocks {
		g.off = true // more records than blocks were seen: the decoder refuses it
		return
	}
	g.left = 2 * g.number
	g.indexNext()
}

func (g *xzGuard) indexNumber(b []byte) {
	if g.digit(b[0]) {
		g.left--
		g.indexNext()
	}
}

func (g *xzGuard) indexNext() {
	g.shift, g.number = 0, 0
	if g.left > 0 {
		g.want(1, g.indexNumber)
		return
	}
	const crcAndFooter = 4 + 12
	g.skip = -g.index&3 + crcAndFooter
	g.want(4, g.magic)
}

// digit adds seven bits to the present number and reports whether it is complete.
func (g *xzGuard) digit(b byte) bool {
	g.index++
	g.number |= uint64(b&0x7f) << g.shift
	g.shift += 7
	if b&0x80 == 0 {
		return true
	}
	if g.shift >= bits.UintSize {
		g.off = true
		return false
	}
	g.want(1, g.part)
	return false
}

// varint reads a number of seven bits a byte, the low ones first.
func varint(b []byte) (n uint64, rest []byte) {
	for i := 0; i < len(b) && i < 9; i++ {
		n |= uint64(b[i]&0x7f) << (7 * i)
		if b[i]&0x80 == 0 {
			return n, b[i+1:]
		}
	}
	return 0, nil
}
