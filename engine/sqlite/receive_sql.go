package sqlite

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lifeboat/engine"
	"lifeboat/internal/units"
)

// receiveSQL keeps the SQL for the restore and counts what it inserts.
func (l *loader) receiveSQL(ctx context.Context, d engine.Dump) (engine.Received, error) {
	rec := engine.Received{Manifest: l.manifest}
	files := d.Files()
	if len(files) != 1 {
		return rec, fmt.Errorf("%w: SQL in %d files", engine.ErrFormat, len(files))
	}
	r, err := d.Open(ctx, files[0].Name)
	if err != nil {
		return rec, err
	}
	defer r.Close()
	f, err := os.OpenFile(filepath.Join(l.dir, sqlFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return rec, fmt.Errorf("copy into the sandbox: %w", err)
	}
	defer f.Close()

	c := newCounter()
	out := io.MultiWriter(&fileWriter{f}, c)
	src := &stopReader{ctx: ctx, r: r}
	_, err = io.Copy(out, skipMark(src))
	rec.Bytes = src.read
	if err == nil {
		err = c.finish()
	}
	rec.Census, rec.Manifest.Objects, rec.Manifest.Extensions = c.census(), c.objects, c.modules
	if err == nil {
		if err := f.Close(); err != nil {
			return rec, fmt.Errorf("copy into the sandbox: %w", err)
		}
		return rec, nil
	}
	rec.Read = fmt.Sprintf("%s, %s, %s", units.Bytes(rec.Bytes), units.Counted(int64(len(c.tables)), "table"), units.Counted(c.total, "row"))
	return rec, err
}

// skipMark passes over the byte order mark that some tools begin a text with.
func skipMark(r io.Reader) io.Reader {
	b := bufio.NewReaderSize(r, 256<<10)
	if head, _ := b.Peek(3); bytes.Equal(head, []byte("\xef\xbb\xbf")) {
		b.Discard(3)
	}
	return b
}

// counter takes the census of SQL that streams by.
type counter struct {
	scan    scanner
	tables  map[string]*engine.Count // by name in lower case, as SQLite compares them
	order   []*engine.Count
	unsure  map[string]string // tables whose rows the SQL does not tell, and why
	objects []engine.Object
	modules []string
	total   int64 // rows counted

	begun    bool // a transaction was begun
	ended    bool // and committed
	rollback bool // or given up
}

func newCounter() *counter {
	c := &counter{tables: map[string]*engine.Count{}, unsure: map[string]string{}}
	c.scan.onEnd = c.statement
	return c
}

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	c.scan.write(p)
	return len(p), nil
}

// statement counts one statement.
func (c *counter) statement(st *statement) {
	switch st.keyword {
	case "BEGIN":
		c.begun = true
	case "COMMIT", "END":
		c.ended = true
	case "ROLLBACK":
		c.rollback = true
	case "CREATE":
		c.create(st)
	case "INSERT", "REPLACE":
		c.insert(st)
	case "DELETE", "UPDATE", "DROP":
		if t := st.target(); t != "" {
			c.doubt(t, "the dump changes its rows after inserting them")
		}
	}
}

func (c *counter) create(st *statement) {
	o, ok := st.created()
	if !ok {
		return
	}
	c.objects = append(c.objects, o)
	switch o.Kind {
	case "table":
		c.table(o.Name)
	case virtualTable:
		c.module(st.module())
	}
}

func (c *counter) insert(st *statement) {
	table := st.target()
	if v, ok := readVirtualTable(st); ok {
		if o, ok := object("table", v.name, "", true); ok {
			c.objects = append(c.objects, o)
		}
		c.module(v.module)
	}
	if table == "" || strings.HasPrefix(strings.ToLower(table), "sqlite_") {
		return
	}
	rows := st.rows
	if !st.values && !st.inexact {
		rows = 1 // DEFAULT VALUES
	}
	c.table(table).Rows += rows
	c.total += rows
	if st.inexact {
		c.doubt(table, "an INSERT of the dump does not say how many rows it adds")
	}
}

func (c *counter) module(name string) {
	if name != "" && !slices.Contains(c.modules, name) {
		c.modules = append(c.modules, name)
	}
}

// table finds or begins the count of a table.
func (c *counter) table(name string) *engine.Count {
	key := strings.ToLower(name)
	n, ok := c.tables[key]
	if !ok {
		n = &engine.Count{Table: engine.Table{Name: name}}
		c.tables[key] = n
		c.order = append(c.order, n)
	}
	return n
}

func (c *counter) doubt(table, why string) {
	if !strings.HasPrefix(strings.ToLower(table), "sqlite_") {
		c.unsure[strings.ToLower(c.table(table).Table.Name)] = why
	}
}

// census is what was counted.
func (c *counter) census() engine.Census {
	var census engine.Census
	for _, n := range c.order {
		if why, unsure := c.unsure[strings.ToLower(n.Table.Name)]; unsure {
			census.Uncounted = append(census.Uncounted, engine.Skipped{Subject: n.Table.String(), Reason: why})
			continue
		}
		census.Tables = append(census.Tables, *n)
	}
	return census
}

// finish says whether the SQL came to its end.
func (c *counter) finish() error {
	complete := c.scan.close()
	switch {
	case c.rollback || c.scan.damage:
		return fmt.Errorf("%w: the dump itself says that it hit errors: the database could not be read to its end when it was made", engine.ErrCorrupt)
	case !complete:
		return fmt.Errorf("%w: it ends inside a statement", engine.ErrTruncated)
	case c.begun && !c.ended:
		return fmt.Errorf("%w: the COMMIT that ends every .dump is missing", engine.ErrTruncated)
	}
	return nil
}
