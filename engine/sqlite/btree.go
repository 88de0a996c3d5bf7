package sqlite

import (
	"context"
	"encoding/binary"
	"fmt"
	"unicode/utf16"

	"lifeboat/engine"
)

// Kinds of pages of a tree.
const (
	indexInner = 0x02
	tableInner = 0x05
	indexLeaf  = 0x0a
	tableLeaf  = 0x0d
)

// walker goes over the trees of a database. It visits no page twice, so that pages which
// refer to each other in a circle cannot hold it.
type walker struct {
	*pager
	ctx  context.Context
	seen []uint64 // a bit for each page
	page []byte
	read int64 // pages so far
}

func newWalker(ctx context.Context, p *pager) *walker {
	return &walker{pager: p, ctx: ctx, seen: make([]uint64, p.total/64+1), page: make([]byte, p.pageSize)}
}

// node is one page of a tree.
type node struct {
	number int64
	kind   byte
	cells  int
	start  int64 // of the page's header
}

func (n node) inner() bool { return n.kind == indexInner || n.kind == tableInner }

// tree visits the pages of the tree at root. Of leaves only the header is read, unless
// visit reads more.
func (w *walker) tree(root int64, visit func(node) error) error {
	for stack := []int64{root}; len(stack) > 0; {
		n, err := w.open(stack[len(stack)-1])
		if err != nil {
			return err
		}
		stack = stack[:len(stack)-1]
		if err := visit(n); err != nil {
			return err
		}
		if !n.inner() {
			continue
		}
		children, err := w.children(n)
		if err != nil {
			return err
		}
		stack = append(stack, children...)
	}
	return nil
}

// open reads the header of a page.
func (w *walker) open(number int64) (node, error) {
	if w.read++; w.read%1024 == 0 && w.ctx.Err() != nil {
		return node{}, context.Cause(w.ctx)
	}
	n := node{number: number}
	if number == 1 {
		n.start = headerSize
	}
	var head [8]byte
	if err := w.pager.read(head[:], number, n.start); err != nil {
		return n, err
	}
	if w.seen[number/64]&(1<<(number%64)) != 0 {
		return n, fmt.Errorf("%w: page %d is used twice", engine.ErrCorrupt, number)
	}
	w.seen[number/64] |= 1 << (number % 64)
	n.kind, n.cells = head[0], int(binary.BigEndian.Uint16(head[3:]))
	switch n.kind {
	case indexInner, tableInner, indexLeaf, tableLeaf:
	default:
		return n, fmt.Errorf("%w: page %d is not one of a table", engine.ErrCorrupt, number)
	}
	if int64(n.cells) > w.pageSize/4 {
		return n, fmt.Errorf("%w: page %d cannot hold %d cells", engine.ErrCorrupt, number, n.cells)
	}
	return n, nil
}

// children lists the pages below an inner one.
func (w *walker) children(n node) ([]int64, error) {
	if err := w.pager.read(w.page, n.number, 0); err != nil {
		return nil, err
	}
	list := make([]int64, 0, n.cells+1)
	list = append(list, int64(binary.BigEndian.Uint32(w.page[n.start+8:])))
	for i := range n.cells {
		at, err := w.cell(n, i)
		if err != nil {
			return nil, err
		}
		if at+4 > w.pageSize {
			return nil, fmt.Errorf("%w: page %d has a cell behind its end", engine.ErrCorrupt, n.number)
		}
		list = append(list, int64(binary.BigEndian.Uint32(w.page[at:])))
	}
	return list, nil
}

// cell is where the i-th cell of the page that was read lies.
func (w *walker) cell(n node, i int) (int64, error) {
	pointers := n.start + 8
	if n.inner() {
		pointers += 4
	}
	at := pointers + 2*int64(i)
	if at+2 > w.pageSize {
		return 0, fmt.Errorf("%w: page %d cannot hold %d cells", engine.ErrCorrupt, n.number, n.cells)
	}
	at = int64(binary.BigEndian.Uint16(w.page[at:]))
	if at < n.start+8 || at >= w.pageSize {
		return 0, fmt.Errorf("%w: page %d has a cell outside of it", engine.ErrCorrupt, n.number)
	}
	return at, nil
}

// rows counts what the tree at root holds: the cells of a table's leaves, or, of a table
// without row numbers, of all its pages.
func (w *walker) rows(root int64) (int64, error) {
	var rows int64
	var kind byte
	err := w.tree(root, func(n node) error {
		if kind == 0 {
			kind = n.kind | 0x08 // as a leaf
		}
		if n.kind|0x08 != kind {
			return fmt.Errorf("%w: page %d belongs to another kind of tree", engine.ErrCorrupt, n.number)
		}
		if n.kind != tableInner {
			rows += int64(n.cells)
		}
		return nil
	})
	return rows, err
}

// maxEntry bounds one line of the schema, maxSchema all of them.
const (
	maxEntry  = 8 << 20
	maxSchema = 64 << 20
)

// rooted is an entry of the schema with the page its tree begins at.
type rooted struct {
	entry
	root int64
}

// schema reads the table that lists all others; its tree begins at page 1.
func (w *walker) schema() ([]rooted, error) {
	var all []rooted
	size := 0
	err := w.tree(1, func(n node) error {
		if n.inner() {
			return nil
		}
		if n.kind != tableLeaf {
			return fmt.Errorf("%w: page %d of the schema is one of an index", engine.ErrCorrupt, n.number)
		}
		page := make([]byte, w.pageSize)
		if err := w.pager.read(page, n.number, 0); err != nil {
			return err
		}
		for i := range n.cells {
			copy(w.page, page) // payload uses the buffer for other pages
			at, err := w.cell(n, i)
			if err != nil {
				return err
			}
			payload, err := w.payload(page[at:])
			if err != nil {
				return err
			}
			if size += len(payload); size > maxSchema {
				return fmt.Errorf("%w: its schema takes more than %d MiB", engine.ErrCorrupt, maxSchema>>20)
			}
			e, err := w.entry(payload)
			if err != nil {
				return err
			}
			all = append(all, e)
		}
		return nil
	})
	return all, err
}

// payload puts a cell of a table's leaf together, which may go on in other pages.
func (w *walker) payload(cell []byte) ([]byte, error) {
	size, rest := bigVarint(cell)
	_, rest = bigVarint(rest) // the row number
	if rest == nil || size > maxEntry {
		return nil, fmt.Errorf("%w: an entry of the schema cannot be read", engine.ErrCorrupt)
	}
	usable := w.pageSize - w.reserved
	total, local := int64(size), int64(size)
	if most := usable - 35; total > most {
		least := (usable-12)*32/255 - 23
		if local = least + (total-least)%(usable-4); local > most {
			local = least
		}
	}
	if int64(len(rest)) < local || local < total && int64(len(rest)) < local+4 {
		return nil, fmt.Errorf("%w: an entry of the schema leaves its page", engine.ErrCorrupt)
	}
	payload := append(make([]byte, 0, total), rest[:local]...)
	if local == total {
		return payload, nil
	}
	next := int64(binary.BigEndian.Uint32(rest[local:]))
	for int64(len(payload)) < total { // each page adds bytes, so a circle ends as well
		part := w.page[:usable]
		if err := w.pager.read(part, next, 0); err != nil {
			return nil, err
		}
		next = int64(binary.BigEndian.Uint32(part))
		payload = append(payload, part[4:4+min(usable-4, total-int64(len(payload)))]...)
	}
	return payload, nil
}

// entry reads type, name, table, root page and text of a line of the schema.
func (w *walker) entry(payload []byte) (rooted, error) {
	corrupt := fmt.Errorf("%w: an entry of the schema cannot be read", engine.ErrCorrupt)
	size, kinds := bigVarint(payload)
	if kinds == nil || size > uint64(len(payload)) || size < uint64(len(payload)-len(kinds)) {
		return rooted{}, corrupt
	}
	values := payload[size:]
	kinds = kinds[:size-uint64(len(payload)-len(kinds))]
	var e rooted
	for i := range 5 {
		var kind uint64
		if kind, kinds = bigVarint(kinds); kinds == nil {
			return rooted{}, corrupt
		}
		n := valueSize(kind)
		if n > uint64(len(values)) {
			return rooted{}, corrupt
		}
		v := values[:n]
		values = values[n:]
		switch {
		case i == 3:
			e.root = integer(kind, v)
		case kind >= 13 && kind%2 == 1:
			*[]*string{&e.kind, &e.name, &e.table, nil, &e.sql}[i] = w.text(v)
		}
	}
	return e, nil
}

// valueSize is how many bytes a value of this kind takes.
func valueSize(kind uint64) uint64 {
	if kind >= 12 {
		return (kind - 12) / 2
	}
	return [12]uint64{0, 1, 2, 3, 4, 6, 8, 8}[kind]
}

func integer(kind uint64, v []byte) int64 {
	if kind == 9 {
		return 1
	}
	var n int64
	for i, b := range v {
		if i == 0 {
			n = int64(int8(b))
			continue
		}
		n = n<<8 | int64(b)
	}
	return n
}

// text decodes text of the database's encoding.
func (w *walker) text(v []byte) string {
	if w.utf16 == nil {
		return string(v)
	}
	units := make([]uint16, len(v)/2)
	for i := range units {
		units[i] = w.utf16.Uint16(v[2*i:])
	}
	return string(utf16.Decode(units))
}

// bigVarint reads a number of up to nine bytes, the high ones first; rest is nil when
// there are too few.
func bigVarint(b []byte) (n uint64, rest []byte) {
	for i := range min(len(b), 9) {
		if i == 8 {
			return n<<8 | uint64(b[i]), b[i+1:]
		}
		n = n<<7 | uint64(b[i]&0x7f)
		if b[i]&0x80 == 0 {
			return n, b[i+1:]
		}
	}
	return 0, nil
}
