package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"lifeboat/engine"
)

// pager reads pages of a database file as they stand once the committed part of its
// log is applied. It is our own reader, so that what it counts is a witness of what
// SQLite makes of the same bytes.
type pager struct {
	header
	file  io.ReaderAt
	held  int64 // pages that the file holds
	total int64 // pages of the database
	log   io.ReaderAt
	moved map[int64]int64 // offset in the log of pages that are newer there
	tail  int             // frames in the log that belong to no committed transaction
}

// errBeyond means that a page lies behind the end of the file.
var errBeyond = errors.New("it lies behind the end of the file")

// newPager opens a database file of size bytes, with its log unless that is nil.
func newPager(file io.ReaderAt, size int64, log io.ReaderAt) (*pager, error) {
	head := make([]byte, headerSize)
	n, err := file.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	h, err := parseHeader(head[:n])
	if err != nil {
		return nil, err
	}
	p := &pager{header: h, file: file, held: size / h.pageSize, total: h.pages, log: log}
	if log != nil {
		if err := p.readLog(); err != nil {
			return nil, err
		}
	}
	if p.total == 0 {
		p.total = (size + h.pageSize - 1) / h.pageSize
	}
	return p, nil
}

// missing is the first page of the database that is nowhere, 0 when there is none.
func (p *pager) missing() int64 {
	for n := p.held + 1; n <= p.total; n++ {
		if _, ok := p.moved[n]; !ok {
			return n
		}
	}
	return 0
}

// read fills b from page n at an offset into it.
func (p *pager) read(b []byte, n, at int64) error {
	if n > p.total && p.pages == 0 {
		return fmt.Errorf("page %d: %w", n, errBeyond)
	}
	if n < 1 || n > p.total || at+int64(len(b)) > p.pageSize {
		return fmt.Errorf("%w: page %d of %d is referred to", engine.ErrCorrupt, n, p.total)
	}
	src, offset := p.file, (n-1)*p.pageSize
	if moved, ok := p.moved[n]; ok {
		src, offset = p.log, moved
	}
	got, err := src.ReadAt(b, offset+at)
	switch {
	case got == len(b):
		return nil
	case err == io.EOF:
		return fmt.Errorf("page %d: %w", n, errBeyond)
	}
	return err
}

const (
	logHeaderSize   = 32
	frameHeaderSize = 24
)

// readLog finds the pages that committed transactions left in the log. It ends at the
// first frame that is not sound, as SQLite does: what follows is of an older time.
func (p *pager) readLog() error {
	head := make([]byte, logHeaderSize)
	if n, err := p.log.ReadAt(head, 0); n < len(head) {
		return ignoreEnd(err)
	}
	sum := logSum{order: binary.LittleEndian}
	if head[3] == 0x83 {
		sum.order = binary.BigEndian
	}
	sum.add(head[:24])
	if !sum.equals(head[24:]) || int64(binary.BigEndian.Uint32(head[8:])) != p.pageSize {
		return nil
	}
	p.moved = map[int64]int64{}
	frame := make([]byte, frameHeaderSize+p.pageSize)
	pending := map[int64]int64{}
	for at := int64(logHeaderSize); ; at += int64(len(frame)) {
		n, err := p.log.ReadAt(frame, at)
		if n < len(frame) {
			p.tail = len(pending)
			return ignoreEnd(err)
		}
		sum.add(frame[:8])
		sum.add(frame[frameHeaderSize:])
		if string(frame[8:16]) != string(head[16:24]) || !sum.equals(frame[16:24]) {
			p.tail = len(pending)
			return nil
		}
		pending[int64(binary.BigEndian.Uint32(frame))] = at + frameHeaderSize
		if committed := int64(binary.BigEndian.Uint32(frame[4:])); committed > 0 {
			for page, offset := range pending {
				p.moved[page] = offset
			}
			clear(pending)
			p.total = committed
		}
	}
}

func ignoreEnd(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// logSum is the running checksum of a log.
type logSum struct {
	order binary.ByteOrder
	a, b  uint32
}

// add takes a multiple of eight bytes.
func (s *logSum) add(p []byte) {
	for ; len(p) >= 8; p = p[8:] {
		s.a += s.order.Uint32(p) + s.b
		s.b += s.order.Uint32(p[4:]) + s.a
	}
}

func (s *logSum) equals(p []byte) bool {
	return binary.BigEndian.Uint32(p) == s.a && binary.BigEndian.Uint32(p[4:]) == s.b
}
