package sqlite

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"lifeboat/engine"
)

// magic begins every database file.
const magic = "SQLite format 3\x00"

const headerSize = 100

// header is what the first 100 bytes of a database file say.
type header struct {
	pageSize int64
	reserved int64            // bytes at the end of each page that hold no data
	pages    int64            // 0 when the header does not know
	wal      bool             // the database is kept with a write-ahead log
	utf16    binary.ByteOrder // of text stored in UTF-16, nil for UTF-8
	appID    uint32           // of the application, where one set it
	version  string           // of the library that wrote it last
}

// parseHeader reads the header of a database file.
func parseHeader(b []byte) (header, error) {
	if !bytes.HasPrefix(b, []byte(magic)) {
		return header{}, fmt.Errorf("%w: it does not begin as a SQLite database does", engine.ErrFormat)
	}
	if len(b) < headerSize {
		return header{}, fmt.Errorf("%w: the header has %d of %d bytes", engine.ErrTruncated, len(b), headerSize)
	}
	h := header{
		pageSize: int64(binary.BigEndian.Uint16(b[16:])),
		reserved: int64(b[20]),
		wal:      b[18] == 2 || b[19] == 2,
		appID:    binary.BigEndian.Uint32(b[68:]),
	}
	if h.pageSize == 1 {
		h.pageSize = 65536 // it does not fit into two bytes
	}
	corrupt := func(format string, args ...any) (header, error) {
		return header{}, fmt.Errorf("%w: the header says %s", engine.ErrCorrupt, fmt.Sprintf(format, args...))
	}
	encoding := binary.BigEndian.Uint32(b[56:])
	switch {
	case h.pageSize < 512 || h.pageSize&(h.pageSize-1) != 0:
		return corrupt("that a page has %d bytes", h.pageSize)
	case h.pageSize-h.reserved < 480:
		return corrupt("that %d bytes of each page are reserved", h.reserved)
	case b[21] != 64 || b[22] != 32 || b[23] != 32:
		return corrupt("that payload fractions are %d, %d and %d", b[21], b[22], b[23])
	case b[18] > 2 || b[19] > 2 || b[18] == 0 || b[19] == 0:
		return corrupt("that the file format is %d and %d", b[18], b[19])
	case encoding > 3:
		return corrupt("that the text encoding is %d", encoding)
	}
	switch encoding {
	case 2:
		h.utf16 = binary.LittleEndian
	case 3:
		h.utf16 = binary.BigEndian
	}
	changed, validFor := binary.BigEndian.Uint32(b[24:]), binary.BigEndian.Uint32(b[92:])
	if changed == validFor { // otherwise an old library wrote last and left the size as it was
		h.pages = int64(binary.BigEndian.Uint32(b[28:]))
	}
	if v := binary.BigEndian.Uint32(b[96:]); v > 0 {
		h.version = fmt.Sprintf("%d.%d.%d", v/1_000_000, v/1000%1000, v%1000)
	}
	return h, nil
}
