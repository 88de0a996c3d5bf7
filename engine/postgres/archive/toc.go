package archive

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"lifeboat/engine"
)

// Magic begins every archive and every toc.dat.
const Magic = "PGDMP"

// Minor versions of the archive format, all of major version 1.
const (
	oldestMinor = 10 // PostgreSQL 8.0
	newestMinor = 16 // PostgreSQL 17 and 18

	minorSection     = 11 // entries say which section they belong to (9.1)
	minorSearchPath  = 13 // names in definitions are qualified (10.3)
	minorTableAM     = 14 // table access method (12)
	minorAlgorithm   = 15 // compression algorithm instead of a gzip level (16)
	minorRelKind     = 16 // kind of relation (17)
	minorBlobGroups  = 16 // several lists of large objects
	maxEntryCount    = 1 << 28
	maxDependencies  = 1 << 24
	formatCustom     = 1
	formatTar        = 3
	headBuffer       = 64 << 10
	offsetNoData     = 3
	offsetNotSet     = 1
	offsetSet        = 2
	maxIntSize       = 32
	maxOffsetSize    = 32
	monthsInYear     = 12
	yearsSince       = 1900
	largestYearCount = 400
)

// Head is the beginning of an archive.
type Head struct {
	Minor         int // of the archive format, whose major version is 1
	Custom        bool
	Compression   string // "none", "gzip", "lz4" or "zstd"
	Database      string
	ServerVersion string
	ToolVersion   string
	// MadeAt is the wall clock of the machine that dumped. The archive does not say in
	// which time zone, so it is taken for UTC and may be off by that zone's offset.
	MadeAt time.Time
}

// Qualified reports whether the names in definitions carry their schema.
func (h Head) Qualified() bool { return h.Minor >= minorSearchPath }

// Entry is one entry of the table of contents. Text is cut after 1 MiB.
type Entry struct {
	Desc   string // kind, "TABLE DATA"
	Tag    string // name, "orders" or "orders orders_pkey"
	Schema string
	Owner  string
	Defn   string // statement that creates it
	Copy   string // statement that loads its data; empty when the data is INSERT statements
	// Data names the data that the archive holds for the entry, empty for none: the file
	// of a tar or directory archive without the suffix of a compression, and in a custom
	// archive the entry's number.
	Data string
}

// TableData describes entries that hold the rows of a table.
const TableData = "TABLE DATA"

// Escapes reports whether e says that backslashes escape in the strings of this dump.
func (e *Entry) Escapes() bool { return e.Desc == "STDSTRINGS" && strings.Contains(e.Defn, "off") }

// ReadTOC reads the head of a custom archive or a toc.dat and its table of contents,
// and nothing after that. Errors of r are returned as they are, facts about the archive
// wrap a sentinel of package engine.
func ReadTOC(ctx context.Context, r io.Reader, h Handler) error {
	src := &Source{R: withContext(ctx, r)}
	d := &decoder{r: bufio.NewReaderSize(src, headBuffer)}
	d.readTOC(h)
	return src.Blame(d.err)
}

func (d *decoder) readTOC(h Handler) {
	head := d.head()
	if d.err != nil {
		return
	}
	h.Head(head)
	d.toc(head, h.Entry)
}

// head reads everything before the table of contents.
func (d *decoder) head() Head {
	magic := make([]byte, len(Magic))
	if _, err := io.ReadFull(d.r, magic); err != nil {
		d.fail(unexpected(err))
		return Head{}
	}
	if string(magic) != Magic {
		d.fail(fact(engine.ErrFormat, "does not begin with %s", Magic))
		return Head{}
	}
	major, minor := d.byte(), d.byte()
	d.byte() // revision, never used
	if d.err == nil {
		d.checkVersion(major, minor)
	}
	h := Head{Minor: minor}
	d.intSize = d.byte()
	d.offSize = d.byte()
	format := d.byte()
	if d.err == nil && (d.intSize < 1 || d.intSize > maxIntSize || d.offSize < 1 || d.offSize > maxOffsetSize) {
		d.fail(fact(engine.ErrCorrupt, "has integers of %d and offsets of %d bytes", d.intSize, d.offSize))
	}
	if d.err == nil && format != formatCustom && format != formatTar {
		d.fail(fact(engine.ErrCorrupt, "has the unknown archive format %d", format))
	}
	h.Custom = format == formatCustom
	h.Compression = d.compression(minor)
	h.MadeAt = d.date()
	h.Database, _ = d.text()
	h.ServerVersion, _ = d.text()
	h.ToolVersion, _ = d.text()
	return h
}

func (d *decoder) checkVersion(major, minor int) {
	switch {
	case major > 1 || major == 1 && minor > newestMinor:
		d.fail(fact(engine.ErrFormat, "archive version %d.%d was made by a newer pg_dump than this Lifeboat knows (up to 1.%d)",
			major, minor, newestMinor))
	case major < 1 || minor < oldestMinor:
		d.fail(fact(engine.ErrFormat, "archive version %d.%d is older than any this Lifeboat reads (from 1.%d)",
			major, minor, oldestMinor))
	}
}

func (d *decoder) compression(minor int) string {
	if minor < minorAlgorithm {
		if d.int() == 0 {
			return "none"
		}
		return "gzip"
	}
	n := d.byte()
	names := []string{"none", "gzip", "lz4", "zstd"}
	if n >= len(names) {
		d.fail(fact(engine.ErrFormat, "uses the unknown compression %d", n))
		return ""
	}
	return names[n]
}

// date reads the seven numbers of a C struct tm.
func (d *decoder) date() time.Time {
	var f [7]int64
	for i := range f {
		f[i] = d.int()
	}
	sec, minute, hour, day, month, year := f[0], f[1], f[2], f[3], f[4], f[5]
	if sec < 0 || sec > 60 || minute < 0 || minute > 59 || hour < 0 || hour > 23 || day < 1 || day > 31 ||
		month < 0 || month >= monthsInYear || year < 0 || year > largestYearCount {
		return time.Time{}
	}
	return time.Date(int(year)+yearsSince, time.Month(month+1), int(day), int(hour), int(minute), int(sec), 0, time.UTC)
}

// toc reads the entries of the table of contents.
func (d *decoder) toc(h Head, visit func(*Entry) error) {
	n := d.int()
	if d.err == nil && (n < 0 || n > maxEntryCount) {
		d.fail(fact(engine.ErrCorrupt, "table of contents is said to have %d entries", n))
	}
	var e Entry
	for range n {
		e = Entry{}
		d.entry(h, &e)
		if d.err != nil {
			return
		}
		if err := visit(&e); err != nil {
			d.fail(err)
			return
		}
	}
}

func (d *decoder) entry(h Head, e *Entry) {
	id := d.int()
	if d.err == nil && (id < 1 || id > 1<<31) {
		d.fail(fact(engine.ErrCorrupt, "table of contents has an entry with the number %d", id))
	}
	d.int()      // whether it had a dumper: the offset or file name says it better
	d.skipText() // oid of the catalog
	d.skipText() // oid in the catalog
	e.Tag, _ = d.text()
	e.Desc, _ = d.text()
	if h.Minor >= minorSection {
		d.int()
	}
	e.Defn, _ = d.text()
	d.skipText() // statement that drops it
	e.Copy, _ = d.text()
	e.Schema, _ = d.text()
	d.skipText() // tablespace
	if h.Minor >= minorTableAM {
		d.skipText()
	}
	if h.Minor >= minorRelKind {
		d.int()
	}
	e.Owner, _ = d.text()
	d.skipText() // with oids
	for i := 0; d.skipText(); i++ {
		if i > maxDependencies {
			d.fail(fact(engine.ErrCorrupt, "entry %d has more than %d dependencies", id, maxDependencies))
		}
	}
	switch {
	case !h.Custom:
		e.Data, _ = d.text()
		if e.Desc == "BLOBS" && e.Data != "" {
			e.Data = h.blobList(id)
		}
	case d.hasData():
		e.Data = strconv.FormatInt(id, 10)
	}
}

// blobList is the file that lists the large objects of an entry. The tar format writes
// another name into the table of contents.
func (h Head) blobList(id int64) string {
	if h.Minor < minorBlobGroups {
		return "blobs.toc"
	}
	return fmt.Sprintf("blobs_%d.toc", id)
}

// hasData reads where a custom archive keeps the data of an entry. The offset itself
// is not needed: the data is read in the order in which it lies.
func (d *decoder) hasData() bool {
	state := d.byte()
	for range d.offSize {
		d.byte()
	}
	switch state {
	case offsetNoData:
		return false
	case offsetSet, offsetNotSet:
		return true
	}
	d.fail(fact(engine.ErrCorrupt, "a data offset has the unknown state %d", state))
	return false
}
