package archive

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"

	"lifeboat/engine"
	"lifeboat/internal/zeros"
)

// Kinds of blocks in a custom archive.
const (
	blockData  = 1
	blockBlobs = 3
)

// Handler learns what a pass over an archive finds, in the order in which it lies
// there.
type Handler struct {
	// Head is called once, before any entry.
	Head func(Head)
	// Entry is called for each entry of the table of contents; the entry is the
	// handler's only until it returns.
	Entry func(*Entry) error
	// Needs is called for each further piece of data that the archive says it holds, by
	// the name under which Rows will report it.
	Needs func(data string)
	// Escapes reports whether backslashes escape in the strings of a directory archive,
	// whose table of contents is another file than its data. It may be nil.
	Escapes func() bool
	// Rows is called after the data of the given name was read, and with err when it
	// is damaged: then rows is what was counted before the damage. It returns an error
	// to stop, or nil to go on where that is possible.
	Rows func(data string, rows Rows, err error) error
}

// ReadCustom reads a custom archive to its end and in one goroutine. Every block is checked to be whole;
// whether all promised data was there is for the handler to compare. Errors of r are
// returned as they are.
func ReadCustom(ctx context.Context, r io.Reader, h Handler) error {
	src := &Source{R: withContext(ctx, r)}
	c := &custom{decoder: decoder{r: bufio.NewReaderSize(src, 256<<10)}, count: newCounter(), handler: h}
	defer c.count.close()
	return src.Blame(c.read())
}

type custom struct {
	decoder
	count       *counter
	handler     Handler
	compression string
	tables      map[string]bool // the data there is, true for rows of tables
	paddable    bool            // zeros may follow the block read last
}

func (c *custom) read() error {
	head := c.head()
	if c.err != nil {
		return c.err
	}
	if !head.Custom {
		return fact(engine.ErrFormat, "is the table of contents of a directory or tar archive alone")
	}
	c.compression = head.Compression
	if c.compression == gzipData {
		c.compression = zlibData
	}
	c.handler.Head(head)
	c.tables = make(map[string]bool)
	c.toc(head, func(e *Entry) error {
		c.count.Escape = c.count.Escape || e.Escapes()
		if e.Data != "" {
			c.tables[e.Data] = e.Desc == TableData
		}
		return c.handler.Entry(e)
	})
	for c.err == nil {
		kind, err := c.r.ReadByte()
		if err != nil {
			return atEnd(err)
		}
		if kind == 0 {
			if !c.paddable {
				return fact(engine.ErrCorrupt, "has zeros where another block or its end should be")
			}
			return c.padding()
		}
		c.block(kind)
		// What is not compressed, and a list of large objects, end with a zero: there,
		// zeros may stand where more had been.
		c.paddable = kind == blockData && c.compression != none
	}
	return c.err
}

// padding reads zeros to the end; pg_restore does not look behind the last block it needs.
func (c *custom) padding() error {
	switch alone, err := zeros.Alone(c.r); {
	case err != nil:
		return atEnd(err)
	case !alone:
		return fact(engine.ErrCorrupt, "holds neither a block nor zeros alone behind its last block")
	}
	return nil
}

// block reads the data of one entry.
func (c *custom) block(kind byte) {
	id := strconv.FormatInt(c.int(), 10)
	if c.err != nil {
		return
	}
	isTable, known := c.tables[id]
	if !known {
		c.fail(fact(engine.ErrCorrupt, "holds a block for entry %s, of which the table of contents does not know", id))
		return
	}
	switch kind {
	case blockData:
		rows, err := c.data(isTable)
		c.fail(c.handler.Rows(id, rows, err))
	case blockBlobs:
		c.fail(c.handler.Rows(id, Rows{}, c.blobs()))
	default:
		c.fail(fact(engine.ErrCorrupt, "holds a block of the unknown kind %d", kind))
	}
}

// data reads the chunks of one compressed stream.
func (c *custom) data(isTable bool) (rows Rows, err error) {
	ch := &chunks{d: &c.decoder}
	if isTable {
		rows, err = c.count.rows(ch, c.compression)
	} else {
		err = c.count.drain(ch, c.compression)
	}
	if c.err != nil {
		return rows, c.err // the archive ended: what the decompressor says follows from that
	}
	if err != nil {
		return rows, err
	}
	if _, err := io.Copy(io.Discard, ch); err != nil {
		return rows, err
	}
	return rows, nil
}

// blobs reads large objects, each under its id, up to the id 0.
func (c *custom) blobs() error {
	for {
		oid := c.int()
		if c.err != nil || oid == 0 {
			return c.err
		}
		if _, err := c.data(false); err != nil {
			return fmt.Errorf("large object %d: %w", oid, err)
		}
	}
}

// chunks joins the chunks of one block. Each has its length before it; the length 0
// ends the block.
type chunks struct {
	d    *decoder
	left int64
	done bool
}

// Read implements io.Reader. It goes on over the borders of chunks, which in
// uncompressed data lie between any two rows, as long as bytes are at hand.
func (c *chunks) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if c.left == 0 && !c.next() {
			break
		}
		m, err := c.d.r.Read(p[n:min(int64(len(p)), int64(n)+c.left)])
		n += m
		c.left -= int64(m)
		if err != nil {
			c.d.fail(unexpected(err))
			break
		}
		if c.d.r.Buffered() < c.d.intSize+2 {
			break
		}
	}
	switch {
	case n > 0 || len(p) == 0:
		return n, nil
	case c.d.err != nil:
		return 0, c.d.err
	}
	return 0, io.EOF
}

// next begins the next chunk and reports whether there is one.
func (c *chunks) next() bool {
	if c.done || c.d.err != nil {
		return false
	}
	c.left = c.d.int()
	switch {
	case c.d.err != nil:
		c.left = 0
	case c.left < 0:
		c.d.fail(fact(engine.ErrCorrupt, "holds a chunk of %d bytes", c.left))
		c.left = 0
	case c.left == 0:
		c.done = true
	}
	return c.left > 0
}
